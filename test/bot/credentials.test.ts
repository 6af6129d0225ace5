import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTokenSource } from '../../src/bot/credentials.ts';
import { explainTokenFailure } from '../../src/bot/explain-token-failure.ts';
import type { Cloud } from '../../src/channels.ts';
import type { Identity } from '../../src/config.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.ts';
import { http } from '../helpers/http.ts';

let clock: FakeClock;
let standIn: StandIn;
const appId = randomUUID();
const secret = randomUUID();

beforeEach(async () => {
  clock = createFakeClock();
  standIn = await startStandIn({ now: clock.now });
  standIn.registerApp({ appId, secret });
});
afterEach(() => standIn.stop());

function createTokens(change: Partial<Identity> = {}, loginUrl = standIn.loginUrl, cloud: Cloud = 'public') {
  const identity: Identity = {
    appId,
    appType: 'SingleTenant',
    tenantId: standIn.tenantId,
    credential: { kind: 'secret', secret },
    ...change,
  };
  return createTokenSource({ http, identity, cloud, loginUrl, now: clock.now });
}

const tokenRequests = () =>
  standIn.wire.filter((record) => record.direction === 'skill->tenant' && record.method === 'POST');

async function explainFailure(change: Partial<Identity>, audience = standIn.agent.appId): Promise<string> {
  const error: unknown = await createTokens(change)(audience).then(
    () => new Error('a token was issued'),
    (thrown: unknown) => thrown,
  );
  return explainTokenFailure(error).detail;
}

describe('tokens for parents', () => {
  it('are asked for once, however many wait', async () => {
    const tokens = createTokens();
    const headers = await Promise.all(Array.from({ length: 50 }, () => tokens(standIn.agent.appId)));
    expect(new Set(headers).size).toBe(1);
    expect(headers[0]).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(tokenRequests()).toHaveLength(1);
    expect(tokenRequests()[0]).toMatchObject({ scope: `${standIn.agent.appId}/.default`, status: 200 });
  });

  it('are one for each audience', async () => {
    const other = { appId: randomUUID(), secret: randomUUID() };
    standIn.registerApp(other);
    const tokens = createTokens();
    const [first, second] = await Promise.all([tokens(standIn.agent.appId), tokens(other.appId)]);
    expect(first).not.toBe(second);
    expect(tokenRequests().map((record) => record.token?.['aud'])).toEqual(
      expect.arrayContaining([standIn.agent.appId, other.appId]),
    );
  });

  it('are kept until five minutes before their end', async () => {
    const tokens = createTokens();
    await tokens(standIn.agent.appId);
    clock.advance(54 * 60_000);
    await tokens(standIn.agent.appId);
    expect(tokenRequests()).toHaveLength(1);
    clock.advance(2 * 60_000);
    await tokens(standIn.agent.appId);
    expect(tokenRequests()).toHaveLength(2);
  });

  it('that a parent has refused are replaced, at most once a minute', async () => {
    const tokens = createTokens();
    const first = await tokens(standIn.agent.appId);
    const second = await tokens(standIn.agent.appId, first);
    expect(second).not.toBe(first);
    expect(await tokens(standIn.agent.appId, first)).toBe(second);
    expect(await tokens(standIn.agent.appId, second)).toBe(second);
    expect(tokenRequests()).toHaveLength(2);
    clock.advance(60_000);
    expect(await tokens(standIn.agent.appId, second)).not.toBe(second);
    expect(tokenRequests()).toHaveLength(3);
  });

  it('that were refused to many at once are replaced once, and all of them get the new one', async () => {
    const tokens = createTokens();
    const first = await tokens(standIn.agent.appId);
    const headers = await Promise.all(Array.from({ length: 50 }, () => tokens(standIn.agent.appId, first)));
    expect(new Set(headers).size).toBe(1);
    expect(headers[0]).not.toBe(first);
    expect(tokenRequests()).toHaveLength(2);
  });

  it('are used to their end while no new one can be had', async () => {
    const tokens = createTokens();
    const first = await tokens(standIn.agent.appId);
    await standIn.stop();
    clock.advance(57 * 60_000);
    expect(await tokens(standIn.agent.appId)).toBe(first);
    clock.advance(4 * 60_000);
    await expect(tokens(standIn.agent.appId)).rejects.toThrow(/ECONNREFUSED|fetch failed|network/i);
  });

  it('are not read to the end where the token endpoint answers without one', async () => {
    let sent = 0;
    const metadataPath = `/${standIn.tenantId}/v2.0/.well-known/openid-configuration`;
    const metadata = await (await fetch(standIn.loginUrl + metadataPath)).text();
    const login = createServer(({ url }, res) => {
      if (url?.startsWith(metadataPath)) {
        res.end(metadata.replaceAll(new URL(standIn.loginUrl).host, new URL(loginUrl).host));
        return;
      }
      const more = (): void => {
        do sent += 65_536;
        while (res.write('x'.repeat(65_536)));
      };
      res.on('drain', more);
      more();
    }).listen(0, '127.0.0.1');
    await once(login, 'listening');
    onTestFinished(() => {
      login.closeAllConnections();
      login.close();
    });
    const loginUrl = `http://127.0.0.1:${(login.address() as AddressInfo).port}`;
    await expect(createTokens({}, loginUrl)(standIn.agent.appId)).rejects.toThrow('network_error');
    expect(sent).toBeGreaterThan(1_000_000);
    expect(sent).toBeLessThan(20_000_000);
  });

  it('are asked for again after a failure', async () => {
    const tokens = createTokens();
    await expect(tokens(randomUUID())).rejects.toThrow(/AADSTS500011/);
    const late = { appId: randomUUID(), secret: randomUUID() };
    await expect(tokens(late.appId)).rejects.toThrow(/AADSTS500011/);
    standIn.registerApp(late);
    await expect(tokens(late.appId)).resolves.toMatch(/^Bearer /);
  });

  it('of a multi-tenant registration come from the Bot Framework tenant', async () => {
    const multi = { appId: randomUUID(), secret: randomUUID(), tenantId: 'botframework.com' };
    standIn.registerApp(multi);
    const tokens = createTokens({
      appId: multi.appId,
      appType: 'MultiTenant',
      tenantId: undefined,
      credential: { kind: 'secret', secret: multi.secret },
    });
    await tokens(standIn.agent.appId);
    expect(tokenRequests().at(-1)?.token).toMatchObject({ tid: 'd6d49420-f39b-4df7-a1dc-d59a935871db' });
  });

  it("of a multi-tenant registration in the government cloud come from that cloud's Bot Framework tenant", async () => {
    const tokens = createTokens({ appType: 'MultiTenant', tenantId: undefined }, standIn.loginUrl, 'usgov');
    // The stand-in has the tenants of the public cloud only: which one it is asked for is all that is seen here.
    await expect(tokens(standIn.agent.appId)).rejects.toThrow('endpoints_resolution_error');
    const asked = standIn.wire.filter(({ direction }) => direction === 'skill->tenant').map(({ path }) => path);
    expect(asked[0]).toMatch(/^\/MicrosoftServices\.onmicrosoft\.us\//i);
  });

  it('with a certificate are asked for with a signed assertion instead of a secret', async () => {
    const privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const credential = { kind: 'certificate' as const, thumbprint: 'A'.repeat(40), privateKey };
    // The stand-in knows secrets only: that it is asked at all, and refuses, shows that the assertion was made.
    await expect(createTokens({ credential })(standIn.agent.appId)).rejects.toThrow(/AADSTS/);
    expect(tokenRequests()).toHaveLength(1);
    expect(tokenRequests()[0]?.status).toBeGreaterThanOrEqual(400);
  });
});

describe('a user-assigned managed identity', () => {
  it('asks the identity endpoint of its host for the audience, with its own client id', async () => {
    standIn.addSkill({ appId, endpointUrl: 'http://127.0.0.1:1/api/messages' });
    const asked: URL[] = [];
    const token = await standIn.signToken({ aud: standIn.agent.appId, appid: appId });
    const host = createServer((req, res) => {
      asked.push(new URL(req.url ?? '', 'http://identity'));
      const expiresOn = Math.floor(clock.now() / 1000) + 3600;
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ access_token: token, expires_on: expiresOn, resource: 'r', token_type: 'Bearer' }));
    }).listen(0, '127.0.0.1');
    await once(host, 'listening');
    onTestFinished(() => void host.close());
    // How Azure tells a process of App Service or Container Apps where its identity is (learn: app-service/overview-managed-identity).
    vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(host.address() as AddressInfo).port}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'header');
    onTestFinished(() => void vi.unstubAllEnvs());
    const tokens = createTokens({ appType: 'UserAssignedMSI', credential: { kind: 'managedIdentity' } });
    const [first, second] = await Promise.all([tokens(standIn.agent.appId), tokens(standIn.agent.appId)]);
    expect(first).toBe(`Bearer ${token}`);
    expect(second).toBe(first);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.searchParams.get('resource')).toBe(standIn.agent.appId);
    expect(asked[0]?.searchParams.get('client_id')).toBe(appId);
  });

  it('whose endpoint takes the call and does not answer holds nobody up for long', async () => {
    const host = createServer(() => {}).listen(0, '127.0.0.1');
    await once(host, 'listening');
    onTestFinished(() => {
      host.closeAllConnections();
      host.close();
    });
    vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(host.address() as AddressInfo).port}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'header');
    onTestFinished(() => void vi.unstubAllEnvs());
    const identity: Identity = {
      appId,
      appType: 'UserAssignedMSI',
      tenantId: standIn.tenantId,
      credential: { kind: 'managedIdentity' },
    };
    const { loginUrl } = standIn;
    const tokens = createTokenSource({ http, identity, cloud: 'public', loginUrl, now: clock.now, deadlineMs: 300 });
    await expect(tokens(standIn.agent.appId)).rejects.toThrow('The identity provider did not answer in time.');
  });
});

describe('why there is no token, in words', () => {
  it('a wrong secret names MicrosoftAppPassword', async () => {
    const words = await explainFailure({ credential: { kind: 'secret', secret: 'wrong' } });
    expect(words).toMatch(/AADSTS7000215.*MicrosoftAppPassword/);
  });

  it('an unknown app names MicrosoftAppId', async () => {
    expect(await explainFailure({ appId: randomUUID() })).toMatch(/AADSTS700016.*MicrosoftAppId/);
  });

  it('a wrong tenant names MicrosoftAppTenantId', async () => {
    expect(await explainFailure({ tenantId: randomUUID() })).toMatch(/MicrosoftAppTenantId/);
  });

  it('a parent of another tenant is named as such', async () => {
    expect(await explainFailure({}, randomUUID())).toMatch(/AADSTS500011.*another tenant/);
  });

  it('an endpoint that does not answer names LOGIN_URL', () => {
    expect(explainTokenFailure(new Error('connect ECONNREFUSED')).detail).toContain('LOGIN_URL');
  });
});
