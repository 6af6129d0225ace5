// Each check of the doctor fails for its own reason, alone save for those that wait for it, and passes when it is mended:
// what is wrong stands in front of the service.

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckId } from '../../src/doctor/check.ts';
import { findFreePort } from '../../standin/free-port.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { examine, listMissed, type Words } from './doctor-bench.ts';
import { at, type Front, type Interception, startFront } from './front.ts';

/** A service behind a front, at which PUBLIC_URL points; the doctor asks the service itself for its storage. */
let skill: Skill;
let front: Front;
let stopFront: () => void;
beforeAll(async () => {
  const port = await findFreePort();
  front = await startFront(`http://127.0.0.1:${port}`, { atEnd: (stop) => (stopFront = stop) });
  skill = await startSkill({ env: { PORT: String(port), PUBLIC_URL: front.url } });
  skill = { ...skill, url: `http://127.0.0.1:${port}` };
});
afterAll(async () => {
  stopFront();
  await skill.stop();
});

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (res: ServerResponse): void => {
    // Not writeHead: restify, which is in this process too, gives it no return value.
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    res.statusCode = code;
    res.end();
  };

const afterPublicUrl: readonly CheckId[] = ['manifest', 'unauthenticated-probe'];

async function findMissedBehind(id: CheckId, interception: Interception, words: Words): Promise<unknown[]> {
  front.intercept(interception);
  const before = await examine(skill);
  front.intercept(undefined);
  return listMissed(id, { before, after: await examine(skill) }, words);
}

const manifestOf = (endpoint: Record<string, string>) => ({
  $schema: 'https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json',
  $id: 'skill',
  name: 'Skill',
  version: '1.0',
  publisherName: 'Somebody',
  endpoints: [
    {
      name: 'default',
      protocol: 'BotFrameworkV3',
      endpointUrl: `${front.url}/api/messages`,
      msAppId: skill.appId,
      ...endpoint,
    },
  ],
  activities: { act: { type: 'event', name: 'act', description: 'Acts' } },
});

describe('what stands in front of the service', () => {
  it.each<[string, Interception, RegExp, RegExp]>([
    [
      'public-url: a manifest behind a password',
      at('/manifests', status(401)),
      /MANIFEST_FETCH_FAILED.* 401/,
      /private browser window/,
    ],
    [
      'public-url: a manifest that is too large',
      at('/manifests', (res) => res.end(Buffer.alloc(500_001, 32))),
      /MANIFEST_TOO_LARGE/,
      /Take actions/,
    ],
    [
      'public-url: a connection that is cut off',
      (_req, res) => {
        res.destroy();
        return true;
      },
      /gives no answer/,
      /service runs/,
    ],
  ])('%s', async (_, interception, detail, fix) => {
    expect(await findMissedBehind('public-url', interception, { detail, fix, waiting: afterPublicUrl })).toEqual([]);
  });

  it.each<[string, (res: ServerResponse) => void, RegExp, RegExp]>([
    ['that is no JSON', (res) => res.end('<html>'), /MANIFEST_MALFORMED/, /JSON file itself/],
    [
      'of another skill',
      (res) => res.end(JSON.stringify(manifestOf({ msAppId: randomUUID() }))),
      /names app .* MicrosoftAppId is/,
      /publish its manifest anew/,
    ],
    [
      'with the endpoint of before',
      (res) => res.end(JSON.stringify(manifestOf({ endpointUrl: 'https://before.example.com/api/messages' }))),
      /its endpoint is https:\/\/before\.example\.com/,
      /refresh the skill/,
    ],
  ])('manifest: one %s', async (_, answer, detail, fix) => {
    expect(await findMissedBehind('manifest', at('/manifests', answer), { detail, fix })).toEqual([]);
  });

  it.each<[string, (res: ServerResponse) => void, RegExp, RegExp]>([
    ['200', (res) => res.end(), /answered with 200/, /this service/],
    ['302', status(302, { location: '/login' }), /sign-in page/, /sign-in/],
    ['401 without a challenge', status(401), /which is missing/, /WWW-Authenticate/],
    ['403', status(403), /firewall/, /Let POST/],
    ['404', status(404), /another path/, /unchanged/],
    ['502', status(502), /does not reach the service/, /backend/],
    ['nothing', (res) => res.destroy(), /gives no answer/, /service runs/],
  ])('unauthenticated-probe: %s', async (_, answer, detail, fix) => {
    expect(await findMissedBehind('unauthenticated-probe', at('/api/messages', answer), { detail, fix })).toEqual([]);
  });
});

describe('public-url', () => {
  it.each([
    ['plain http, save for the stand-in', async () => ({ PUBLIC_URL: '', LOGIN_URL: '' }), /imports https only/],
    [
      'a port where nobody listens',
      async () => ({ PUBLIC_URL: `http://127.0.0.1:${await findFreePort()}` }),
      /ECONNREFUSED/,
    ],
  ])('%s', async (_, change, detail) => {
    const { checks } = await examine(skill, { env: await change(), only: ['public-url'] });
    expect(checks).toMatchObject([{ ok: false, detail: expect.stringMatching(detail) as string }]);
  });
});
