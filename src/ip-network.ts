// Addresses and networks of addresses, as TRUSTED_PROXIES names them and as sockets and proxies write them.

import { isIP, SocketAddress } from 'node:net';

export type IpAddress = { readonly address: string; readonly family: 'ipv4' | 'ipv6' };

export type IpNetwork = IpAddress & { readonly prefix: number };

type Parsed = { readonly network: IpNetwork } | { readonly fault: string };

/** The widest networks that somebody can have for himself: 10.0.0.0/8 and fc00::/7. */
const widest = { ipv4: 8, ipv6: 7 } as const;
const bits = { ipv4: 32, ipv6: 128 } as const;

/** The address in its one spelling, an IPv4 address in IPv6 form (::ffff:192.0.2.1) as IPv4; undefined for anything else. */
export function parseAddress(text: string): IpAddress | undefined {
  const version = isIP(text);
  if (version === 4) return { address: text, family: 'ipv4' };
  if (version === 0) return undefined;
  // Without the zone of a link-local address (fe80::1%eth0), which says where it was met and not whose it is.
  const { address } = new SocketAddress({ address: text.replace(/%.*$/, ''), family: 'ipv6' });
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1];
  return mapped === undefined ? { address, family: 'ipv6' } : { address: mapped, family: 'ipv4' };
}

/** Reads an address or a network in CIDR form; a fault says in words what is wrong, without the entry. */
export function parseNetwork(entry: string): Parsed {
  const [, text = '', given] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const parsed = parseAddress(text);
  if (!parsed) return { fault: 'must be an address or a network, such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32' };
  const { address, family } = parsed;
  // The prefix of an IPv4 network in IPv6 form counts the 96 bits before it.
  const before = family === 'ipv4' && text.includes(':') ? 96 : 0;
  const prefix = given === undefined ? bits[family] : Number(given) - before;
  if (prefix > bits[family]) return { fault: `must have a prefix of at most /${bits[family] + before}` };
  if (prefix < widest[family]) {
    return { fault: `is too wide (at least /${widest[family] + before}): whoever is in it chooses his own address` };
  }
  return { network: { address, family, prefix } };
}
