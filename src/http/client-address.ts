// Whose request it is, where proxies stand in front of this service: their X-Forwarded-For counts, a stranger's does not.

import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { type IpAddress, type IpNetwork, parseAddress } from '../ip-network.ts';

/** The address that a request comes from; undefined when its connection is gone already. */
export type ClientAddress = (req: Pick<IncomingMessage, 'headers'> & { readonly socket: Peer }) => string | undefined;

type Peer = { readonly remoteAddress?: string | undefined };

/**
 * Each proxy adds at the right whom it was called by, so only what stands right of the first stranger was written by
 * proxies: the header is read from there, and not at all where the peer itself is none. Without proxies it is the peer.
 */
export function createClientAddress(trustedProxies: readonly IpNetwork[]): ClientAddress {
  // Node finds IPv4 addresses in wide networks of IPv6 as well (::/8), so each family has its own list.
  const trusted = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { address, family, prefix } of trustedProxies) trusted[family].addSubnet(address, prefix, family);
  const isTrusted = ({ address, family }: IpAddress): boolean => trusted[family].check(address, family);
  return (req) => {
    let client = parseAddress(req.socket.remoteAddress ?? '');
    const entries = forwardedFor(req.headers);
    while (client && isTrusted(client)) {
      const next = parseEntry(entries.pop() ?? '');
      if (!next) break;
      client = next;
    }
    return client?.address;
  };
}

/** Node joins the values of several such headers in their order. */
function forwardedFor(headers: IncomingMessage['headers']): string[] {
  const value = headers['x-forwarded-for'];
  return (Array.isArray(value) ? value.join() : (value ?? '')).split(',');
}

/** Some proxies add the port: 192.0.2.1:1234, [2001:db8::1]:1234. */
function parseEntry(entry: string): IpAddress | undefined {
  const [, bracketed, withPort] = /^(?:\[([^[\]]*)\](?::\d{1,5})?|([^:]*):\d{1,5})$/.exec(entry.trim()) ?? [];
  return parseAddress(bracketed ?? withPort ?? entry.trim());
}
