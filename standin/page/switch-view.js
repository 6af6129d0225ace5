// The switches: faults of single callbacks, what goes wrong for long, what is unknown of the service.

import { build, get } from './dom.js';
import { send } from './send.js';

const groups = [
  {
    title: 'What goes wrong for long',
    switches: [
      ['entraAgentId', 'Agent with an Entra Agent ID', 'Every callback gets 401; a skill can do nothing about it.'],
      ['directoryDown', 'Login service out of order', 'No tokens; the import says AADERROR_OTHER.'],
      ['clockSkewSeconds', 'Clock ahead of this one by', 'Seconds, for tenant and agent; 300 are usually allowed.'],
      ['longIds', 'Long conversation ids', 'New chats have ids with ; : @ = as in channels of Teams.'],
    ],
    buttons: [
      ['Rotate keys', 'keys', { retireOld: false }, 'A new signing key beside the old one'],
      ['Rotate, old one gone', 'keys', { retireOld: true }, 'As after a compromise'],
      ['Move service URL', 'service-url', { keepOld: false }, 'The old one answers 404'],
      ['Move, old one works', 'service-url', { keepOld: true }, 'Both take callbacks'],
    ],
  },
  {
    title: 'What nobody outside knows',
    switches: [
      ['closedStatus', 'Answer after the end of an action', 'The real status is not documented.', [404, 403, 410, 500]],
      ['emptyCallbackBody', 'Empty body for a callback', 'As on Teams; off: with {id}.'],
      ['tellSkillOfInterruption', 'An interruption tells the skill', 'By endOfConversation; do not count on it.'],
      ['idleMinutes', 'Minutes of silence until an action expires', 'A session is over after 60.'],
      ['skillTimeoutMs', 'Milliseconds for the skill to answer', 'Channels give up after 10 000 to 15 000.'],
      ['probe', 'Import asks without a token', 'It wants 401 with WWW-Authenticate.', ['off', 'warn', 'refuse']],
      ['references', 'Import follows $ref', 'Off: a manifest with $ref is refused.'],
    ],
    buttons: [],
  },
];

const drawn = { controls: new Map(), faults: new Map() };

/** Builds the tab once, then keeps the controls at what counts. */
export function drawSwitches({ switches, faults }) {
  if (drawn.controls.size === 0) buildTab(faults, switches);
  for (const [name, control] of drawn.controls) showValue(control, switches[name]);
  for (const { name, left } of faults) showFault(drawn.faults.get(name), left);
}

function buildTab(faults, switches) {
  const callbacks = build('section', 'group', build('h3', '', 'Callbacks of the skill'), ...faults.map(buildFault));
  const others = groups.map(({ title, switches: rows, buttons }) =>
    build(
      'section',
      'group',
      build('h3', '', title),
      ...rows.map((row) => buildSwitch(row, switches)),
      build('div', 'buttons', ...buttons.map(buildButton)),
    ),
  );
  get('tab-faults').replaceChildren(callbacks, ...others, build('p', 'note', ''));
}

function buildFault({ name, title }) {
  const set = (times) => void change('faults', { name, times });
  const once = buildPress('Next one', () => set(once.getAttribute('aria-pressed') === 'true' ? 0 : 1));
  const always = buildPress('Every one', () => set(always.getAttribute('aria-pressed') === 'true' ? 0 : null));
  drawn.faults.set(name, { once, always });
  const row = build('div', 'row', build('p', '', title), build('div', 'presses', once, always));
  row.dataset.fault = name;
  return row;
}

function buildPress(text, act) {
  const button = build('button', 'press', text);
  button.type = 'button';
  button.addEventListener('click', act);
  return button;
}

function showFault({ once, always }, left) {
  once.setAttribute('aria-pressed', String(left !== null && left > 0));
  always.setAttribute('aria-pressed', String(left === null));
}

function buildSwitch([name, title, explanation, choices], switches) {
  const control = buildControl(switches[name], choices);
  control.name = name;
  control.addEventListener('change', () => void change('switches', { [name]: readValue(control, choices) }));
  drawn.controls.set(name, control);
  return build('label', 'row', build('span', '', title, build('small', '', explanation)), control);
}

function buildControl(value, choices) {
  if (choices !== undefined)
    return build('select', '', ...choices.map((choice) => build('option', '', String(choice))));
  const control = build('input', typeof value === 'boolean' ? 'toggle' : '');
  control.type = typeof value === 'boolean' ? 'checkbox' : 'number';
  return control;
}

function readValue(control, choices) {
  if (control.type === 'checkbox') return control.checked;
  if (choices !== undefined) return choices.find((choice) => String(choice) === control.value);
  return Number(control.value);
}

/** Left alone while somebody is at it. */
function showValue(control, value) {
  if (control.type === 'checkbox') control.checked = value;
  else if (document.activeElement !== control) control.value = String(value);
}

function buildButton([text, path, body, title]) {
  const button = buildPress(text, () => void change(path, body));
  button.className = 'quiet';
  button.title = title;
  return button;
}

async function change(path, body) {
  const { fault } = await send(`/standin/${path}`, body);
  const note = get('tab-faults').querySelector('.note');
  note.textContent = fault ?? '';
  note.dataset.state = 'bad';
}
