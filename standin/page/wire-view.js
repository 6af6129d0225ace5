// Draws the wire log, newest first. Entries stay in place between redraws, so that an opened one stays open.

import { build, formatTime, get } from './dom.js';

const routes = {
  'agent->skill': 'Agent → skill',
  'skill->agent': 'Skill → agent',
  'skill->tenant': 'Skill → tenant',
  'agent->manifest': 'Agent → manifest',
  'page->standin': 'This page',
  'channel->skill': 'Channel → skill',
  'skill->channel': 'Skill → channel',
};

const drawn = new Map();

/** Adds what is new and drops what has left the window; `total` numbers the records over all time. */
export function drawWire(records, total, onlyRefused) {
  const list = get('wire');
  const first = total - records.length;
  for (const [number, item] of drawn) {
    if (number >= first && number < total) continue;
    item.remove();
    drawn.delete(number);
  }
  for (const [index, record] of records.entries()) {
    const number = first + index;
    if (!drawn.has(number)) {
      const item = drawRecord(record);
      drawn.set(number, item);
      list.prepend(item);
    }
    drawn.get(number).hidden = onlyRefused && record.reason === undefined;
  }
  get('no-wire').hidden = records.length > 0;
}

function drawRecord(record) {
  const isFailed = record.reason !== undefined;
  const time = build('time', '', formatTime(record.at));
  const details = build(
    'details',
    '',
    build(
      'summary',
      '',
      build('span', 'route', routes[record.direction] ?? record.direction, time),
      build('span', `status${isFailed ? ' failed' : ''}`, record.status === 0 ? 'none' : String(record.status)),
      build('span', 'what', describe(record)),
      record.reason === undefined ? undefined : build('span', 'reason', record.reason),
    ),
    build('pre', '', JSON.stringify(record, undefined, 2)),
  );
  return build('li', '', details);
}

function describe(record) {
  const { activity, scope } = record;
  if (scope !== undefined) return `token for ${scope}`;
  const name = activity?.name === undefined ? '' : ` ${activity.name}`;
  const isProbe = record.direction === 'agent->skill' && record.token === undefined;
  if (activity?.type !== undefined) return `${activity.type}${name}${isProbe ? ', without a token' : ''}`;
  return `${record.method} ${record.path}`;
}
