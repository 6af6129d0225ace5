// The chat page: state arrives as Server-Sent Events, what the person does goes out as JSON.

import { drawChat, drawConversations } from './chat-view.js';
import { build, get } from './dom.js';
import { drawWire } from './wire-view.js';

let state = { agent: { name: 'Agent' }, skills: [], conversations: [], wire: [], wireTotal: 0 };
let chosenId;
let offeredActions = '';

const events = new EventSource('/standin/events');
events.addEventListener('open', () => showLink('live', 'live'));
events.addEventListener('error', () => showLink('lost', 'not connected'));
events.addEventListener('message', (event) => {
  state = JSON.parse(event.data);
  draw();
});

get('new-teams').addEventListener('click', () => void open('msteams'));
get('new-pane').addEventListener('click', () => void open('pva-studio'));
get('only-refused').addEventListener('change', draw);
get('action-name').addEventListener('change', drawInputs);
get('cancel').addEventListener('click', () => void act('cancel', {}));
get('action-form').addEventListener('submit', (event) => {
  event.preventDefault();
  void act('actions', { name: get('action-name').value, inputs: readInputs() });
});
get('message-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = get('message-text').value.trim();
  if (text === '') return;
  get('message-text').value = '';
  void act('messages', { text });
});

function draw() {
  chosenId ??= state.conversations.at(-1)?.id;
  const conversation = findChosen();
  const skill = findSkill(conversation);
  get('agent-name').textContent = state.agent.name;
  document.title = `${state.agent.name} (stand-in)`;
  drawConversations(state, chosenId, choose);
  drawChat(conversation, skill?.name ?? 'Skill');
  drawWire(state.wire, state.wireTotal, get('only-refused').checked);
  offerActions(skill);
  for (const id of ['new-teams', 'new-pane']) get(id).disabled = state.skills.length === 0;
  for (const control of document.querySelectorAll('.composer :is(input, select, button)')) {
    control.disabled = conversation === undefined;
  }
}

function choose(id) {
  chosenId = id;
  note('');
  draw();
}

async function open(channel) {
  const body = await send('/standin/conversations', { channel });
  if (body?.id !== undefined) choose(body.id);
}

/** Lets the chosen conversation do something and says what became of it. */
async function act(what, body) {
  if (chosenId === undefined) return;
  const wasOpen = findChosen()?.isOpen ?? false;
  const answer = await send(`/standin/conversations/${encodeURIComponent(chosenId)}/${what}`, body);
  if (answer === undefined) return;
  if (answer.stuck) note('The skill answered this event action with nothing: the topic could not go on.', 'bad');
  else if (what === 'messages' && !wasOpen) note('No action is open, so the skill did not hear this.');
  else note('');
}

async function send(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return answer;
    note(answer.error?.message ?? `refused with ${response.status}`, 'bad');
  } catch {
    note('The stand-in does not answer.', 'bad');
  }
  return undefined;
}

/** Offers the skill's actions; left alone while they are the same, so that what was typed stays. */
function offerActions(skill) {
  const actions = skill?.actions ?? [];
  const key = JSON.stringify([skill?.appId, actions]);
  if (key === offeredActions) return;
  offeredActions = key;
  const options = actions.map((action) => {
    const option = build('option', '', action.name);
    option.value = action.name;
    option.title = action.description;
    return option;
  });
  get('action-name').replaceChildren(...options);
  drawInputs();
}

function drawInputs() {
  const action = findAction();
  const fields = (action?.inputs ?? []).map((input) => {
    const control = build('input', '');
    control.name = input.name;
    control.title = input.description;
    control.dataset.type = input.type;
    if (input.type === 'integer') control.type = 'number';
    if (input.name === 'subject') control.value = 'order/42';
    if (input.name === 'timeoutMinutes') control.value = '10';
    return build('label', 'field', build('span', '', input.name), control);
  });
  get('action-inputs').replaceChildren(...fields);
}

function readInputs() {
  const inputs = {};
  for (const { name, value, dataset } of get('action-inputs').querySelectorAll('input')) {
    if (value === '') continue;
    inputs[name] = parseInput(value, dataset.type);
  }
  return inputs;
}

function parseInput(value, type) {
  if (type === 'integer' || type === 'number') return Number(value);
  return type === 'boolean' ? value === 'true' : value;
}

function findAction() {
  return findSkill(findChosen())?.actions.find((action) => action.name === get('action-name').value);
}

function findSkill(conversation) {
  return state.skills.find((skill) => skill.appId === conversation?.skillAppId) ?? state.skills[0];
}

function findChosen() {
  return state.conversations.find((conversation) => conversation.id === chosenId);
}

function note(text, kind = 'plain') {
  const element = get('composer-note');
  element.textContent = text;
  element.dataset.state = kind;
}

function showLink(kind, text) {
  get('link').dataset.state = kind;
  get('link').textContent = text;
}
