// The channels of the stand-in refuse what the Bot Framework refuses.

import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { tokensOf } from '../helpers/tokens.ts';

const bot = { appId: randomUUID(), secret: 'secret of the bot' };
const other = { appId: randomUUID(), secret: 'secret of another bot' };
const connector = 'https://api.botframework.com';

let standIn: StandIn;
beforeEach(async () => {
  standIn = await startStandIn();
  for (const app of [bot, other]) standIn.registerApp(app);
  standIn.addSkill({ appId: bot.appId, endpointUrl: 'http://127.0.0.1:1/api/messages' });
});
afterEach(() => standIn.stop());

async function post(conversationId: string, authorization: string, body: unknown = { type: 'message', text: 'hello' }) {
  const url = `${standIn.channelServiceUrl}v3/conversations/${encodeURIComponent(conversationId)}/activities`;
  const answer = await fetch(url, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) });
  return answer.status;
}

const tokenOf = (app: typeof bot, audience: string) => tokensOf(standIn, app, Date.now)(audience);

it('takes what the bot posts with a token for the Bot Framework', async () => {
  const conversation = standIn.openChannelConversation();
  expect(await post(conversation.id, await tokenOf(bot, connector))).toBe(201);
  expect(conversation.received).toMatchObject([{ type: 'message', text: 'hello' }]);
});

it.each([
  ["a token for the agent's app id", 401, () => tokenOf(bot, standIn.agent.appId)],
  ['no token', 401, () => Promise.resolve('')],
  ["another bot's token", 403, () => tokenOf(other, connector)],
])('refuses %s with %i', async (_, status, makeToken) => {
  const conversation = standIn.openChannelConversation();
  expect(await post(conversation.id, await makeToken())).toBe(status);
  expect(conversation.received).toEqual([]);
  expect(standIn.wire.at(-1)).toMatchObject({ direction: 'skill->channel', status, reason: expect.any(String) });
});

it('refuses a conversation that it does not have, and a body that is no activity', async () => {
  const conversation = standIn.openChannelConversation();
  expect(await post('unknown', await tokenOf(bot, connector))).toBe(404);
  expect(await post(conversation.id, await tokenOf(bot, connector), { text: 'hello' })).toBe(400);
  expect(conversation.received).toEqual([]);
});
