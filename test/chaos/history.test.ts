// The checker is checked: a correct history has no fault, and each planted fault is found, alone.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkHistory,
  createHistory,
  type FaultName,
  formatReport,
  type History,
  listFaults,
  listUnexplainedDuplicates,
  maxDuplicatesAllowed,
  type Received,
} from './history.ts';

/** What may become of a message without anybody's fault; `answers` is how many 202 came back. */
const fates = {
  delivered: { received: true, answers: 1, state: 'delivered' },
  repeated: { received: true, answers: 2, state: 'delivered' },
  answerLost: { received: true, answers: 0, state: 'pending' },
  acceptedLate: { received: true, answers: 0, state: 'pending' },
  refused: { received: false, answers: 0, state: 'pending' },
  pending: { received: false, answers: 1, state: 'pending' },
  held: { received: false, answers: 1, state: 'held' },
  dead: { received: false, answers: 1, state: 'dead' },
  cancelled: { received: false, answers: 1, state: 'cancelled' },
} as const;
type Message = { readonly conversation: number; readonly fate: keyof typeof fates; readonly lag: number };

/** The history of a run without any fault: message i is sent at i * 10 and received `lag` later, in order. */
function runCorrectly(messages: readonly Message[]): History {
  const history = createHistory();
  const receipts: Received[] = [];
  const lastAt = new Map<string, number>();
  for (const [index, { conversation: number, fate, lag }] of messages.entries()) {
    const { received, answers, state } = fates[fate];
    const [key, notificationId, conversation] = [`k${index}`, `id${index}`, `c${number}`];
    history.attempted({ key, conversation, index });
    const inOrder = Math.max(lastAt.get(conversation) ?? 0, index * 10 + lag);
    const at = fate === 'acceptedLate' ? 100_000 : inOrder;
    if (received) receipts.push({ key, conversation, notificationId, attempt: 1, at });
    if (received && at === inOrder) lastAt.set(conversation, at);
    for (let answer = 0; answer < answers; answer += 1) {
      history.acknowledged({ key, notificationId, at: index * 10 + answer });
      history.settled({ key, state: 'pending' });
    }
    if (answers > 0) history.settled({ key, state, reason: state === 'dead' ? 'refused' : undefined });
  }
  for (const receipt of receipts.toSorted((a, b) => a.at - b.at)) history.received(receipt);
  return history.read();
}

/** Where faults can be planted: receipts with a 202, two of them one after the other in a conversation. */
type Places = { readonly known: readonly Received[]; readonly first: Received; readonly next: Received };

function findPlaces(history: History, pick: number): Places {
  const acknowledged = new Set(history.acknowledged.map(({ key }) => key));
  const known = history.received.filter(({ key }) => acknowledged.has(key));
  const pairs = known.flatMap((first, i) => {
    const next = known.slice(i + 1).find(({ conversation }) => conversation === first.conversation);
    return next ? [{ first, next, known }] : [];
  });
  const place = pairs[pick % pairs.length];
  if (!place) throw new Error('no two messages of a conversation');
  return place;
}

type Rewrite = (receipt: Received) => Received[];
const rewritten = (h: History, to: Rewrite): History => ({ ...h, received: h.received.flatMap(to) });
const unreceived = (h: History, ...keys: string[]): History =>
  rewritten(h, (receipt) => (keys.includes(receipt.key) ? [] : [receipt]));
const changed = (h: History, old: Received, change: Partial<Received>): History =>
  rewritten(h, (receipt) => [receipt === old ? { ...old, ...change } : receipt]);
const forgotten = (h: History, ...keys: string[]): History => ({
  ...unreceived(h, ...keys),
  settled: h.settled.filter(({ key }) => !keys.includes(key)),
});
const followed = (h: History, receipt: Received): History => ({ ...h, received: [...h.received, receipt] });

/** Gives the history with the fault in it, which `keys` then have: the place's first message, if nothing else is said. */
type Plant = (history: History, places: Places) => History;
type Fault = readonly [name: string, field: FaultName, plant: Plant, keys: (places: Places) => string[]];
const firstOf: Fault[3] = ({ first }) => [first.key];
const fault = (name: string, field: FaultName, plant: Plant, keys = firstOf): Fault => [name, field, plant, keys];
const strangerOf: Fault[3] = () => ['old'];
const tailOf: Fault[3] = ({ known }) => known.slice(-2).map(({ key }) => key);

const faults = [
  fault('lost: not received, and the service does not know it', 'lost', (h, { first }) => forgotten(h, first.key)),
  fault('lost tail: the last two', 'lost', (h, places) => forgotten(h, ...tailOf(places)), tailOf),
  fault('early acknowledgement: 202 before the commit, then a crash', 'lost', (h, { first }) => ({
    ...forgotten(h, first.key),
    crashes: [{ at: first.at - 1, inFlight: 3 }],
  })),
  ...[undefined, '', ' '].map((reason) =>
    fault(`dead, with ${JSON.stringify(reason)} for a reason`, 'lost', (h, { first: { key } }) => ({
      ...unreceived(h, key),
      settled: [...h.settled, { key, state: 'dead', reason }],
    })),
  ),
  fault('phantom: only the service says delivered', 'earlyAcknowledged', (h, { first }) => unreceived(h, first.key)),
  fault('a copy at once', 'duplicated', (h, { first }) => rewritten(h, (r) => (r === first ? [r, r] : [r]))),
  fault('a copy behind later messages, which is no disorder', 'duplicated', (h, { first }) =>
    followed(h, { ...first, attempt: 2, at: 200_000 }),
  ),
  fault('swapped order', 'outOfOrder', (h, { first, next }) =>
    rewritten(h, (r) => [r === first ? next : r === next ? first : r]),
  ),
  fault('a message behind all others', 'outOfOrder', (h, { first }) => followed(unreceived(h, first.key), first)),
  fault('wrong conversation', 'wrongConversation', (h, { first }) =>
    changed(h, first, { conversation: first.conversation === 'c0' ? 'c1' : 'c0' }),
  ),
  fault('a copy in another conversation', 'wrongConversation', (h, { first }) =>
    followed(h, { ...first, conversation: 'other' }),
  ),
  fault('another id than in the 202', 'idChanged', (h, { first }) => changed(h, first, { notificationId: 'other' })),
  fault('two ids for one key', 'doubleAccepted', (h, { first: { key } }) => ({
    ...h,
    acknowledged: [...h.acknowledged, { key, notificationId: 'second', at: 1 }],
  })),
  fault('another run', 'unexpected', (h, { first }) => followed(h, { ...first, key: 'old' }), strangerOf),
];

/** All faults that are found, with the keys that have them. */
function findFaults(history: History): [FaultName, string[]][] {
  const report = checkHistory(history);
  return listFaults(report).map((name) => {
    const keys = report[name].map((one) => (typeof one === 'string' ? one : 'earlier' in one ? one.earlier : one.key));
    return [name, keys.toSorted()];
  });
}

const fateNames = Object.keys(fates) as Message['fate'][];
/** Three conversations in turn, four rounds of delivered messages, then one of each fate. */
const fixedRun: Message[] = [...Array.from({ length: 12 }, () => 'delivered' as const), ...fateNames].map(
  (fate, i) => ({ conversation: i % 3, fate, lag: (i * 7) % 40 }),
);
const anyFate = fc.oneof({ weight: 6, arbitrary: fc.constant('delivered' as const) }, fc.constantFrom(...fateNames));
const anyRun = fc
  .array(fc.record({ conversation: fc.nat(3), fate: anyFate, lag: fc.nat(100) }), { maxLength: 60 })
  .map((messages) => runCorrectly([...messages, ...fixedRun.slice(0, 6)]));

describe('a correct history', () => {
  it('has no fault, and its figures are told', () => {
    const report = checkHistory(runCorrectly(fixedRun));
    expect(listFaults(report)).toEqual([]);
    expect(report.recovered).toEqual(['k14', 'k15']);
    expect(report.withheld.map(({ state }) => state)).toEqual(['pending', 'held', 'dead', 'cancelled']);
    expect(formatReport(report)).toBe(
      'acknowledged 18, received 16, lost 0, duplicated 0, out of order 0, unexpected 0, recovered 2, withheld 4',
    );
  });

  it('has no fault, whatever was kept back or came without its 202', () => {
    const right = fc.property(anyRun, (history) => {
      expect(findFaults(history)).toEqual([]);
    });
    fc.assert(right, { numRuns: 500 });
  });
});

describe.each(faults)('%s', (_, field, plant, keysOf) => {
  it('is found, and nothing else', () => {
    const history = runCorrectly(fixedRun);
    const places = findPlaces(history, 4);
    expect(findFaults(plant(history, places))).toEqual([[field, keysOf(places).toSorted()]]);
  });

  it('is found in any history', () => {
    const found = fc.property(anyRun, fc.nat(), (history, pick) => {
      const places = findPlaces(history, pick);
      expect(findFaults(plant(history, places))).toEqual([[field, keysOf(places).toSorted()]]);
    });
    fc.assert(found, { numRuns: 200 });
  });
});

/** A history from lists of receipts: `a@5` is a copy of the key `a` received at 5, all in one conversation. */
function receive(receipts: string, change: Partial<History> = {}): History {
  const received = receipts.split(' ').map((text) => {
    const [key = '', at] = text.split('@');
    return { key, conversation: 'c', notificationId: key, attempt: 1, at: Number(at) };
  });
  const attempted = [...new Set(received.map(({ key }) => key))]
    .toSorted()
    .map((key, index) => ({ key, conversation: 'c', index }));
  const acknowledged = attempted.map(({ key }) => ({ key, notificationId: key, at: 0 }));
  return { attempted, acknowledged, received, settled: [], crashes: [], ...change };
}

describe('order', () => {
  it('is that of the first copies, and one pair is told for each that is late', () => {
    const report = checkHistory(receive('b@1 c@2 a@3 b@4 a@5'));
    expect(report.outOfOrder).toEqual([{ conversation: 'c', later: 'c', earlier: 'a' }]);
    expect(report.duplicated).toHaveLength(2);
  });

  it('is unknown between two attempts of one key: the first may have been lost', () => {
    const again = ['a', 'b', 'a'].map((key, index) => ({ key, conversation: 'c', index }));
    expect(findFaults(receive('a@1 b@2', { attempted: again }))).toEqual([]);
    expect(findFaults(receive('b@1 a@2', { attempted: again }))).toEqual([]);
  });
});

it('copies that differ in their id are told even when no 202 came', () => {
  const faulty = rewritten(receive('a@1 a@2', { acknowledged: [] }), (r) => [{ ...r, notificationId: `id${r.at}` }]);
  expect(findFaults(faulty).map(([name]) => name)).toEqual(['duplicated', 'idChanged']);
});

describe('copies after crashes', () => {
  it.each([
    ['within the crash', 'a@1 b@2 a@11 b@12', [{ at: 10, inFlight: 2 }], []],
    ['more than were in flight', 'a@1 b@2 a@11 b@12', [{ at: 10, inFlight: 1 }], ['b']],
    ['before any crash', 'a@1 a@2', [{ at: 10, inFlight: 9 }], ['a']],
    ['first received after the crash', 'a@11 a@12', [{ at: 10, inFlight: 9 }], ['a']],
    ['one for each crash', 'a@1 a@11 a@21', [10, 20].map((at) => ({ at, inFlight: 1 })), []],
    ['two after one crash', 'a@1 a@11 a@12', [{ at: 10, inFlight: 9 }], ['a']],
    [
      'the crash is left to the one that needs it',
      'a@1 b@2 b@15 a@30',
      [10, 20].map((at) => ({ at, inFlight: 1 })),
      [],
    ],
    ['no crash at all', 'a@1 a@2', [], ['a']],
  ])('%s', (_, receipts, crashes, unexplained) => {
    expect(listUnexplainedDuplicates(receive(receipts, { crashes })).map(({ key }) => key)).toEqual(unexplained);
  });

  it('the first copy may still be on its way when the kill is noted', () => {
    const history = receive('a@12 a@30', { crashes: [{ at: 10, inFlight: 1 }] });
    expect(listUnexplainedDuplicates(history)).toHaveLength(1);
    expect(listUnexplainedDuplicates(history, 5)).toEqual([]);
  });

  it('are bounded by what all crashes had in flight', () => {
    expect(maxDuplicatesAllowed(receive('a@1', { crashes: [3, 0, 4].map((inFlight) => ({ at: 1, inFlight })) }))).toBe(
      7,
    );
  });
});

it('the line of figures names what was found', () => {
  const history = receive('b@1 a@2 a@3 b@4', { settled: [{ key: 'x', state: 'delivered' }] });
  expect(formatReport(checkHistory(history))).toBe(
    'acknowledged 2, received 4, lost 0, duplicated 2, out of order 1, unexpected 0, recovered 0, ' +
      'delivered but not received 1',
  );
});
