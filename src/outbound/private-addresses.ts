// Addresses that no public parent has: a name that resolves to one of them would lead a token into a private network
// (stripe/smokescreen pkg/smokescreen/ip_policy_test.go; the special-purpose registries of IANA, RFC 6890).

import { BlockList, isIP } from 'node:net';

const special4 = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], // this network; Linux connects to this machine
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local: metadata services of clouds
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24], // documentation, as are 198.51.100 and 203.0.113: never routed, so whoever answers is inside
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // measurements inside of networks
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3], // multicast, reserved, broadcast
] as const) {
  special4.addSubnet(network, prefix, 'ipv4');
}

/**
 * The only block that is given out (IANA ipv6-address-space). Outside lie loopback, link-local, unique and site-local
 * addresses, multicast, segment routing (5f00::/16), and the forms that hold an IPv4 address: ::/96, ::ffff:0:0/96, 64:ff9b::/96.
 */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

const special6 = new BlockList();
for (const [network, prefix] of [
  ['2001::', 23], // protocols: Teredo (2001::/32), which holds an IPv4 address, measurements, ORCHID
  ['2001:db8::', 32], // documentation, as is 3fff::/20
  ['2002::', 16], // 6to4, which holds an IPv4 address
  ['3ffe::', 16], // 6bone, given back
  ['3fff::', 20],
] as const) {
  special6.addSubnet(network, prefix, 'ipv6');
}

/** True for whatever is not an address literal of a host on the public internet. */
export function isPrivateAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return special4.check(address, 'ipv4');
    case 6:
      return !global6.check(address, 'ipv6') || special6.check(address, 'ipv6');
    default:
      return true;
  }
}
