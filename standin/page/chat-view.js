// Draws what is said in a conversation and where its action stands.

import { build, formatTime } from './dom.js';

const failure = 'SkillNotSuccesfulResponseCode';

/** The pill and the buttons that need an open action. */
export function drawActionState(section, conversation) {
  const { action } = conversation ?? {};
  const isOpen = conversation?.isOpen ?? false;
  section.querySelector('.action-bar').hidden = !action;
  for (const name of ['cancel', 'interrupt']) section.querySelector(`.${name}`).hidden = !isOpen;
  const pill = section.querySelector('.pill');
  if (!action) return;
  pill.dataset.state = action.code === failure ? 'failed' : action.state;
  pill.textContent = pill.dataset.state;
  section.querySelector('.doing').textContent = action.name;
}

/** Redraws the transcript; stays at the end unless the reader has scrolled up. */
export function drawTranscript(list, conversation, skill) {
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const entries = conversation?.transcript ?? [];
  const empty = build('li', 'empty', skill === undefined ? explainImport() : explainStart());
  list.replaceChildren(
    ...(entries.length === 0 ? [empty] : entries.map((entry) => drawEntry(entry, skill?.name ?? 'Skill'))),
  );
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

function explainImport() {
  return build('p', '', 'The agent has no skill yet. Import one by its manifest, under "Skill".');
}

function explainStart() {
  return build('p', '', 'Start an action of the skill, as a topic would, or type first what the user says.');
}

function drawEntry(entry, skillName) {
  if (entry.type === 'finding') return build('li', 'finding', build('b', '', 'Finding'), ` ${entry.text}`);
  const isStep = entry.type !== 'message' || (entry.from === 'agent' && entry.text.startsWith('calls '));
  if (isStep) return drawStep(entry, skillName);
  const isFailed = entry.text.startsWith(failure);
  const speaker = { user: 'You', agent: 'Agent', skill: skillName }[entry.from];
  const attachments = (entry.attachments ?? []).map((type) => build('p', 'attachment', type));
  return build(
    'li',
    `bubble ${entry.from}${isFailed ? ' failed' : ''}`,
    build('small', '', `${speaker} · ${formatTime(entry.at)}`),
    entry.text === '' && attachments.length > 0 ? undefined : build('p', '', entry.text),
    ...attachments,
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
  return entry.from === 'agent' ? entry.text : `sent ${entry.type} ${entry.text}`;
}

function drawOutputs(value) {
  const pairs = Object.entries(value).flatMap(([name, output]) => [
    build('dt', '', name),
    build('dd', '', typeof output === 'string' ? output : JSON.stringify(output)),
  ]);
  return build('dl', 'outputs', ...pairs);
}
