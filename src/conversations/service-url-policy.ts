// Where a bearer token may be sent. A skill's token carries no service URL, so the body of a call could name any host
// (sdk-known weakness: botbuilder-js appCredentials.ts, isTrustedServiceUrl always answers true). Asked at receipt,
// before saving, and at every send, also for conversations saved earlier.

import { BlockList, isIP } from 'node:net';
import { type Cloud, isHostOfChannel } from '../channels.ts';
import type { ServiceUrlRule } from '../config.ts';

/**
 * `push`: may be posted to; `inTurn`: may be named by a call whose replies travel in the answer, never posted to.
 * `privateAllowed`: an operator named this exact origin, so it may resolve to a private address.
 */
type ServiceUrlVerdict =
  | { readonly allowed: 'push'; readonly privateAllowed: boolean }
  | { readonly allowed: 'inTurn' }
  | { readonly allowed: 'no'; readonly reason: string };

/**
 * Asked for a conversation on one of these channels; without `channels`, for a parent's. What is good for one is not for
 * the other: a channel's reply token must reach no parent.
 */
export type ServiceUrlPolicy = (serviceUrl: string, channels?: readonly string[]) => ServiceUrlVerdict;

/** Power Platform's gateway: where Copilot Studio takes a skill's replies (CopilotStudioSamples contact-center/skill-handoff). */
const copilotStudioSuffixes = {
  public: ['.gateway.prod.island.powerapps.com'],
  usgov: ['.gateway.gov.island.powerapps.us', '.gateway.gov.island.appsplatform.us'],
} as const;

/**
 * The test pane names Direct Line as its service URL (Agents-for-js, activity.test.ts "Activity from MCS"), where a skill
 * has nothing to post: its identity is no member of that channel.
 */
const inTurnHosts = {
  public: ['directline.botframework.com', 'europe.directline.botframework.com', 'webchat.botframework.com'],
  usgov: ['directline.botframework.azure.us', 'webchat.botframework.azure.us'],
} as const;

/** Builds the policy of this cloud plus the operator's own rules (ALLOWED_SERVICE_URLS). */
export function createServiceUrlPolicy(cloud: Cloud, extraRules: readonly ServiceUrlRule[]): ServiceUrlPolicy {
  const onlyInTurn: readonly string[] = inTurnHosts[cloud];
  const isParentHost = (host: string): boolean => copilotStudioSuffixes[cloud].some((suffix) => host.endsWith(suffix));

  return (serviceUrl, channels) => {
    const rules = extraRules.filter(({ channel }) =>
      channels ? channel !== undefined && channels.includes(channel) : channel === undefined,
    );
    const url = parseServiceUrl(serviceUrl);
    if (typeof url === 'string') return { allowed: 'no', reason: url };
    if (rules.some((rule) => rule.kind === 'origin' && rule.origin === url.origin)) {
      return { allowed: 'push', privateAllowed: true };
    }
    if (url.protocol !== 'https:') return refuse(url, 'is not https', channels);
    if (url.port !== '') return refuse(url, 'names a port', channels);
    const host = url.hostname.replace(/\.$/, '');
    if (isIP(host.replace(/^\[|\]$/g, '')) !== 0) return refuse(url, 'is an IP address', channels);
    const isKnown = channels ? channels.some((id) => isHostOfChannel(host, id, cloud)) : isParentHost(host);
    if (isKnown || rules.some((rule) => rule.kind === 'suffix' && host.endsWith(rule.suffix))) {
      return { allowed: 'push', privateAllowed: false };
    }
    if (!channels && onlyInTurn.includes(host)) return { allowed: 'inTurn' };
    return refuse(url, 'is not on the list', channels);
  };
}

function parseServiceUrl(text: string): URL | string {
  if (text.length > 512) return 'the service URL is longer than 512 characters';
  // The URL parser drops tabs and newlines and reads a backslash as a slash: what was checked would not be what is shown.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(text)) return 'the service URL has characters that do not belong in a URL';
  if (!URL.canParse(text)) return 'the service URL is not a URL';
  const url = new URL(text);
  if (url.username || url.password) return 'the service URL has a user name';
  if (url.search || url.hash) return 'the service URL has a query or fragment';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'the service URL is neither https nor http';
  return url;
}

function refuse(url: URL, why: string, channels: readonly string[] | undefined): ServiceUrlVerdict {
  const found = `service URL host ${url.host} ${why}`;
  const reason = channels
    ? `${found}, and is of no channel that ALLOWED_CHANNELS names; if it is, add ${channels[0] ?? 'msteams'}=${url.origin} to ALLOWED_SERVICE_URLS`
    : `${found}; if it is your parent's, add ${url.origin} to ALLOWED_SERVICE_URLS`;
  return { allowed: 'no', reason };
}

/** Addresses that are not on the public internet (stripe/smokescreen pkg/smokescreen/ip_policy_test.go, RFC 6890). */
const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv6');
}

/** True for loopback, link-local, private and other addresses that no public parent has. `address` is an IP literal. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  return privateAddresses.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
