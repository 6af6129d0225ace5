// The API behind the page: who may use it, and what it says to what it does not take.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { type FakeSkill, join, startFakeSkill } from './fake-skill.ts';

const json = { 'Content-Type': 'application/json' };
let standIn: StandIn;
let skill: FakeSkill;

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  join(standIn, skill);
});

afterEach(async () => {
  await standIn.stop();
  await skill.stop();
});

function post(path: string, body: unknown, headers: Record<string, string> = json): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${standIn.url}/standin/${path}`, { method: 'POST', headers, body: text });
}

describe('the page', () => {
  it('is served under a strict policy, and nothing else is', async () => {
    const response = await fetch(standIn.chatPageUrl);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    for (const path of ['/package.json', '/other.js', '/constructor.js', '/stand-in.js']) {
      expect((await fetch(`${standIn.url}${path}`)).status).toBe(404);
    }
  });
});

describe('a request that is not of the page', () => {
  it.each([
    ['of another site', { ...json, Origin: 'https://evil.example' }, '{}', 403],
    ['of a form', { 'Content-Type': 'text/plain' }, '{}', 415],
    ['without JSON', json, '[', 400],
    ['without an object', json, '[]', 400],
  ])('%s is refused with %s', async (_name, headers, body, status) => {
    for (const path of ['conversations', 'switches', 'faults', 'keys', 'service-url', 'skills']) {
      expect((await post(path, body, headers)).status).toBe(status);
    }
    expect(standIn.switches).toMatchObject({ closedStatus: 404 });
  });
});

describe('a value that is not taken', () => {
  it.each([
    ['conversations', { channel: 'email' }, /channel must be one of msteams, directline, pva-studio/],
    ['switches', { closedStatus: 200 }, /closedStatus must be one of/],
    ['switches', { closedStatus: 410, unknown: 1 }, /no switch unknown/],
    ['faults', { name: 'fire', times: 1 }, /no fault "fire"/],
    ['faults', { name: 'slow', times: -1 }, /times must be/],
    ['keys', { retireOld: 'yes' }, /retireOld must be true or false/],
    ['skills', { manifestUrl: 1 }, /manifestUrl must be a text/],
  ])('at %s: %j is named', async (path, body, words) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(words);
    // Nothing of a request with a fault in it counts.
    expect(standIn.switches.closedStatus).toBe(404);
  });

  it('an unknown conversation is not found', async () => {
    expect((await post('conversations/unknown/cancel', {})).status).toBe(404);
  });
});

it('what is set is in the state, which holds no secret', async () => {
  await post('faults', { name: 'slow', times: 2 });
  await post('faults', { name: 'hanging', times: null });
  await post('switches', { longIds: true });
  await post('keys', { retireOld: false });
  const text = await (await fetch(`${standIn.url}/standin/state`)).text();
  const state = JSON.parse(text) as { faults: { name: string; left: number | null }[] };
  expect(state).toMatchObject({ switches: { longIds: true }, agent: { appId: standIn.agent.appId } });
  const left = Object.fromEntries(state.faults.map((fault) => [fault.name, fault.left]));
  expect(left).toMatchObject({ slow: 2, hanging: null, throttled: 0 });
  expect(text).not.toContain(skill.secret);
});

it('a redirect that is followed is on record as a mistake', async () => {
  await post('faults', { name: 'redirected', times: 1 });
  const conversation = standIn.openConversation();
  await conversation.callAction('wait');
  const answer = await skill.callBack(standIn, conversation.id, { type: 'message' });
  const location = String(answer.headers.get('location'));
  expect([answer.status, location]).toEqual([307, `${standIn.url}/elsewhere/`]);
  expect((await fetch(location, { method: 'POST' })).status).toBe(403);
  expect(standIn.wire.at(-1)).toMatchObject({
    status: 403,
    reason: expect.stringContaining('a redirect was followed'),
  });
});
