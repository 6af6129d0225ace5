// What is unknown of the service, and what goes wrong for long: each switch, and that it counts at once.

import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandIn, type StandInOptions, startStandIn } from '../../standin/stand-in.ts';
import { createSwitches, parseSwitches } from '../../standin/switches.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

const message = { type: 'message', text: 'hello' };
const botFrameworkTenant = 'd6d49420-f39b-4df7-a1dc-d59a935871db';

let standIn: StandIn;
let skill: FakeSkill;
let time: number;

beforeEach(async () => {
  time = Date.now();
  skill = await startFakeSkill();
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

async function start(options: StandInOptions = {}): Promise<void> {
  standIn = await startStandIn({ now: () => time, ...options });
  join(standIn, skill);
}

async function openAction() {
  const conversation = standIn.openConversation();
  await conversation.callAction('wait');
  return conversation;
}

async function readKeys(): Promise<JSONWebKeySet> {
  const answer = await fetch(`${standIn.loginUrl}/${standIn.tenantId}/discovery/v2.0/keys`);
  return (await answer.json()) as JSONWebKeySet;
}

async function postTo(serviceUrl: string, id: string): Promise<number> {
  const headers = { Authorization: `Bearer ${await skill.fetchToken(standIn)}` };
  const url = `${serviceUrl}v3/conversations/${encodeURIComponent(id)}/activities`;
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(message) })).status;
}

const inboundToken = (): string => String(skill.received.at(-1)?.authorization).replace('Bearer ', '');

describe('an agent with an Entra Agent ID', () => {
  it('answers 401 to every callback, also one with a right token in a turn, and says why', async () => {
    await start({ entraAgentId: true });
    const { id } = await openAction();
    expect((await skill.callBack(standIn, id, message)).status).toBe(401);
    expect(standIn.wire.at(-1)?.reason).toContain('Entra Agent ID');
    standIn.switches.entraAgentId = false;
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });
});

describe('a rotation of keys', () => {
  it('signs with the new key, and keeps the old one in the key set', async () => {
    await start();
    const { id } = await openAction();
    const before = await skill.fetchToken(standIn);
    await standIn.rotateKeys();
    await standIn.openConversation().callAction('wait');
    const keys = await readKeys();
    expect(keys.keys).toHaveLength(2);
    const only = createLocalJWKSet({ keys: keys.keys.slice(0, 1) });
    await expect(jwtVerify(inboundToken(), only, { currentDate: new Date(time) })).resolves.toBeDefined();
    expect((await skill.callBack(standIn, id, message, { token: before })).status).toBe(200);
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });

  it('takes the old key away at once when it has to', async () => {
    await start();
    const { id } = await openAction();
    const before = await skill.fetchToken(standIn);
    await standIn.rotateKeys({ retireOld: true });
    expect((await readKeys()).keys).toHaveLength(1);
    expect((await skill.callBack(standIn, id, message, { token: before })).status).toBe(401);
    expect(standIn.wire.at(-1)?.reason).toContain('key id');
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });
});

describe('clocks that differ', () => {
  it('show in the tokens to the skill and from the tenant, and in what the agent takes', async () => {
    await start();
    const { id } = await openAction();
    const before = await skill.fetchToken(standIn);
    standIn.switches.clockSkewSeconds = 7_200;
    await standIn.openConversation().callAction('wait');
    const ahead = Math.floor(time / 1_000) + 7_200;
    expect(decodeJwt(inboundToken())).toMatchObject({ nbf: ahead, iat: ahead, exp: ahead + 3_600 });
    expect(decodeJwt(await skill.fetchToken(standIn)).nbf).toBe(ahead);
    expect((await skill.callBack(standIn, id, message, { token: before })).status).toBe(401);
    expect(standIn.wire.at(-1)?.reason).toContain('expired');
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });
});

describe('a service URL that changes between two turns', () => {
  it.each([
    [false, 404, /earlier turn/],
    [true, 200, /^taken$/],
  ])('is named by the next turn; with keepOld %s the old one answers %i', async (keepOld, status, reason) => {
    await start();
    const conversation = await openAction();
    const old = standIn.agent.serviceUrl;
    standIn.moveService({ keepOld });
    expect(standIn.agent.serviceUrl).not.toBe(old);
    expect(await postTo(old, conversation.id)).toBe(status);
    expect(standIn.wire.at(-1)?.reason ?? 'taken').toMatch(reason);
    await conversation.say('still there?');
    expect(skill.received.at(-1)?.activity['serviceUrl']).toBe(standIn.agent.serviceUrl);
    expect(await postTo(standIn.agent.serviceUrl, conversation.id)).toBe(200);
  });
});

describe('another topic that takes over', () => {
  it('drops the action without a word to the skill, whose callback then meets the end', async () => {
    await start();
    const conversation = await openAction();
    expect(await conversation.interrupt({ text: 'something else' })).toBeUndefined();
    expect(conversation.action).toMatchObject({ name: 'wait', state: 'interrupted' });
    expect(skill.received).toHaveLength(1);
    expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(404);
    expect(standIn.wire.at(-1)?.reason).toContain('interrupted');
    expect(conversation.transcript.map(({ text }) => text)).toContain('something else');
  });

  it('tells the skill where that is switched on', async () => {
    await start({ tellSkillOfInterruption: true });
    const conversation = await openAction();
    expect((await conversation.interrupt())?.status).toBe(200);
    expect(skill.received.at(-1)?.activity).toMatchObject({ type: 'endOfConversation' });
    expect(conversation.action?.state).toBe('interrupted');
  });
});

describe('limits of time', () => {
  it('an action expires after as much silence as is set', async () => {
    await start({ idleMinutes: 30 });
    const conversation = await openAction();
    time += 30 * 60_000;
    expect(conversation.action?.state).toBe('open');
    time += 1;
    expect(conversation.action?.state).toBe('expired');
  });

  it('a skill that is too slow has not answered', async () => {
    await start({ skillTimeoutMs: 30 });
    skill.onActivity = () => new Promise(() => {});
    expect((await standIn.openConversation().callAction('wait')).status).toBe(0);
    expect(standIn.wire.at(-1)?.reason).toContain('took too long');
  });
});

describe('identities', () => {
  it('a multi-tenant agent calls with a token of the Bot Framework, and takes callbacks of the tenant', async () => {
    await start({ agent: { multiTenant: true } });
    const { id } = await openAction();
    expect(decodeJwt(inboundToken())).toMatchObject({
      tid: botFrameworkTenant,
      iss: `https://sts.windows.net/${botFrameworkTenant}/`,
    });
    expect(decodeJwt(await standIn.signToken())).toMatchObject({ tid: botFrameworkTenant });
    expect((await skill.callBack(standIn, id, message)).status).toBe(200);
  });

  it('the registration of whom a token is for decides its version', async () => {
    await start({ agent: { tokenVersion: '2.0' } });
    const { id } = await openAction();
    expect(decodeJwt(inboundToken())).toMatchObject({ ver: '1.0', appid: standIn.agent.appId });
    const token = await skill.fetchToken(standIn);
    expect(decodeJwt(token)).toMatchObject({ ver: '2.0', azp: skill.appId });
    expect((await skill.callBack(standIn, id, message, { token })).status).toBe(200);

    standIn.registerApp({ appId: skill.appId, secret: skill.secret, tokenVersion: '2.0' });
    await standIn.openConversation().callAction('wait');
    expect(decodeJwt(inboundToken())).toMatchObject({ ver: '2.0', azp: standIn.agent.appId });
  });

  it('a login service that is down gives no token', async () => {
    await start({ directoryDown: true });
    const answer = await skill.requestToken(standIn);
    expect([answer.status, await answer.json()]).toMatchObject([503, { error_codes: [90033] }]);
  });
});

it('long ids have the signs of Teams and are answered under them', async () => {
  await start({ longIds: true });
  const conversation = await openAction();
  expect(conversation.id).toMatch(/^19:[0-9a-f]{100,}@thread\.tacv2;messageid=\d+$/);
  expect((await skill.callBack(standIn, conversation.id, message)).status).toBe(200);
  expect((await openAction()).id).not.toBe(conversation.id);
});

describe('what is no value of a switch', () => {
  it.each([
    [{ closedStatus: 418 }, 'closedStatus must be one of 404, 403, 410, 500 (got 418)'],
    [{ idleMinutes: 0.5 }, 'idleMinutes must be a whole number from 1 to 1440 (got 0.5)'],
    [{ longIds: 'yes' }, 'longIds must be true or false (got "yes")'],
    [{ nothing: 1 }, 'there is no switch nothing'],
    [{ constructor: 1 }, 'there is no switch constructor'],
  ])('is named: %j', (values, words) => {
    expect(() => parseSwitches(values)).toThrow(new RangeError(words));
  });

  it('is not taken by the start either, and an undefined one is the usual one', async () => {
    await expect(startStandIn({ clockSkewSeconds: 1e9 })).rejects.toThrow('clockSkewSeconds');
    expect(createSwitches({ closedStatus: undefined }).closedStatus).toBe(404);
    await start();
  });
});
