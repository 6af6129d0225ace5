// A token that has been verified is kept, so that it is not verified again. What is kept must open nothing that the token
// would not open by itself: not after its end, not after its key, not under another header, not for a caller no longer named.

import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { channelAuthorityOf } from '../../src/channels.ts';
import { buildChannelClaims } from '../../standin/channel.ts';
import { createSigningKey, describePublicKey, type SigningKey } from '../../standin/tokens.ts';
import { refused, verdictOf } from './gate-bench.ts';
import { hour } from './issuer.ts';
import { agent, appId, startBench, teamsUrl } from './kept-bench.ts';

let next: SigningKey;
beforeAll(async () => {
  next = await createSigningKey();
});

const kinds = ['parent', 'channel'] as const;

describe.each(kinds)('the token of a %s, verified before', (kind) => {
  it('is not verified again', async () => {
    const bench = await startBench();
    const header = bench[kind]();
    const caller = await bench.gate.verifyCaller(header);
    expect(caller.kind).toBe(kind);
    expect(await bench.gate.verifyCaller(header)).toBe(caller);
  });

  it('is another one under another header, though it says the same', async () => {
    const bench = await startBench();
    const header = bench[kind]();
    const caller = await bench.gate.verifyCaller(header);
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      const other = await bench.gate.verifyCaller(header.replace('Bearer', scheme));
      expect(other).not.toBe(caller);
      expect(other).toEqual(caller);
    }
  });

  it.each<[string, (header: string) => string]>([
    ['a space more', (header) => header.replace(' ', '  ')],
    ['a tab for the space', (header) => header.replace(' ', '\t')],
    ['a space before', (header) => ` ${header}`],
    ['a space after', (header) => `${header} `],
    ['a line after', (header) => `${header}\n`],
    ['a null after', (header) => `${header}\0`],
    ['a second token', (header) => `${header}, ${header}`],
    ['the token alone', (header) => header.slice('Bearer '.length)],
    ['the token in capitals', (header) => `Bearer ${header.slice('Bearer '.length).toUpperCase()}`],
    ['the token in small letters', (header) => header.toLowerCase()],
    ['the token without its signature', (header) => header.slice(0, header.lastIndexOf('.') + 1)],
    ['one byte less', (header) => header.slice(0, -1)],
    ['its first byte changed', (header) => header.replace('Bearer e', 'Bearer f')],
    ['no header', () => ''],
  ])('lets nothing in that is like its header: %s', async (_, change) => {
    const bench = await startBench();
    const header = bench[kind]();
    expect(await verdictOf(bench.gate, header)).toBe('accepted');
    expect(change(header)).not.toBe(header);
    expect(await verdictOf(bench.gate, change(header))).toEqual(refused[401]);
    expect(await verdictOf(bench.gate, header)).toBe('accepted');
  });

  it('ends when it ends', async () => {
    const { gate, issuer, [kind]: write } = await startBench();
    const header = write();
    const caller = await gate.verifyCaller(header);
    issuer.advance(hour - 1);
    expect(await gate.verifyCaller(header)).toBe(caller);
    issuer.advance(1);
    // What is over by less than the skew of clocks is decided as for any other token.
    expect(await gate.verifyCaller(header)).not.toBe(caller);
    issuer.advance(59_999);
    expect(await verdictOf(gate, header)).toBe('accepted');
    issuer.advance(1);
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
    issuer.advance(24 * hour);
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
  });

  it('has not begun when the clock is set back', async () => {
    const { gate, issuer, [kind]: write } = await startBench();
    const header = write();
    expect(await verdictOf(gate, header)).toBe('accepted');
    issuer.advance(-61_000);
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
    issuer.advance(61_000);
    expect(await verdictOf(gate, header)).toBe('accepted');
  });

  it('is refused from the refresh on that no longer has its key', async () => {
    const { gate, issuer, forge, [kind]: write } = await startBench();
    const header = write();
    expect(await verdictOf(gate, header)).toBe('accepted');
    await issuer.publish([next]);
    issuer.advance(30_000);
    expect(await verdictOf(gate, header)).toBe('accepted');
    // A key id that is not known has the set of this kind read anew.
    const claims = kind === 'parent' ? forge.claims() : { iss: channelAuthorityOf('public') };
    await verdictOf(gate, `Bearer ${forge.seal(forge.header({ kid: 'new' }), claims)}`);
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
    await issuer.publish([issuer.key]);
    issuer.advance(30_000);
    expect(await verdictOf(gate, header)).toBe('accepted');
  });

  it('is refused from the refresh on that has another key under the id of its key', async () => {
    const { gate, issuer, forge, [kind]: write } = await startBench();
    const header = write();
    expect(await verdictOf(gate, header)).toBe('accepted');
    await issuer.publish([{ ...next, kid: issuer.key.kid }]);
    issuer.advance(30_000);
    const claims = kind === 'parent' ? forge.claims() : { iss: channelAuthorityOf('public') };
    await verdictOf(gate, `Bearer ${forge.seal(forge.header({ kid: 'new' }), claims)}`);
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
  });

  it('is refused after a day without its key, also when nobody has come with a new one', async () => {
    const { gate, issuer, forge } = await startBench();
    const life = { nbf: forge.seconds(0), exp: forge.seconds(24 * 3_600 + 600) };
    const channelClaims = { ...buildChannelClaims(appId, teamsUrl, issuer.now()), ...life };
    const token = kind === 'parent' ? forge.claiming(life) : forge.seal(forge.header(), channelClaims);
    expect(await verdictOf(gate, `Bearer ${token}`)).toBe('accepted');
    await issuer.publish([next]);
    issuer.advance(24 * hour - 1);
    expect(await verdictOf(gate, `Bearer ${token}`)).toBe('accepted');
    issuer.advance(1);
    expect(await verdictOf(gate, `Bearer ${token}`)).toEqual(refused[401]);
  });

  it('stays good while the issuer is down', async () => {
    const { gate, issuer, forge } = await startBench();
    const life = { nbf: forge.seconds(0), exp: forge.seconds(24 * 3_600 + 600) };
    const channelClaims = { ...buildChannelClaims(appId, teamsUrl, issuer.now()), ...life };
    const token = kind === 'parent' ? forge.claiming(life) : forge.seal(forge.header(), channelClaims);
    expect(await verdictOf(gate, `Bearer ${token}`)).toBe('accepted');
    await issuer.stop();
    issuer.advance(24 * hour);
    expect(await verdictOf(gate, `Bearer ${token}`)).toBe('accepted');
  });
});

describe('what is asked at every request', () => {
  it('is whether the caller may call', async () => {
    const { gate, allowedCallers, parent } = await startBench();
    const header = parent();
    expect(await verdictOf(gate, header)).toBe('accepted');
    allowedCallers.splice(0, 1, randomUUID());
    expect(await verdictOf(gate, header)).toEqual(refused[403]);
    allowedCallers.push(agent);
    expect(await verdictOf(gate, header)).toBe('accepted');
  });

  it('is whether its tenant may', async () => {
    const { gate, allowedTenants, parent } = await startBench();
    const header = parent();
    expect(await verdictOf(gate, header)).toBe('accepted');
    allowedTenants.splice(0, 1, randomUUID());
    expect(await verdictOf(gate, header)).toEqual(refused[401]);
  });

  it('is whether the channel may', async () => {
    const { gate, issuer, allowedChannels, channel } = await startBench();
    await issuer.publish([], [{ ...(await describePublicKey(issuer.key)), endorsements: ['msteams'] }]);
    const header = channel();
    const activity = { channelId: 'msteams', serviceUrl: teamsUrl };
    const admit = async () => gate.admit(await gate.verifyCaller(header), activity);
    expect(await admit()).toMatchObject({ audience: channelAuthorityOf('public') });
    allowedChannels.pop();
    await expect(admit()).rejects.toMatchObject({ code: 'channel_not_allowed' });
  });
});

it('a token that was refused is not kept: it is decided anew each time', async () => {
  const { gate, issuer, forge, allowedCallers } = await startBench();
  const stranger = randomUUID();
  const early = `Bearer ${forge.claiming({ nbf: forge.seconds(100), exp: forge.seconds(3_600) })}`;
  const foreign = `Bearer ${forge.claiming({ appid: stranger })}`;
  for (let time = 0; time < 3; time += 1) {
    expect(await verdictOf(gate, early)).toEqual(refused[401]);
    expect(await verdictOf(gate, foreign)).toEqual(refused[403]);
  }
  allowedCallers.push(stranger);
  issuer.advance(40_000);
  expect(await verdictOf(gate, early)).toBe('accepted');
  expect(await verdictOf(gate, foreign)).toBe('accepted');
});
