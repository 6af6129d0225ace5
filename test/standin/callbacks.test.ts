import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type AgentConversation, type StandIn, type StandInOptions } from '../../standin/stand-in.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

const minuteMs = 60_000;
const message = { type: 'message', text: 'hello' };

let standIn: StandIn;
let skill: FakeSkill;
let time: number;

async function start(options: StandInOptions = {}): Promise<void> {
  await (standIn as StandIn | undefined)?.stop();
  standIn = await startStandIn({ now: () => time, ...options });
  join(standIn, skill);
}

async function openAction(): Promise<AgentConversation> {
  const conversation = standIn.openConversation();
  await conversation.callAction('wait');
  return conversation;
}

/** Seconds since the epoch, from the clock that the stand-in was given. */
function seconds(offset: number): number {
  return Math.floor(time / 1000) + offset;
}

/** Claims of a right callback token, signed as the stand-in's tenant does, with these laid over it. */
function signCallback(claims: Record<string, unknown>, options: { key?: 'foreign' } = {}): Promise<string> {
  return standIn.signToken({ aud: standIn.agent.appId, appid: skill.appId, ...claims }, options);
}

beforeEach(async () => {
  time = Date.now();
  skill = await startFakeSkill();
  await start();
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

describe('a callback is refused with 401', () => {
  const foreign = '11111111-2222-3333-4444-555555555555';
  const cases: [string, () => Promise<string | null> | null, RegExp][] = [
    ['without a token', () => null, /no bearer token/],
    ['when the token is no JWT', () => Promise.resolve('abc'), /signature is not valid/],
    ['when the signature is another key’s', () => signCallback({}, { key: 'foreign' }), /signature is not valid/],
    ['when unsigned', () => standIn.signToken({}, { alg: 'none' }), /alg none/],
    ['when the key id is unknown', () => standIn.signToken({}, { kid: 'x' }), /key id/],
    ['when expired', () => signCallback({ exp: seconds(-400) }), /has expired/],
    ['when not yet valid', () => signCallback({ nbf: seconds(400) }), /not valid yet/],
    ['without exp', () => standIn.signToken({}, { omit: ['exp'] }), /no exp or nbf/],
    [
      'when it comes from a foreign tenant',
      () => signCallback({ tid: foreign, iss: `https://sts.windows.net/${foreign}/` }),
      /must come from the agent's tenant/,
    ],
    [
      'when the audience is the Bot Connector',
      () => skill.fetchToken(standIn, { scope: 'https://api.botframework.com/.default' }),
      /token audience is api\.botframework\.com, must be the agent's app id/,
    ],
    ['when the audience is another app', () => signCallback({ aud: foreign }), /token audience is 11111111/],
    ['when the caller is no skill of the agent', () => signCallback({ appid: foreign }), /is not a skill/],
    ['when the token names no caller', () => signCallback({ appid: undefined }), /names no caller/],
  ];
  it.each(cases)('%s', async (_name, token, reason) => {
    const conversation = await openAction();
    const response = await skill.callBack(standIn, conversation.id, message, { token: await token() });
    expect(response.status).toBe(401);
    expect(standIn.wire.at(-1)).toMatchObject({ direction: 'skill->agent', status: 401 });
    expect(standIn.wire.at(-1)?.reason).toMatch(reason);
    expect(conversation.transcript.some((entry) => entry.from === 'skill')).toBe(false);
  });

  it('with the words of the real service for the audience of the Bot Connector', async () => {
    const { id } = await openAction();
    const token = await skill.fetchToken(standIn, { scope: 'https://api.botframework.com/.default' });
    const response = await skill.callBack(standIn, id, message, { token });
    expect(await response.json()).toEqual({
      error: { code: 'Unauthorized', message: `Unauthorized. Invalid AppId passed on token: ${skill.appId}` },
    });
    expect(standIn.wire.at(-1)?.token).toMatchObject({ aud: 'https://api.botframework.com', appid: skill.appId });
  });
});

describe('a callback with a right token is refused', () => {
  it('with 404 for a conversation that the agent does not know', async () => {
    await openAction();
    const response = await skill.callBack(standIn, 'unknown', message);
    expect(response.status).toBe(404);
    expect(standIn.wire.at(-1)?.reason).toContain('no conversation');
  });

  it('with 403 when another skill has the conversation', async () => {
    const other = await startFakeSkill();
    join(standIn, other);
    const { id } = await openAction();
    const token = await other.fetchToken(standIn);
    const response = await skill.callBack(standIn, id, message, { token });
    expect(response.status).toBe(403);
    expect(standIn.wire.at(-1)?.reason).toContain('no part');
    await other.stop();
  });

  it('with 403 on expectReplies', async () => {
    const conversation = standIn.openConversation({ channel: 'pva-studio' });
    await conversation.callAction('wait');
    const response = await skill.callBack(standIn, conversation.id, message);
    expect(response.status).toBe(403);
    expect(standIn.wire.at(-1)?.reason).toContain('expectReplies');
  });

  it('with 400 when the body is no JSON or has no type', async () => {
    const { id } = await openAction();
    for (const rawBody of ['{', '{"text":"x"}', '[]', '{"type":1}']) {
      const response = await skill.callBack(standIn, id, message, { rawBody });
      expect(response.status).toBe(400);
      expect(standIn.wire.at(-1)?.reason).toContain('string type');
    }
  });

  it('with 405 and Allow for another verb', async () => {
    const { id } = await openAction();
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await skill.callBack(standIn, id, message, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
      expect(standIn.wire.at(-1)).toMatchObject({ method, status: 405, reason: expect.stringContaining('verb') });
    }
  });

  it('before any action was called', async () => {
    const { id } = standIn.openConversation();
    expect((await skill.callBack(standIn, id, message)).status).toBe(404);
  });

  it.each([404, 403, 410, 500] as const)('with the chosen status %d once the action is over', async (closedStatus) => {
    await start({ closedStatus });
    const { id } = await openAction();
    expect((await skill.callBack(standIn, id, { type: 'endOfConversation' })).status).toBe(200);
    const response = await skill.callBack(standIn, id, message);
    expect(response.status).toBe(closedStatus);
    expect(standIn.wire.at(-1)?.reason).toContain('no action is open any more (last one: ended)');
    const words = closedStatus === 500 ? 'skillConversationReference not found' : 'conversation with the skill is over';
    expect(await response.text()).toContain(words);
  });

  it('after the topic was cancelled', async () => {
    const conversation = await openAction();
    await conversation.cancel();
    expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(404);
    expect(skill.received.at(-1)?.activity).toMatchObject({ type: 'endOfConversation' });
  });

  it('after an hour without any activity, and not while there is some', async () => {
    const conversation = await openAction();
    time += 50 * minuteMs;
    expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(200);
    time += 50 * minuteMs;
    expect(conversation.action?.state).toBe('open');
    time += 11 * minuteMs;
    expect(conversation.action?.state).toBe('expired');
    expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(404);
  });
});

describe('a callback is taken', () => {
  it('with 200 and an empty body, as on Teams', async () => {
    const conversation = await openAction();
    const response = await skill.callBack(standIn, conversation.id, message);
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(conversation.transcript.at(-1)).toMatchObject({ from: 'skill', type: 'message', text: 'hello' });
  });

  it('and is on record by the time that the conversation shows it', async () => {
    const conversation = await openAction();
    let lastDirection: string | undefined;
    const shown = conversation.until((one) => {
      lastDirection = standIn.wire.at(-1)?.direction;
      return one.transcript.some((entry) => entry.from === 'skill');
    });
    await skill.callBack(standIn, conversation.id, message);
    await shown;
    expect(lastDirection).toBe('skill->agent');
  });

  it('with an id when asked for', async () => {
    await start({ emptyCallbackBody: false });
    const { id } = await openAction();
    expect(await (await skill.callBack(standIn, id, message)).json()).toEqual({ id: expect.any(String) });
  });

  it('below /activities/{any id} as well', async () => {
    const { id } = await openAction();
    expect((await skill.callBack(standIn, id, message, { activityId: 'any|id' })).status).toBe(200);
  });

  it('for long ids with ; : @ = and percent-encoding', async () => {
    const conversationId = `19:${'x'.repeat(300)}@thread.v2;messageid=17/4%`;
    const conversation = standIn.openConversation({ conversationId });
    await conversation.callAction('wait');
    expect((await skill.callBack(standIn, conversationId, message)).status).toBe(200);
    expect(standIn.wire.at(-1)?.conversationId).toBe(conversationId);
  });

  it('from a multi-tenant skill with a token of the Bot Framework tenant', async () => {
    standIn.registerApp({ appId: skill.appId, secret: skill.secret, tenantId: 'botframework.com' });
    const { id } = await openAction();
    const token = await skill.fetchToken(standIn, {}, 'botframework.com');
    expect((await skill.callBack(standIn, id, message, { token })).status).toBe(200);
  });

  it('in version 2.0 of the tokens', async () => {
    await start({ tokenVersion: '2.0' });
    const { id } = await openAction();
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });
});

describe('faults', () => {
  it('answer the next callbacks, still authenticated and on record', async () => {
    const conversation = await openAction();
    standIn.faults.answerNext({ status: 429, headers: { 'Retry-After': '7' }, body: '{}' }, 2);
    expect((await skill.callBack(standIn, conversation.id, message, { token: null })).status).toBe(401);
    const response = await skill.callBack(standIn, conversation.id, message);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    expect(standIn.wire.at(-1)).toMatchObject({ status: 429, activity: message });
    standIn.faults.clear();
    expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(200);
    expect(conversation.transcript.filter((entry) => entry.from === 'skill')).toHaveLength(1);
  });
});

it('never records a signature', async () => {
  const { id } = await openAction();
  await skill.callBack(standIn, id, message);
  const token = await skill.fetchToken(standIn);
  expect(JSON.stringify(standIn.wire)).not.toContain('eyJ');
  expect(JSON.stringify(standIn.wire)).not.toContain(token.split('.')[2]);
});
