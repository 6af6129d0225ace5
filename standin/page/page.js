// The page: state arrives as Server-Sent Events, what the person does goes out as JSON.

import { createChat } from './chat.js';
import { get } from './dom.js';
import { drawSkill, watchImport } from './skill-view.js';
import { drawSwitches } from './switch-view.js';
import { drawWire } from './wire-view.js';

let state;

const chats = [
  createChat(get('pane'), {
    title: 'Test pane',
    explanation: 'no push: replies only in the answer',
    initials: 'CS',
    channels: [['pva-studio', '+ Chat']],
  }),
  createChat(get('channel'), {
    title: 'Teams',
    explanation: 'push while it waits',
    initials: 'T',
    channels: [
      ['msteams', '+ Teams'],
      ['directline', '+ Web'],
    ],
  }),
];

const events = new EventSource('/standin/events');
events.addEventListener('open', () => showLink('live', 'live'));
events.addEventListener('error', () => showLink('lost', 'not connected'));
events.addEventListener('message', (event) => {
  const isFirst = state === undefined;
  state = JSON.parse(event.data);
  // What there is to do first.
  if (isFirst && state.skills.length === 0) showTab('skill');
  draw();
});

get('only-refused').addEventListener('change', draw);
watchImport();
for (const button of document.querySelectorAll('nav.views button')) {
  button.addEventListener('click', () => showView(button.dataset.view));
}
for (const button of document.querySelectorAll('.tabs button')) {
  button.addEventListener('click', () => showTab(button.dataset.tab));
}
get('active-faults').addEventListener('click', () => {
  showView('rail');
  showTab('faults');
});
showView('pane');
showTab('wire');

function draw() {
  if (state === undefined) return;
  get('agent-name').textContent = state.agent.name;
  document.title = `${state.agent.name} (stand-in)`;
  for (const chat of chats) chat.draw(state);
  drawWire(state.wire, state.wireTotal, get('only-refused').checked);
  drawSwitches(state);
  drawSkill(state);
  drawActiveFaults();
}

/** What is switched on is seen from everywhere: a forgotten fault costs an hour. */
function drawActiveFaults() {
  const { faults, switches } = state;
  const count =
    faults.filter(({ left }) => left !== 0).length +
    [switches.entraAgentId, switches.directoryDown, switches.clockSkewSeconds !== 0].filter(Boolean).length;
  get('active-faults').hidden = count === 0;
  get('active-faults').textContent = count === 1 ? '1 fault is on' : `${count} faults are on`;
}

function showView(view) {
  document.querySelector('main').dataset.view = view;
  for (const button of document.querySelectorAll('nav.views button')) {
    button.setAttribute('aria-pressed', String(button.dataset.view === view));
  }
  // What is not shown cannot be scrolled: its end is found when it appears.
  for (const list of document.querySelectorAll('.transcript')) list.scrollTop = list.scrollHeight;
}

function showTab(tab) {
  document.querySelector('aside').dataset.tab = tab;
  for (const button of document.querySelectorAll('.tabs button')) {
    button.setAttribute('aria-selected', String(button.dataset.tab === tab));
  }
  for (const panel of document.querySelectorAll('aside .tab')) panel.hidden = panel.id !== `tab-${tab}`;
}

function showLink(kind, text) {
  get('link').dataset.state = kind;
  get('link').textContent = text;
}
