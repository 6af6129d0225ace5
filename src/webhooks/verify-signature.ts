// Whether a webhook was signed by who holds the secret: Standard Webhooks 1.0 and GitHub's way.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { hasHeader, readHeaders, refuse, type WebhookHeaders, type WebhookRefusal } from './webhook-headers.ts';

export type WebhookScheme = 'standard' | 'github';

export type SignedWebhook = {
  readonly scheme: WebhookScheme;
  /** Every secret that is valid now: two of them while one replaces the other. */
  readonly secrets: readonly string[];
  readonly headers: WebhookHeaders;
  /** The bytes as they were sent: JSON that was read and written again has another signature. */
  readonly rawBody: Uint8Array;
  /** Epoch ms. */
  readonly now: number;
};

/** `id` is the sender's id of the message and the key under which a repeat of it is found. */
export type WebhookVerdict = { readonly ok: true; readonly id: string } | WebhookRefusal;

type Keys = readonly [Buffer, ...Buffer[]];

const toleranceSeconds = 300;
/** Whoever sees one delivery can try out a shorter secret at leisure. Standard Webhooks 1.0, "Signature scheme". */
const fewestSecretBytes = 24;
const mostSignatures = 20;
/**
 * Visible ASCII without quotes and backslash, which a library may escape; without the full stop, which would let a part of
 * the id pass for the timestamp; and without the comma, which a proxy puts between two headers it makes one.
 */
const idPattern = /^[\x21\x23-\x2b\x2d\x2f-\x5b\x5d-\x7e]{1,255}$/;

/**
 * Checks the signature of a webhook.
 * - `standard`: Standard Webhooks 1.0, symmetric (github.com/standard-webhooks/standard-webhooks,
 *   spec/standard-webhooks.md), also with the `svix-` names of its headers; the id and the time are signed.
 * - `github`: `X-Hub-Signature-256` over the body (docs.github.com, "Validating webhook deliveries"). The id in
 *   `X-GitHub-Delivery` is not signed, and there is no time.
 *
 * A secret that cannot be used (`findSecretFault`) refuses everything, so that the mistake is seen.
 */
export function verifyWebhook(webhook: SignedWebhook): WebhookVerdict {
  const keys = webhook.secrets.map((secret) => decodeSecret(webhook.scheme, secret));
  const usable = keys.filter((key) => key !== undefined);
  const [first, ...others] = usable;
  if (first === undefined || usable.length < keys.length) return refuse('a secret is missing or cannot be used');
  switch (webhook.scheme) {
    case 'standard':
      return verifyStandard(webhook, [first, ...others]);
    case 'github':
      return verifyGithub(webhook, [first, ...others]);
  }
}

/** Why a secret cannot be used, for whoever configures it; undefined when it can. Never quotes the secret. */
export function findSecretFault(scheme: WebhookScheme, secret: string): string | undefined {
  if (decodeSecret(scheme, secret) !== undefined) return undefined;
  return scheme === 'standard'
    ? `must be whsec_ and the base64 of at least ${fewestSecretBytes} bytes`
    : `must have at least ${fewestSecretBytes} bytes`;
}

function verifyStandard({ headers, rawBody, now }: SignedWebhook, keys: Keys): WebhookVerdict {
  // One family or the other, never a mixture: the three headers belong together.
  const isStandard = ['id', 'timestamp', 'signature'].some((name) => hasHeader(headers, `webhook-${name}`));
  const family = isStandard ? 'webhook' : 'svix';
  const names = { id: `${family}-id`, timestamp: `${family}-timestamp`, signature: `${family}-signature` };
  const read = readHeaders(headers, names);
  if (!read.ok) return read;
  const { id, timestamp, signature } = read.values;
  if (!idPattern.test(id)) return refuse(`${names.id} is malformed`);
  if (!/^[1-9]\d{0,11}$/.test(timestamp)) return refuse(`${names.timestamp} is malformed`);
  const signatures = signature.split(' ').filter((entry) => entry.startsWith('v1,'));
  if (signatures.length === 0) return refuse(`${names.signature} has no signature of version v1`);
  if (signatures.length > mostSignatures) return refuse(`${names.signature} has too many signatures`);
  const sign = (key: Buffer): string =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(rawBody).digest('base64')}`;
  if (!isAnySignedBy(keys, sign, signatures)) return refuse('the signature is wrong');
  // After the signature: what the log calls too old was signed by the sender, so a clock is wrong or it is a replay.
  const ageSeconds = Math.floor(now / 1_000) - Number(timestamp);
  if (ageSeconds > toleranceSeconds) return refuse(`${names.timestamp} is too old`);
  if (ageSeconds < -toleranceSeconds) return refuse(`${names.timestamp} is in the future`);
  return { ok: true, id };
}

function verifyGithub({ headers, rawBody }: SignedWebhook, keys: Keys): WebhookVerdict {
  const names = { id: 'x-github-delivery', signature: 'x-hub-signature-256' };
  const read = readHeaders(headers, names);
  if (!read.ok) return read;
  const { id, signature } = read.values;
  if (!idPattern.test(id)) return refuse(`${names.id} is malformed`);
  if (!signature.startsWith('sha256=')) return refuse(`${names.signature} has no signature of the kind sha256`);
  const sign = (key: Buffer): string => `sha256=${createHmac('sha256', key).update(rawBody).digest('hex')}`;
  if (!isAnySignedBy(keys, sign, [signature])) return refuse('the signature is wrong');
  return { ok: true, id };
}

// Every pair is compared: the time taken does not tell which secret or signature came near. Texts, not decoded bytes:
// base64 has several texts for the same bytes, and hex has two cases.
function isAnySignedBy(keys: Keys, sign: (key: Buffer) => string, signatures: readonly string[]): boolean {
  const given = signatures.map((signature) => Buffer.from(signature, 'utf8'));
  let isSigned = false;
  for (const key of keys) {
    const expected = Buffer.from(sign(key), 'utf8');
    for (const signature of given) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) isSigned = true;
    }
  }
  return isSigned;
}

/** The key of a secret; undefined when it is too short, or not base64 where it must be. */
function decodeSecret(scheme: WebhookScheme, secret: string): Buffer | undefined {
  const key = scheme === 'standard' ? decodeBase64(secret.replace(/^whsec_/, '')) : Buffer.from(secret, 'utf8');
  return key !== undefined && key.length >= fewestSecretBytes ? key : undefined;
}

// Node reads on past anything that is not base64; the way back shows it.
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
