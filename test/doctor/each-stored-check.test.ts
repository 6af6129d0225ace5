// Each check of the doctor fails for its own reason, alone save for those that wait for it, and passes when it is mended:
// the storage, and a conversation.

import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/storage/database.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { examine, failuresOf, findingOf, findMissed, type Patient } from './doctor-bench.ts';
import { at, startFront } from './front.ts';

let skill: Skill;
let folder: string;
beforeAll(async () => {
  skill = await startSkill();
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterAll(async () => {
  await skill.stop();
  rmSync(folder, { recursive: true, force: true });
});

const nobody = 'http://127.0.0.1:9';
const look = (DATA_DIR: string) => examine(skill, { url: nobody, env: { DATA_DIR }, only: ['storage'] });

describe('storage', () => {
  it('a file that another process has, and no service answers for', async () => {
    expect(
      await findMissed(
        skill,
        'storage',
        { sick: { url: nobody, key: '' } },
        { detail: /in use by another process.*No service answers at http:\/\/127\.0\.0\.1:9/, fix: /--url/ },
      ),
    ).toEqual([]);
  });

  it('a folder that is a file', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(
      await findMissed(
        skill,
        'storage',
        {
          sick: { url: nobody, key: '', env: { DATA_DIR: join(file, 'data') } },
          mended: { url: nobody, key: '', env: { DATA_DIR: join(folder, 'new', 'data') } },
        },
        { detail: /no database can be made in/, fix: /DATA_DIR/ },
      ),
    ).toEqual([]);
  });

  it('a file that is no database', async () => {
    const dataDir = join(folder, 'broken');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'copilot-notify.db'), 'x'.repeat(10_000));
    const sick = await look(dataDir);
    expect(sick.checks).toMatchObject([{ ok: false, fix: expect.stringContaining('DATA_DIR') as string }]);
    const good = join(folder, 'good');
    await (await openDatabase({ dataDir: good })).destroy();
    // Twice: the look has let go of the file.
    for (let round = 0; round < 2; round += 1) {
      const mended = await look(good);
      expect(mended.checks).toMatchObject([{ ok: true, detail: expect.stringContaining('opens') as string }]);
    }
  });

  it('a service that says that it can store nothing', async () => {
    const front = await startFront(skill.url);
    front.intercept(
      at('/health/ready', (res) => {
        res.statusCode = 503;
        res.end(JSON.stringify({ status: 'unavailable', reason: 'The storage takes nothing: see DATA_DIR.' }));
      }),
    );
    expect(
      await findMissed(
        skill,
        'storage',
        { sick: { url: front.url }, mended: { url: skill.url } },
        { detail: /not ready: The storage takes nothing/, fix: /disk of DATA_DIR/ },
      ),
    ).toEqual([]);
  });

  it('a server of PostgreSQL that does not answer, without a word of the URL', async () => {
    const url = `postgres://user:canary-password@127.0.0.1:9/canary`;
    const { checks } = await examine(skill, { url: nobody, env: { DATABASE_URL: url }, only: ['storage'] });
    expect(checks).toMatchObject([{ ok: false, detail: expect.stringContaining('ECONNREFUSED') as string }]);
    expect(JSON.stringify(checks)).not.toContain('canary');
  });
});

describe('conversation', () => {
  type Options = Parameters<Skill['standIn']['openConversation']>[0];
  /** With the id under which the service has it, once it has been called from there. */
  const open = (options: Options) => {
    const user = randomUUID();
    const conversation = skill.standIn.openConversation({ ...options, user: { aadObjectId: user } });
    const storedId = async (): Promise<string> => {
      const answer = await fetch(`${skill.url}/api/conversations?limit=200`, { headers: { 'x-api-key': apiKey } });
      const { items } = (await answer.json()) as { items: { id: string; userId: string }[] };
      const found = items.find(({ userId }) => userId === user);
      if (!found) throw new Error('the conversation is not stored');
      return found.id;
    };
    return { conversation, storedId };
  };

  it('one of the test pane', async () => {
    const pane = open({ channel: 'pva-studio', deliveryMode: 'expectReplies' });
    await pane.conversation.callAction('subscribe', { subject: 's' });
    const teams = open({ channel: 'msteams' });
    await teams.conversation.callAction('waitForNotification', { subject: 's' });
    expect(
      await findMissed(
        skill,
        'conversation',
        {
          sick: { hints: { conversationId: await pane.storedId() } },
          mended: { hints: { conversationId: await teams.storedId() } },
        },
        { detail: /Nothing can be pushed now .*expectReplies/, fix: /Teams or your web site/ },
      ),
    ).toEqual([]);
  });

  it('one in which no action is open', async () => {
    const teams = open({ channel: 'msteams' });
    await teams.conversation.callAction('subscribe', { subject: 's' });
    const hints = { conversationId: await teams.storedId() };
    const sick = await examine(skill, { hints });
    expect(failuresOf(sick).own).toEqual(['conversation']);
    expect(findingOf(sick, 'conversation').fix).toContain('waitForNotification');
    await teams.conversation.callAction('waitForNotification', { subject: 's' });
    expect(findingOf(await examine(skill, { hints }), 'conversation')).toMatchObject({
      ok: true,
      detail: expect.stringContaining('It waits for s.') as string,
    });
  });

  it.each<[string, Patient, RegExp, RegExp]>([
    ['is not stored', {}, /answered 404/, /no conversation with this id/],
    ['may not be asked for with this key', { key: 'x'.repeat(24) }, /answered 401/, /operate/],
    ['may not be asked for without a key', { key: '' }, /No API key/, /operate/],
    ['nobody can be asked for', { url: 'http://127.0.0.1:9' }, /No service answers/, /--url/],
  ])('one that %s', async (_, patient, detail, fix) => {
    const hints = { conversationId: 'none' };
    const { checks } = await examine(skill, { ...patient, hints, only: ['conversation'] });
    expect(checks).toMatchObject([
      { ok: false, detail: expect.stringMatching(detail) as string, fix: expect.stringMatching(fix) as string },
    ]);
  });

  it('one of an agent that may not call any more, or of another tenant', async () => {
    const teams = open({ channel: 'msteams' });
    await teams.conversation.callAction('waitForNotification', { subject: 's' });
    const hints = { conversationId: await teams.storedId() };
    const other = await examine(skill, { hints, env: { AllowedCallers: randomUUID() }, only: ['conversation'] });
    expect(other.checks[0]?.fix).toContain('AllowedCallers');
    const moved = await examine(skill, { hints, env: { MicrosoftAppTenantId: randomUUID() }, only: ['conversation'] });
    expect(moved.checks[0]?.detail).toContain('401');
  });
});
