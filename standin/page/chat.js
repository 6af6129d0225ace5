// One chat window: its conversations, the action that is started, what is typed.

import { buildOption, createActionForm } from './action-form.js';
import { drawActionState, drawTranscript } from './chat-view.js';
import { build, get } from './dom.js';
import { send } from './send.js';

const channelNames = { msteams: 'Teams', directline: 'Web chat', 'pva-studio': 'Test pane' };

/** Fills the section; `channels` are those whose conversations are shown in it. */
export function createChat(section, { title, explanation, initials, channels }) {
  section.append(get('chat-template').content.cloneNode(true));
  const find = (selector) => section.querySelector(selector);
  find('h2').textContent = title;
  find('.chat-name .hint').textContent = explanation;
  find('.avatar').textContent = initials;

  const chat = { find, channels, state: undefined, chosenId: undefined };
  const form = createActionForm(section);
  listen(chat, form);
  const draw = (state) => {
    chat.state = state;
    const conversation = findChosen(chat);
    const skill = state.skills.find(({ appId }) => appId === conversation?.skillAppId) ?? state.skills.at(-1);
    if (channels.length > 1) find('h2').textContent = channelNames[conversation?.channelId] ?? title;
    drawChoice(find('.conversation-choice'), listOwn(chat), conversation?.id);
    drawActionState(section, conversation);
    // Before the transcript, which has what is left of the height.
    form.offer(skill);
    drawTranscript(find('.transcript'), conversation, skill);
    for (const control of section.querySelectorAll('.composer :is(input, select, button), .new-chats button')) {
      control.disabled = skill === undefined;
    }
  };
  find('.conversation-choice').addEventListener('change', (event) => {
    chat.chosenId = event.target.value;
    note(chat, '');
    draw(chat.state);
  });
  return { draw };
}

function listOwn({ state, channels }) {
  return state.conversations.filter(({ channelId }) => channels.some(([name]) => name === channelId));
}

function findChosen(chat) {
  const own = listOwn(chat);
  return own.find(({ id }) => id === chat.chosenId) ?? own.at(-1);
}

function listen(chat, form) {
  const { find } = chat;
  for (const [channel, text] of chat.channels) {
    const button = build('button', 'quiet', text);
    button.type = 'button';
    button.dataset.channel = channel;
    button.addEventListener('click', () => void open(chat, channel));
    find('.new-chats').append(button);
  }
  find('.cancel').addEventListener('click', () => void act(chat, 'cancel', {}));
  find('.interrupt').addEventListener('click', () => void act(chat, 'interrupt', {}));
  find('.action-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void act(chat, 'actions', form.read());
  });
  find('.message-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = find('.message-text').value.trim();
    if (text === '') return;
    find('.message-text').value = '';
    void act(chat, 'messages', { text });
  });
}

async function open(chat, channel) {
  const { answer, fault } = await send('/standin/conversations', { channel });
  note(chat, fault ?? '', 'bad');
  if (answer !== undefined) chat.chosenId = answer.id;
  return answer?.id;
}

/** Lets the chosen conversation, or a new one, do something and says what became of it. */
async function act(chat, what, body) {
  const chosen = findChosen(chat);
  const id = chosen?.id ?? (await open(chat, chat.channels[0][0]));
  if (id === undefined) return;
  chat.chosenId = id;
  note(chat, '');
  const { answer, fault } = await send(`/standin/conversations/${encodeURIComponent(id)}/${what}`, body);
  if (fault !== undefined) note(chat, fault, 'bad');
  else if (answer.stuck) note(chat, 'The skill answered with nothing: the topic could not go on.', 'bad');
  else if (what === 'messages' && chosen?.isOpen !== true) {
    note(chat, 'No action is open, so the skill did not hear this.');
  }
}

function note({ find }, text, kind = 'plain') {
  find('.note').textContent = text;
  find('.note').dataset.state = kind;
}

function drawChoice(select, conversations, chosenId) {
  const key = conversations.map(({ id }) => id).join(' ');
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    const options = conversations.map(({ id }, index) => buildOption(id, `Chat ${index + 1}`, id));
    select.replaceChildren(...options.toReversed());
  }
  select.value = chosenId ?? '';
  select.hidden = conversations.length < 2;
  select.title = chosenId ?? '';
}
