// A backup of a service that is at work, and the service that is started on it.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { backUp } from '../../src/cli/backup.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { runCommand } from '../helpers/service-process.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
beforeEach(async () => {
  skill = await startSkill({ env: { CONVERSATION_SEND_RATES: '1:1000', HOST_SEND_RATE: '0' } });
});
afterEach(() => skill.stop());

function ask(body: unknown): Promise<Response> {
  return fetch(`${skill.url}/api/backup`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A data folder with this backup in place of the database. */
function makeFolderOf(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'copilot-notify-restored-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(file, join(folder, 'copilot-notify.db'));
  return folder;
}

/** What is wrong with the books: each notification has its deliveries, what is open its lane, each attempt its delivery. */
async function audit(db: Database) {
  const count = async (what: ReturnType<typeof sql>): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${what}`.execute(db);
    return rows[0]?.count ?? Number.NaN;
  };
  return {
    wrongRecipients: await count(
      sql`notifications where recipients <> (select count(*) from deliveries where notification_id = notifications.id)`,
    ),
    unknownState: await count(
      sql`deliveries where state not in ('pending', 'sending', 'held', 'delivered', 'dead', 'cancelled')`,
    ),
    openWithoutLane: await count(
      sql`deliveries where state in ('pending', 'sending') and conversation_id not in (select conversation_id from lanes)`,
    ),
    unsettled: await count(
      sql`deliveries where (state in ('delivered', 'dead', 'cancelled')) <> (settled_at is not null)`,
    ),
    strayAttempts: await count(sql`attempts where delivery_id not in (select id from deliveries)`),
    strayDeliveries: await count(sql`deliveries where notification_id not in (select id from notifications)`),
  };
}

const balanced = {
  wrongRecipients: 0,
  unknownState: 0,
  openWithoutLane: 0,
  unsettled: 0,
  strayAttempts: 0,
  strayDeliveries: 0,
};

describe('a backup under load', () => {
  it('balances, has all that was answered before it, and a service that is started on it goes on', async () => {
    const conversations = Array.from({ length: 10 }, () => skill.standIn.openConversation());
    for (const [index, conversation] of conversations.entries()) {
      await conversation.callAction('waitForNotification', { subject: `s/${index}` });
    }
    const state = { isDone: false };
    const answered: string[] = [];
    const send = async (index: number): Promise<void> => {
      while (!state.isDone) {
        const to = { subject: `s/${index}` };
        const { body } = await skill.notify({ to, message: { text: `${index}` }, keepOpen: true });
        answered.push(String(body['id']));
      }
    };
    const senders = conversations.map((_, index) => send(index));
    const copies: { readonly file: string; readonly before: readonly string[] }[] = [];
    for (let number = 0; number < 5; number += 1) {
      const before = [...answered];
      const answer = await ask({ name: `${number}.db` });
      expect(answer.status).toBe(201);
      copies.push({ file: ((await answer.json()) as { file: string }).file, before });
    }
    state.isDone = true;
    await Promise.all(senders);

    for (const { file, before } of copies) {
      const db = await openDatabase({ dataDir: makeFolderOf(file) });
      expect(await audit(db)).toEqual(balanced);
      const ids = await db.selectFrom('notifications').select('id').execute();
      const known = new Set(ids.map(({ id }) => id));
      expect(before.filter((id) => !known.has(id))).toEqual([]);
      await db.destroy();
    }
    const lastFile = copies.at(-1)?.file ?? '';
    await skill.restart({ env: { DATA_DIR: makeFolderOf(lastFile) } });
    for (const id of copies.at(-1)?.before ?? []) await skill.settled(id, 'delivered');
    const last = copies.at(-1)?.before.length;
    console.log(`backups: ${copies.length} under load, ${answered.length} accepted, ${last} before the last one`);
  });
});

describe('POST /api/backup', () => {
  it('leaves who asked, and where it is, in the log', async () => {
    const answer = await ask({});
    const made = (await answer.json()) as { file: string; bytes: number };
    expect(made.file.startsWith(join(skill.dataDir, 'backups'))).toBe(true);
    expect(readFileSync(made.file)).toHaveLength(made.bytes);
    const line = skill.log.map((text) => JSON.parse(text) as object).find((entry) => 'audit' in entry);
    expect(line).toMatchObject({ audit: 'backup', sender: 'test', ...made });
  });

  it('refuses a name that there is', async () => {
    expect((await ask({ name: 'a.db' })).status).toBe(201);
    const again = await ask({ name: 'a.db' });
    expect([again.status, await again.json()]).toEqual([409, expect.objectContaining({ code: 'name_taken' })]);
  });

  it('answers 503 where the folder takes nothing, and the service goes on', async () => {
    mkdirSync(join(skill.dataDir, 'backups', 'a.db.part'), { recursive: true });
    const answer = await ask({ name: 'a.db' });
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: 'unavailable' })]);
    expect((await skill.notify({ subject: 's', text: 't' })).status).toBe(202);
  });
});

describe('copilot-notify backup', () => {
  it('tells where it is', async () => {
    const { code, out } = await runCommand(['backup', 'nightly.db', '--url', skill.url, '--key', apiKey]);
    expect([code, JSON.parse(out)]).toEqual([
      0,
      { file: join(skill.dataDir, 'backups', 'nightly.db'), bytes: expect.any(Number) },
    ]);
  });

  it('without a name takes the time for it; with two it says how it is used', async () => {
    let out = '';
    const run = (words: string[]) => backUp({ url: skill.url, key: apiKey }, words, (text) => (out += text));
    expect(await run([])).toBe(0);
    expect(out).toMatch(/copilot-notify-\d{4}-\d\d-\d\dT[\d.-]+Z\.db/);
    expect(await run(['a', 'b'])).toBe(2);
    expect(out).toContain('Give at most the name');
  });
});
