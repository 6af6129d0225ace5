// Draws the list of conversations and the transcript of the chosen one.

import { build, formatTime, get } from './dom.js';

const channelNames = { msteams: 'Teams chat', directline: 'Web chat', 'pva-studio': 'Test pane' };

/** Redraws the list; `choose` is called with the id of a conversation. */
export function drawConversations(state, chosenId, choose) {
  get('no-conversations').hidden = state.conversations.length > 0;
  const items = state.conversations.map((conversation) => {
    const title = build('span', '', channelNames[conversation.channelId] ?? conversation.channelId);
    const button = build('button', '', title, build('small', '', describeLast(conversation)));
    button.type = 'button';
    button.setAttribute('aria-current', String(conversation.id === chosenId));
    button.addEventListener('click', () => choose(conversation.id));
    return build('li', '', button);
  });
  get('conversations').replaceChildren(...items.toReversed());
}

/** Redraws head and transcript; stays at the end unless the reader has scrolled up. */
export function drawChat(conversation, skillName) {
  const list = get('transcript');
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  drawHead(conversation);
  list.replaceChildren(...(conversation?.transcript ?? []).map((entry) => drawEntry(entry, skillName)));
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function drawHead(conversation) {
  const isOpen = conversation?.isOpen ?? false;
  const action = conversation?.action ?? undefined;
  get('cancel').hidden = !isOpen;
  const pill = get('action-state');
  pill.hidden = action === undefined;
  if (conversation === undefined) return;
  get('chat-title').textContent = channelNames[conversation.channelId] ?? conversation.channelId;
  get('chat-subtitle').textContent = `${conversation.deliveryMode} · ${conversation.id}`;
  if (action === undefined) return;
  const isFailed = action.code === 'SkillNotSuccesfulResponseCode';
  pill.dataset.state = isFailed ? 'failed' : action.state;
  pill.textContent = `${action.name} · ${isFailed ? 'failed' : action.state}`;
}

function drawEntry(entry, skillName) {
  const isStep = entry.type !== 'message' || entry.text.startsWith('calls ');
  if (isStep) return drawStep(entry, skillName);
  const isFailed = entry.text.startsWith('SkillNotSuccesfulResponseCode');
  const speaker = { user: 'You', agent: 'Agent', skill: skillName }[entry.from];
  return build(
    'li',
    `bubble ${entry.from}${isFailed ? ' failed' : ''}`,
    build('small', '', `${speaker} · ${formatTime(entry.at)}`),
    build('p', '', entry.text),
  );
}

function drawStep(entry, skillName) {
  const who = entry.from === 'skill' ? skillName : 'Agent';
  const isEnd = entry.from === 'skill' && entry.type === 'endOfConversation';
  const said = isEnd ? `ended the action${entry.text ? ` (${entry.text})` : ''}` : describeStep(entry);
  const item = build('li', 'step', build('b', '', who), ` ${said} · ${formatTime(entry.at)}`);
  if (isEnd && entry.value !== undefined) item.append(drawOutputs(entry.value));
  return item;
}

function describeStep(entry) {
  if (entry.from === 'agent') return entry.text;
  return `sent ${entry.type} ${entry.text}`;
}

function drawOutputs(value) {
  const pairs = Object.entries(value).flatMap(([name, output]) => [
    build('dt', '', name),
    build('dd', '', typeof output === 'string' ? output : JSON.stringify(output)),
  ]);
  return build('dl', 'outputs', ...pairs);
}

function describeLast(conversation) {
  const last = conversation.transcript.at(-1);
  return last === undefined ? 'nothing said yet' : `${last.text || last.type}`;
}
