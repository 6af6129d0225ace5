// Guards against queries that read whole tables: each statement of a whole life of the service is explained, and what does
// not look its rows up by an equality must be known here, with the reason why that is no harm.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';
import { createFakeClock } from '../helpers/fake-clock.ts';
import { LaneBench } from '../helpers/lane-bench.ts';
import { liveWholeLife } from './whole-life.ts';

/** A statement, and how a step of its plan begins that does not look its rows up. */
type Walk = readonly [statement: RegExp, step: string];

const listsOfOperators = /^select \* from deliveries( where .*)? order by seq desc limit \?$/u;
const byIdOfNotification = 'notifications USING INDEX sqlite_autoindex_notifications_1';

/** What may walk, and why that is no harm. */
const allowed: Readonly<Record<string, readonly Walk[]>> = {
  'asked by hand; most lists are ended by their limit': [
    [listsOfOperators, 'SCAN deliveries'],
    [listsOfOperators, 'SEARCH deliveries USING INTEGER PRIMARY KEY (rowid<?)'],
    [/^select state, count\(\*\) as count from deliveries where/u, 'SCAN deliveries USING INDEX deliveries_'],
    [/^select count\(\*\) as total from deliveries$/u, 'SCAN deliveries USING COVERING INDEX'],
  ],
  'a page in the order of its key': [
    [/^select \* from notifications order by id desc limit/u, `SCAN ${byIdOfNotification}`],
    [/^select \* from notifications where id < \? order by id desc limit/u, `SEARCH ${byIdOfNotification}`],
    [/^select conversations\.\*, .* order by conversations\.id limit/u, 'SEARCH conversations'],
    [/^select id from conversations where id > \? order by id limit/u, 'SEARCH conversations USING COVERING INDEX'],
    [/^select id from notifications where id > \? .* order by id limit/u, `SEARCH ${byIdOfNotification}`],
    [/^select id, recipient from notifications where id > \? order by id limit/u, `SEARCH ${byIdOfNotification}`],
  ],
  'one row at an end of its key, or one entry of its index': [
    [/^select seq from deliveries order by seq desc limit \?$/u, 'SCAN deliveries'],
    [/^with recursive found \(parent\)/u, 'SEARCH lanes USING COVERING INDEX lanes_by_parent'],
  ],
  'the index holds only what is meant: what MAX_PENDING bounds, and the broadcasts of the moment': [
    [/^select count\(\*\) as count from deliveries where/u, 'SCAN deliveries USING COVERING INDEX deliveries_counted'],
    [/^select count\(\*\) as count from notifications/u, 'SCAN notifications USING INDEX notifications_waiting'],
    [
      /^select (?:\*|id) from notifications where expanded_to/u,
      'SCAN notifications USING INDEX notifications_to_expand',
    ],
  ],
  'once, at the start': [
    [/^update deliveries set .* and state = \?$/u, 'SCAN deliveries USING INDEX deliveries_open'],
    [/^update lanes set .* where token is not null$/u, 'SCAN lanes'],
  ],
  'a chunk of what is overdue: the index begins with the oldest': [
    [/^delete from idempotency_keys/u, 'SEARCH idempotency_keys USING COVERING INDEX idempotency_keys_by_expiry'],
    [/^update deliveries .* returning notification_id$/u, 'SEARCH deliveries USING INDEX deliveries_by_expiry'],
    [/^select id from deliveries where settled_at < \? limit/u, 'SEARCH deliveries USING INDEX deliveries_by_age'],
    [/^select id from conversations .* limit \?$/u, 'SEARCH conversations USING INDEX conversations_by_age'],
  ],
};

type Plan = { readonly statement: string; readonly steps: readonly string[] };
let plans: Plan[] = [];
let indexes: unknown[] = [];
const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-plans-'));

beforeAll(async () => {
  const statements = new Set<string>();
  const { prepare } = Libsql.prototype;
  const spy = vi.spyOn(Libsql.prototype, 'prepare').mockImplementation(function note(this: Libsql.Database, text) {
    statements.add(text);
    return prepare.call(this, text);
  });
  const db = await openDatabase({ dataDir });
  await liveWholeLife(new LaneBench(db, createFakeClock()));
  spy.mockRestore();
  await db.destroy();
  const file = new Libsql(join(dataDir, 'copilot-notify.db'));
  const explained = [...statements].filter((text) => /^\s*(?:select|insert|update|delete|with)\b/u.test(text));
  plans = explained.map((text) => {
    const steps = file.prepare(`explain query plan ${text}`).all() as { detail: string }[];
    return { statement: readable(text), steps: steps.map(({ detail }) => detail) };
  });
  indexes = file.prepare("select name from sqlite_master where type = 'index' and sql is not null").pluck().all();
  file.close();
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

/** Without quotes, and any number of values or rows as one. */
function readable(statement: string): string {
  const words = statement.replaceAll('"', '').split(/\s+/u).filter(Boolean).join(' ');
  return words.replaceAll(/\?(?:, \?)+/gu, '?').replaceAll(/\(\?\)(?:, \(\?\))+/gu, '(?)');
}

/** Steps of the service's own statements that read a table, other than for equal values. */
function listWalks(): { statement: string; step: string }[] {
  const ours = plans.filter(({ statement }) => !/ (?:kysely_migration|sqlite_master)/u.test(statement));
  return (
    ours
      .flatMap(({ statement, steps }) => steps.map((step) => ({ statement, step })))
      // What is asked for together comes as a list in one parameter.
      .filter(
        ({ step }) => /^(?:SCAN|SEARCH) (?!found|theirs|k VIRTUAL TABLE)[a-z]/u.test(step) && !step.includes('=?'),
      )
  );
}

const isKnown = ([pattern, start]: Walk, { statement, step }: { statement: string; step: string }): boolean =>
  pattern.test(statement) && step.startsWith(start);

it('each statement looks its rows up, or there is a reason why it need not', () => {
  const known = Object.values(allowed).flat();
  expect(listWalks().filter((walk) => !known.some((one) => isKnown(one, walk)))).toEqual([]);
});

it.each(Object.entries(allowed))('the reason is still needed: %s', (_, known) => {
  const walks = listWalks();
  expect(known.filter((one) => !walks.some((walk) => isKnown(one, walk)))).toEqual([]);
});

it.each([
  ['deliveries.open = 1', 'deliveries_open'],
  ["state = 'held'", 'deliveries_held'],
])('what has %s in a conversation is found by the index of just those', (condition, index) => {
  const inConversation = plans.filter(({ statement }) => /conversation_id (?:=|in)/u.test(statement));
  const found = inConversation.filter(({ statement }) => statement.includes(condition));
  expect(found.length).toBeGreaterThan(3);
  const start = `INDEX ${index} (conversation_id=?`;
  expect(found.filter(({ steps }) => !steps.join().includes(start))).toEqual([]);
});

it('each index is used', () => {
  const words = new Set(plans.flatMap(({ steps }) => steps).flatMap((step) => step.split(' ')));
  expect(indexes.length).toBeGreaterThan(10);
  expect(indexes.filter((index) => !words.has(String(index)))).toEqual([]);
});
