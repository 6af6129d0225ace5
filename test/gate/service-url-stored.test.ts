// T4 at every send of the whole service: rows that an older version has stored, or that were stored before the list was
// narrowed. The delivery worker tries each, and nothing leaves: no byte, and no token is asked for.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversationIdOf } from '../../src/conversations/conversation.ts';
import { subscribe } from '../../src/conversations/subscription-store.ts';
import type { DeliveryView } from '../../src/notifications/delivery-view.ts';
import type { Database } from '../../src/storage/database.ts';
import type { ConversationRow } from '../../src/storage/schema.ts';
import { transact } from '../../src/storage/transact.ts';
import { callbacksOf } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { hostileUrls, type Lures } from './hostile-service-urls.ts';
import { type Sink, startSink } from './service-url-bench.ts';

let skill: Skill;
let sink: Sink;
let lures: Lures;

beforeAll(async () => {
  sink = await startSink();
  skill = await startSkill({ env: { HOST_SEND_RATE: '0' } });
  lures = { sink: sink.port, own: new URL(skill.standIn.agent.serviceUrl).origin };
  const conversation = skill.standIn.openConversation();
  await conversation.callAction('waitForNotification', { subject: 'good' });
});
afterAll(async () => {
  await Promise.all([skill.stop(), sink.stop()]);
  console.log(`T4 in stored rows, tried by the worker: ${hostileUrls.length} service URLs`);
});

type Row = { readonly serviceUrl?: unknown; readonly audience?: string };

/** Stores a conversation for each row, like the one that a turn has saved but for these fields, all subscribed to a subject. */
async function store(subject: string, rows: readonly Row[]): Promise<string[]> {
  const ids: string[] = [];
  const insert = async (db: Database, good: ConversationRow, row: Row, index: number): Promise<void> => {
    const externalId = `${subject}/${index}`;
    const key = { callerAppId: good.caller_app_id, tenantId: good.tenant_id, channelId: good.channel_id, externalId };
    const id = conversationIdOf(key);
    const reference = JSON.parse(good.reference) as Record<string, unknown>;
    const serviceUrl = row.serviceUrl === undefined ? good.service_url : row.serviceUrl;
    await db
      .insertInto('conversations')
      .values({
        ...good,
        id,
        external_id: externalId,
        user_key: externalId,
        // The column names the host to operators; what is sent to is the reference.
        service_url: typeof serviceUrl === 'string' && URL.canParse(serviceUrl) ? serviceUrl : good.service_url,
        audience: row.audience ?? good.audience,
        reference: JSON.stringify({ ...reference, serviceUrl, conversation: { id: externalId } }),
      })
      .execute();
    await subscribe(db, { conversationId: id, subject, once: false, createdAt: skill.clock.now() });
    ids.push(id);
  };
  await skill.restart({
    meanwhile: async (db) => {
      const good = await db
        .selectFrom('conversations')
        .selectAll()
        .where('reachability', '=', 'push')
        .executeTakeFirst();
      if (!good) throw new Error('there is no saved conversation to copy');
      await transact(db, async (trx) => {
        for (const [index, row] of rows.entries()) await insert(trx, good, row, index);
      });
    },
  });
  return ids;
}

/** What became of a notification to the subject, conversation by conversation, once it has this status. */
async function notify(subject: string, status = 'dead'): Promise<Map<string, DeliveryView>> {
  const sent = await skill.notify({ subject, text: 'hello' });
  expect(sent.status).toBe(202);
  const id = String(sent.body['id']);
  await skill.settled(id, status);
  const answer = await fetch(`${skill.url}/api/deliveries?notificationId=${id}&limit=200`, {
    headers: { 'x-api-key': apiKey },
  });
  const { items } = (await answer.json()) as { items: DeliveryView[] };
  return new Map(items.map((delivery) => [delivery.conversationId, delivery]));
}

const tokenRequests = (): unknown[] =>
  skill.standIn.wire.filter(({ direction, scope }) => direction === 'skill->tenant' && scope !== undefined);

describe('a stored service URL that is not allowed', () => {
  let ids: readonly string[];
  let deliveries: ReadonlyMap<string, DeliveryView>;
  let before: { tokens: number; callbacks: number };
  beforeAll(async () => {
    const rows = hostileUrls.map(([, make]) => ({ serviceUrl: make(lures) }));
    ids = await store('hostile', rows);
    before = { tokens: tokenRequests().length, callbacks: callbacksOf(skill).length };
    deliveries = await notify('hostile');
  });

  it.each(hostileUrls.map(([name], index) => [name, index] as const))('%s', (_, index) => {
    expect(deliveries.get(ids[index] ?? '')).toMatchObject({
      status: 'dead',
      reason: 'service_url_not_allowed',
      reasonText: expect.stringMatching(/service URL/),
      attempts: [{ outcome: 'notSent', status: null, errorClass: 'service_url_not_allowed' }],
    });
  });

  it('not one byte has left for any of them, and no token was asked for', () => {
    expect(deliveries.size).toBe(hostileUrls.length);
    expect(sink.seen).toEqual({ connections: 0, bytes: 0 });
    expect(tokenRequests()).toHaveLength(before.tokens);
    expect(callbacksOf(skill)).toHaveLength(before.callbacks);
  });
});

describe('a stored audience that no token may be asked for', () => {
  const refused = { status: 'dead', reason: 'audience_missing', reasonText: expect.stringContaining('AllowedCallers') };
  // Held, not dead: with a real conversation on a channel the operator may name that channel again.
  const ofChannels = {
    status: 'held',
    reason: 'channel_not_allowed',
    reasonText: expect.stringContaining('ALLOWED_CHANNELS'),
  };
  const cases: readonly [name: string, audience: () => string, outcome?: typeof refused][] = [
    ['none', () => ''],
    ['the Bot Framework, as the three-argument call would ask', () => 'https://api.botframework.com', ofChannels],
    ['the Bot Framework with a slash', () => 'https://api.botframework.com/'],
    ['the Bot Framework for US government', () => 'https://api.botframework.us', ofChannels],
    ['this skill itself', () => skill.appId],
    ['an app that is no caller any more', () => '00000000-0000-4000-8000-000000000002'],
    ['every app', () => '*'],
    ['two callers', () => `${skill.standIn.agent.appId},${skill.standIn.agent.appId}`],
  ];
  let ids: readonly string[];
  let deliveries: ReadonlyMap<string, DeliveryView>;
  let before: { tokens: number; callbacks: number };
  beforeAll(async () => {
    ids = await store(
      'audience',
      cases.map(([, audience]) => ({ audience: audience() })),
    );
    before = { tokens: tokenRequests().length, callbacks: callbacksOf(skill).length };
    deliveries = await notify('audience', 'held');
  });

  it.each(cases.map(([name, , outcome = refused], index) => [name, index, outcome] as const))(
    '%s',
    (_, index, outcome) => {
      expect(deliveries.get(ids[index] ?? '')).toMatchObject({
        ...outcome,
        attempts: [{ outcome: 'notSent', status: null, errorClass: outcome.reason }],
      });
    },
  );

  it('none was asked for, and nothing was sent', () => {
    expect(deliveries.size).toBe(cases.length);
    expect(tokenRequests()).toHaveLength(before.tokens);
    expect(callbacksOf(skill)).toHaveLength(before.callbacks);
  });
});

describe('conversations that were saved before ALLOWED_SERVICE_URLS was narrowed', () => {
  it('are sent nothing, and the reason names the origin; once it is allowed again, what died is delivered by a retry', async () => {
    await skill.restart({ env: { ALLOWED_SERVICE_URLS: 'https://elsewhere.example.com' } });
    const before = { tokens: tokenRequests().length, callbacks: callbacksOf(skill).length };
    const [delivery] = [...(await notify('good')).values()];
    expect(delivery).toMatchObject({
      reason: 'service_url_not_allowed',
      reasonText: expect.stringContaining(`add ${lures.own} to ALLOWED_SERVICE_URLS`),
    });
    expect(tokenRequests()).toHaveLength(before.tokens);
    expect(callbacksOf(skill)).toHaveLength(before.callbacks);

    await skill.restart();
    await fetch(`${skill.url}/api/deliveries/${delivery?.id}/retry`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey },
    });
    await skill.settled(String(delivery?.notificationId), 'delivered');
  });

  it('are not told the end of a wait whose time is over either', async () => {
    await skill.standIn.openConversation().callAction('waitForNotification', { subject: 'late' });
    await skill.restart({ env: { ALLOWED_SERVICE_URLS: 'https://elsewhere.example.com' } });
    const before = callbacksOf(skill).length;
    skill.clock.advance(26 * 60_000);
    const line = await eventually('the wait is over', () => skill.log.find((text) => text.includes('wait timed out')));
    expect(JSON.parse(line)).toMatchObject({ outcome: 'notSent' });
    expect(callbacksOf(skill)).toHaveLength(before);
  });
});
