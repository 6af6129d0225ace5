// O3: what a host name resolves to is checked when it is dialled, with a resolver that says what an attacker's would.

import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { createPublicLookup, createUndiciClient, type Resolve } from '../../src/outbound/undici-client.ts';
import { type Sink, startSink } from '../gate/service-url-bench.ts';
import { ranges } from './private-ranges.ts';

const publicAddress = '20.42.0.1';
const addresses = ranges.flatMap(([network, what, ...three]) =>
  three.map((address) => [address, `${network}, ${what}`] as const),
);

let sink: Sink;
beforeAll(async () => {
  sink = await startSink('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
});
afterAll(async () => {
  await sink.stop();
  console.log(`O3 resolved addresses: ${addresses.length}, each alone, beside a public one, and in the URL`);
});

/** Resolves every name to these, one list after the other; counts how often it was asked. */
function createResolver(...answers: readonly (readonly string[])[]): { resolve: Resolve; asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, _options, callback) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(null, answer.map(describeAddress));
  };
  return { resolve, asked };
}

const resolveNothing: Resolve = (_hostname, _options, callback) =>
  callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []);

const describeAddress = (address: string): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 });

/** The class of the failure of a request to this host on the port of the sink, or the status. */
async function send(host: string, resolve: Resolve, scheme = 'http'): Promise<string | number> {
  const client = createUndiciClient({ connectMs: 1_000, resolve });
  onTestFinished(() => client.close());
  const transport = createParentTransport(client, 1_000);
  const url = `${scheme}://${host}:${sink.port}/v3/conversations/c/activities`;
  const request = { method: 'POST', url, authorization: 'Bearer secret', body: {}, privateAllowed: false };
  return transport(request).then(
    ({ status }) => status,
    (error: unknown) => (error as { errorClass: string }).errorClass,
  );
}

const dry = { connections: 0, bytes: 0 };

describe.each(addresses)('%s (%s)', (address) => {
  it('alone is not dialled', async () => {
    expect(await send('parent.example.com', createResolver([address]).resolve)).toBe('private_address');
    expect(await send('parent.example.com', createResolver([address]).resolve, 'https')).toBe('private_address');
    expect(sink.seen).toEqual(dry);
  });

  it('makes the public address beside it not dialled either, in any order', async () => {
    const before = createResolver([address, publicAddress]);
    const after = createResolver([publicAddress, address]);
    expect(await send('parent.example.com', before.resolve)).toBe('private_address');
    expect(await send('parent.example.com', after.resolve)).toBe('private_address');
    expect(sink.seen).toEqual(dry);
  });

  it('in the URL itself is not dialled, although nothing is looked up', async () => {
    const { resolve, asked } = createResolver([publicAddress]);
    expect(await send(address.includes(':') ? `[${address}]` : address, resolve)).toBe('private_address');
    expect(asked).toEqual([]);
    expect(sink.seen).toEqual(dry);
  });
});

describe('a name whose address changes', () => {
  it('is looked up and checked anew for each connection, and what was checked is what is dialled', async () => {
    const { resolve, asked } = createResolver([publicAddress], ['127.0.0.1'], [publicAddress, '::1']);
    const lookup = createPublicLookup(resolve);
    expect(await ask(lookup, true)).toEqual([describeAddress(publicAddress)]);
    await expect(ask(lookup, true)).rejects.toMatchObject({ code: 'PRIVATE_ADDRESS' });
    await expect(ask(lookup, true)).rejects.toMatchObject({ code: 'PRIVATE_ADDRESS' });
    expect(asked).toHaveLength(3);
  });

  it('is asked for once for one connection: there is no second look that could say otherwise', async () => {
    const { resolve, asked } = createResolver(['127.0.0.1'], [publicAddress]);
    expect(await send('rebinding.example.com', resolve)).toBe('private_address');
    expect(asked).toEqual(['rebinding.example.com']);
    expect(sink.seen).toEqual(dry);
  });

  it('gives the one checked address also where one alone is asked for', async () => {
    expect(await ask(createPublicLookup(createResolver([publicAddress, '8.8.8.8']).resolve), false)).toBe(
      publicAddress,
    );
    const mixed = createPublicLookup(createResolver([publicAddress, '10.0.0.1']).resolve);
    await expect(ask(mixed, false)).rejects.toMatchObject({ code: 'PRIVATE_ADDRESS' });
  });
});

it('a name without any address is not dialled', async () => {
  expect(await send('parent.example.com', createResolver([]).resolve)).toBe('private_address');
});

it('a name that the resolver does not know is a fault of DNS', async () => {
  expect(await send('parent.example.com', resolveNothing)).toBe('dns');
});

it('the sink is reached where an origin may be private, so that a dry one means something', async () => {
  const client = createUndiciClient();
  onTestFinished(() => client.close());
  const transport = createParentTransport(client);
  const url = `http://127.0.0.1:${sink.port}/`;
  const request = { method: 'POST', url, authorization: 'Bearer x', body: {}, privateAllowed: true };
  expect((await transport(request)).status).toBe(200);
  expect(sink.seen.connections).toBe(1);
});

/** What the lookup answers: all addresses, or the one. */
function ask(lookup: LookupFunction, all: boolean): Promise<string | LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup('parent.example.com', { all }, (error, address) => (error ? reject(error) : resolve(address)));
  });
}
