// A9: the status of everything that can be wrong with a request to /api/messages, in the order in which it is looked at.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';
import { callbacksOf, countConversations, goodActivity } from '../helpers/activities.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

type Case = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Claims of the token that differ from a good one's; undefined: no token. */
  readonly claims?: Record<string, unknown> | undefined;
  readonly body?: string;
  /** Fields of the activity that differ from a good one's. */
  readonly fields?: Record<string, unknown>;
};

let skill: Skill;
/** Its issuer does not answer. */
let cutOff: Skill;

beforeAll(async () => {
  skill = await startSkill();
  cutOff = await startSkill({ env: { OPENID_METADATA_URL: `http://127.0.0.1:${await findFreePort()}/none` } });
});
afterAll(() => Promise.all([skill.stop(), cutOff.stop()]));

async function ask(asked: Skill, wrong: Case): Promise<Response> {
  const { method = 'POST', headers = {}, fields = {} } = wrong;
  const authorization: Record<string, string> =
    'claims' in wrong && wrong.claims === undefined
      ? {}
      : { authorization: `Bearer ${await asked.standIn.signToken(wrong.claims ?? {})}` };
  const body = wrong.body ?? JSON.stringify({ ...goodActivity(asked), type: 'conversationUpdate', ...fields });
  return fetch(`${asked.url}/api/messages`, {
    method,
    headers: { 'content-type': 'application/json', ...authorization, ...headers },
    body: method === 'GET' || method === 'HEAD' ? null : body,
  });
}

const somebody = '00000000-0000-4000-8000-000000000002';
const notJson = { 'content-type': 'text/plain' };

describe('POST /api/messages', () => {
  it.each<[string, Case, number, string]>([
    ['another method', { method: 'GET', claims: undefined }, 405, 'method_not_allowed'],
    [
      'a type that is not JSON, before the token',
      { headers: notJson, claims: undefined },
      415,
      'unsupported_media_type',
    ],
    [
      'an encoding, before the token',
      { headers: { 'content-encoding': 'gzip' }, claims: undefined },
      415,
      'unsupported_media_type',
    ],
    ['no token, before the body', { claims: undefined, body: '{' }, 401, 'invalid_token'],
    ['a bad token, before the body', { claims: { aud: somebody }, body: '{' }, 401, 'invalid_token'],
    [
      'a caller that is not allowed, before the body',
      { claims: { appid: somebody }, body: '{' },
      403,
      'caller_not_allowed',
    ],
    ['broken JSON', { body: '{' }, 400, 'malformed_request'],
    ['no activity', { body: '{}' }, 400, 'malformed_request'],
    ['an invoke', { fields: { type: 'invoke', name: 'x' } }, 400, 'malformed_request'],
    ['no conversation', { fields: { conversation: undefined } }, 400, 'malformed_request'],
    ['no user', { fields: { from: {} } }, 400, 'malformed_request'],
    ['no channel', { fields: { channelId: '' } }, 400, 'malformed_request'],
    ['no service URL', { fields: { serviceUrl: undefined } }, 400, 'malformed_request'],
    ['a body that is too large', { body: ' '.repeat(256 * 1024 + 1) }, 413, 'body_too_large'],
    [
      'a service URL that is not allowed',
      { fields: { serviceUrl: 'https://attacker.example/' } },
      403,
      'service_url_not_allowed',
    ],
  ])('with %s is refused', async (_, wrong, status, code) => {
    const answer = await ask(skill, wrong);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer error="invalid_token"' : null);
    expect(answer.headers.get('allow')).toBe(status === 405 ? 'POST' : null);
    expect(await answer.json()).toMatchObject({ status, code, instance: answer.headers.get('x-request-id') });
    expect(await countConversations(skill)).toBe(0);
    expect(callbacksOf(skill)).toEqual([]);
  });

  it('whose token cannot be checked because the issuer is away gets 503 and may come back', async () => {
    const answer = await ask(cutOff, {});
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({
      code: 'unavailable',
      detail: 'The signing keys (OPENID_METADATA_URL) could not be read.',
    });
  });

  it('that is good is 200, so that the refusals above mean something', async () => {
    expect((await ask(skill, {})).status).toBe(200);
    expect(await countConversations(skill)).toBe(1);
  });
});
