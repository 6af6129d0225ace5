// Two replicas of the service on one database: what one has accepted the other may deliver, once, and in order.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { apiKey, type Skill, startSkill } from '../helpers/skill.ts';
import { createUndiciClient } from '../../src/outbound/undici-client.ts';

const conversations = 20;
const perConversation = 10;
let skill: Skill;
let second: { readonly url: string; readonly stop: () => Promise<void> };

beforeAll(async () => {
  skill = await startSkill({ env: { CONVERSATION_SEND_RATES: '1:1000', HOST_SEND_RATE: '0' } });
  const port = await findFreePort();
  const config = parseConfig({ ...skill.env, PORT: String(port) }, () => '');
  const parts = { config, logger: createLogger('silent'), http: createUndiciClient(), clock: skill.clock };
  const app = await createApp(parts);
  await app.start();
  second = { url: `http://127.0.0.1:${port}`, stop: () => app.stop() };
});
afterAll(async () => {
  await second.stop();
  await skill.stop();
});

async function notify(url: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/api/notify`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as { id: string } };
}

it('each message arrives once, in the order of acceptance, whichever replica took it', async () => {
  const urls = [skill.url, second.url];
  const all = Array.from({ length: conversations }, () => skill.standIn.openConversation());
  for (const [index, conversation] of all.entries()) {
    await conversation.callAction('waitForNotification', { subject: `s/${index}` });
  }
  await Promise.all(
    all.map(async (_, index) => {
      for (let number = 0; number < perConversation; number += 1) {
        const body = { subject: `s/${index}`, text: `${number}`, keepOpen: true };
        expect((await notify(urls[(index + number) % 2] ?? '', body)).status).toBe(202);
      }
    }),
  );
  const expected = Array.from({ length: perConversation }, (_, number) => `${number}`);
  for (const conversation of all) {
    const texts = () => conversation.transcript.filter(({ text }) => /^\d+$/.test(text)).map(({ text }) => text);
    await conversation.until(() => texts().length >= perConversation);
    expect(texts()).toEqual(expected);
  }
});

it('one key is one notification, also when it comes to both at once', async () => {
  const body = { subject: 'nobody waits for this', text: 't' };
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      notify(index % 2 === 0 ? skill.url : second.url, body, { 'idempotency-key': 'the-same' }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
});

it('a notification and a wait that meet at two replicas do not miss each other', async () => {
  const rounds = 30;
  const seen = await Promise.all(
    Array.from({ length: rounds }, async (_, round) => {
      const conversation = skill.standIn.openConversation();
      const subject = `meet/${round}`;
      await Promise.all([
        conversation.callAction('waitForNotification', { subject }),
        notify(second.url, { subject, text: 'met' }),
      ]);
      await conversation.until((now) => now.action?.state === 'ended');
      return conversation.action?.outputs?.['text'];
    }),
  );
  expect(seen).toEqual(Array.from({ length: rounds }, () => 'met'));
});
