// Each check of an API key alone, over a real database.

import { describe, expect, it } from 'vitest';
import { digestOf, isSameDigest, type Scope } from '../../src/keys/api-key.ts';
import { createKeyRing } from '../../src/keys/key-ring.ts';
import { openTestDatabase } from '../helpers/database.ts';

const hour = 3_600_000;
const configured = { name: 'erp', secret: 'a-secret-of-at-least-24-chars' };
const wanted = { name: 'made', scopes: ['notify:send'] as const satisfies readonly Scope[] };

async function openRing() {
  let time = 1_800_000_000_000;
  const ring = createKeyRing({ db: await openTestDatabase(), now: () => time, apiKeys: [configured] });
  const isKnown = async (key: string): Promise<boolean> => (await ring.find(key)) !== undefined;
  return { ring, isKnown, now: () => time, advance: (ms: number) => void (time += ms) };
}

describe('a key is known', () => {
  it('from the settings, by its whole secret alone', async () => {
    const { ring, isKnown } = await openRing();
    expect(await ring.find(configured.secret)).toEqual({
      name: 'erp',
      scopes: ['notify:send', 'notify:read', 'operate'],
    });
    for (const wrong of [
      '',
      'erp',
      configured.secret.slice(1),
      `${configured.secret}x`,
      configured.secret.toUpperCase(),
    ])
      expect(await isKnown(wrong)).toBe(false);
  });

  it('from the store, by its whole secret alone', async () => {
    const { ring, isKnown } = await openRing();
    const [first, second] = [await ring.create(wanted), await ring.create({ ...wanted, name: 'second' })];
    expect(await ring.find(first.key)).toMatchObject({ name: 'made', scopes: ['notify:send'] });
    expect(await ring.find(second.key)).toMatchObject({ name: 'second' });
    const other = `cn_${first.id}_${second.key.slice(-43)}`;
    expect(await isKnown(other)).toBe(false);
    expect(await isKnown(`cn_000000000000_${first.key.slice(-43)}`)).toBe(false);
  });

  it('until it is revoked', async () => {
    const { ring, isKnown, advance } = await openRing();
    const { id, key } = await ring.create(wanted);
    const revoked = await ring.revoke(id);
    expect(await isKnown(key)).toBe(false);
    expect(await ring.rotate(id, hour)).toBeUndefined();
    // And once revoked it stays so, with the time at which it was.
    advance(hour);
    expect(await ring.revoke(id)).toEqual(revoked);
  });

  it('until its expiry, to the millisecond', async () => {
    const { ring, isKnown, now, advance } = await openRing();
    const { key } = await ring.create({ ...wanted, expiresAt: now() + hour });
    advance(hour - 1);
    expect(await isKnown(key)).toBe(true);
    advance(1);
    expect(await isKnown(key)).toBe(false);
  });

  it('after its rotation as long as was said, to the millisecond', async () => {
    const { ring, isKnown, advance } = await openRing();
    const { id, key } = await ring.create(wanted);
    const rotated = await ring.rotate(id, hour);
    advance(hour - 1);
    expect(await isKnown(key)).toBe(true);
    expect(await isKnown(`cn_${id}_${'x'.repeat(43)}`)).toBe(false);
    advance(1);
    expect(await isKnown(key)).toBe(false);
    expect(await isKnown(rotated?.key ?? '')).toBe(true);
  });
});

it('a key for some subjects is for these alone', async () => {
  const { ring } = await openRing();
  const { key } = await ring.create({ ...wanted, subjects: ['order/'] });
  expect(await ring.find(key)).toEqual({ name: 'made', scopes: ['notify:send'], subjects: ['order/'] });
});

it('no key has the name of another one, of the store or of the settings', async () => {
  const { ring } = await openRing();
  await ring.create(wanted);
  for (const name of ['made', 'erp']) {
    await expect(ring.create({ ...wanted, name })).rejects.toMatchObject({ code: 'name_taken' });
  }
});

it('digests of different lengths are different, and no error', () => {
  const digest = digestOf('x');
  expect(isSameDigest(digest, digest)).toBe(true);
  expect(isSameDigest(digest.toString('hex'), digest)).toBe(true);
  expect(isSameDigest(digestOf('y'), digest)).toBe(false);
  expect(isSameDigest(digest.subarray(1), digest)).toBe(false);
});
