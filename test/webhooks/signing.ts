// Signs as a source would, and has it checked. HMAC is written out here by its definition, so that the code under test
// is not compared with itself.
import { createHash } from 'node:crypto';
import { type SignedWebhook, verifyWebhook, type WebhookVerdict } from '../../src/webhooks/verify-signature.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';

/** As the official libraries have it; 24 bytes. */
export const officialSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const githubSecret = "It's a Secret to Everybody";
export const otherGithubSecret = 'another secret of more than 24 bytes';

export const sentAt = 1_614_265_330;
export const messageId = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
export const payload = Buffer.from('{"test": 2432232314}');

/** The id in `githubHeaders`. */
export const delivery = '72d3162e-cc78-11e3-81ab-4c9367dc0958';
export const wrong = 'refused: the signature is wrong';

type Message = { readonly id: string; readonly timestamp: number | string; readonly body: Uint8Array };
const official: Message = { id: messageId, timestamp: sentAt, body: payload };

/** RFC 2104: H(K xor opad, H(K xor ipad, text)), with blocks of 64 bytes. */
export function hmacSha256(key: Uint8Array, text: Uint8Array): Buffer {
  const block = Buffer.alloc(64);
  block.set(key.length > 64 ? createHash('sha256').update(key).digest() : key);
  const inner = createHash('sha256')
    .update(Buffer.concat([block.map((byte) => byte ^ 0x36), text]))
    .digest();
  return createHash('sha256')
    .update(Buffer.concat([block.map((byte) => byte ^ 0x5c), inner]))
    .digest();
}

/** The signature alone, as in `webhook-signature`. */
export function signStandard(secret: string, message: Partial<Message> = {}): string {
  const { id, timestamp, body } = { ...official, ...message };
  const key = Buffer.from(atob(secret.replace('whsec_', '')), 'latin1');
  const mac = hmacSha256(key, Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]));
  return `v1,${btoa(mac.toString('latin1'))}`;
}

export function signGithub(secret: string, body: Uint8Array): string {
  const bytes = [...hmacSha256(Buffer.from(secret), body)];
  return `sha256=${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** The headers of a message signed with `secrets`. */
export function standardHeaders(secrets: readonly string[], message: Partial<Message> = {}): WebhookHeaders {
  const { id, timestamp } = { ...official, ...message };
  return {
    'webhook-id': [id],
    'webhook-timestamp': [String(timestamp)],
    'webhook-signature': [secrets.map((secret) => signStandard(secret, message)).join(' ')],
  };
}

export function githubHeaders(secret: string, body: Uint8Array, id = delivery) {
  return {
    'x-github-delivery': [id],
    'x-github-event': ['push'],
    'x-hub-signature-256': [signGithub(secret, body)],
  };
}

/** The id, or why it was refused. */
export function outcomeOf(verdict: WebhookVerdict): string {
  return verdict.ok ? verdict.id : `refused: ${verdict.reason}`;
}

/** `bytes` with one bit turned over. */
export function flipBit(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

/** What becomes of a message as the official libraries sign it, but for `changes`. */
export function checkStandard(changes: Partial<SignedWebhook> = {}): string {
  const headers = standardHeaders([officialSecret]);
  const now = sentAt * 1_000;
  return outcomeOf(
    verifyWebhook({ scheme: 'standard', secrets: [officialSecret], headers, rawBody: payload, now, ...changes }),
  );
}

/** The same for GitHub. */
export function checkGithub(changes: Partial<SignedWebhook> = {}): string {
  const headers = githubHeaders(githubSecret, payload);
  return outcomeOf(
    verifyWebhook({ scheme: 'github', secrets: [githubSecret], headers, rawBody: payload, now: 0, ...changes }),
  );
}

/** `webhook-id` as `svix-id`, and so on. */
export function withSvixNames(headers: WebhookHeaders): WebhookHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name.replace(/^webhook/, 'svix'), values]),
  );
}
