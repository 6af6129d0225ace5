// A1: nothing is kept of a token that has proven nothing. The SDK's emulator check took four issuers from each, for good:
// 20,000 unsigned ones grew its heap from 25 to 354 MB, and each tenant they named was believed from then on.

import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { channelAuthorityOf } from '../../src/channels.ts';
import { appId, startChannelBench } from './channel-bench.ts';
import { encode } from './forge.ts';
import { refused, verdictOf } from './gate-bench.ts';

const many = 20_000;
const now = () => 1_800_000_000_000;

it(`${many} unsigned tokens of as many tenants leave no memory behind, and no tenant that is believed`, async () => {
  const bench = await startChannelBench(now);
  const gate = bench.gate({ allowedChannels: ['msteams'] });
  const heads = [
    () => ({ alg: 'none' }),
    () => ({ alg: 'RS256', kid: randomUUID() }),
    () => ({ alg: 'RS256', kid: 'all' }),
  ];
  const send = async (index: number): Promise<string> => {
    const tid = randomUUID();
    const iss = index % 2 === 0 ? `https://sts.windows.net/${tid}/` : channelAuthorityOf('public');
    // As the SDK's check for the emulator wants it: our own app, with the audience of our own tokens.
    const claims = { tid, iss, ver: '1.0', appid: appId, aud: channelAuthorityOf('public'), serviceurl: randomUUID() };
    const head = heads[index % heads.length]?.() ?? {};
    const token = `${encode(head)}.${encode({ ...claims, pad: 'p'.repeat(1_000) })}.AAAA`;
    expect(await verdictOf(gate, `Bearer ${token}`)).toEqual(refused[401]);
    return tid;
  };
  // Both key sets are fetched, and the code is warm.
  for (let index = 0; index < 1_000; index += 1) await send(index);

  const before = heapMb();
  const tenants: string[] = [];
  for (let index = 0; index < many; index += 1) {
    const tid = await send(index);
    if (index % 200 === 0) tenants.push(tid);
  }
  const growth = heapMb() - before;
  console.log(`A1: ${many} unsigned tokens, heap ${growth.toFixed(1)} MB larger`);
  expect(growth).toBeLessThan(10);
  for (const tid of tenants) {
    const token = bench.tenant.claiming({ tid, iss: `https://sts.windows.net/${tid}/` });
    expect(await verdictOf(gate, `Bearer ${token}`)).toEqual(refused[401]);
  }
  expect(await verdictOf(gate, `Bearer ${bench.tenant.claiming()}`)).toBe('accepted');
  expect(await verdictOf(gate, `Bearer ${bench.token()}`)).toBe('accepted');
  await bench.stop();
}, 60_000);

function heapMb(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed / 1_048_576;
}
