// T19 of reliability-security.md: no single bit of a body or a signature may change, and the time taken tells nothing.
import { describe, expect, it } from 'vitest';
import { type SignedWebhook, verifyWebhook } from '../../src/webhooks/verify-signature.ts';
import {
  flipBit,
  githubHeaders,
  githubSecret,
  officialSecret,
  outcomeOf,
  payload,
  sentAt,
  signGithub,
  signStandard,
  standardHeaders,
} from './signing.ts';

const common = { rawBody: payload, now: sentAt * 1_000 };
const schemes = {
  standard: {
    webhook: {
      ...common,
      scheme: 'standard',
      secrets: [officialSecret],
      headers: standardHeaders([officialSecret]),
    } satisfies SignedWebhook,
    header: 'webhook-signature',
    signature: Buffer.from(signStandard(officialSecret)),
  },
  github: {
    webhook: {
      ...common,
      scheme: 'github',
      secrets: [githubSecret],
      headers: githubHeaders(githubSecret, payload),
    } satisfies SignedWebhook,
    header: 'x-hub-signature-256',
    signature: Buffer.from(signGithub(githubSecret, payload)),
  },
} as const;

/** 100 of the bits of `bytes`, as far apart as they can be. */
function spreadBits(bytes: Uint8Array): number[] {
  return Array.from({ length: 100 }, (_, index) => Math.floor((index * bytes.length * 8) / 100));
}

describe.each(['standard', 'github'] as const)('one bit turned over, %s', (name) => {
  const { webhook, header, signature } = schemes[name];

  it('none: it is taken', () => {
    expect(verifyWebhook(webhook).ok).toBe(true);
  });

  it.each(spreadBits(payload))('bit %i of the body', (bit) => {
    expect(outcomeOf(verifyWebhook({ ...webhook, rawBody: flipBit(payload, bit) }))).toBe(
      'refused: the signature is wrong',
    );
  });

  it.each(spreadBits(signature))('bit %i of the signature', (bit) => {
    // As node:http gives bytes beyond ASCII in a header.
    const flipped = flipBit(signature, bit).toString('latin1');
    const headers = { ...webhook.headers, [header]: [flipped] };
    expect(outcomeOf(verifyWebhook({ ...webhook, headers }))).toMatch(
      /^refused: (the signature is wrong|\S+ has no signature of (version v1|the kind sha256))$/,
    );
  });

  it('every bit of both', () => {
    const bodies = Array.from({ length: payload.length * 8 }, (_, bit) => ({
      ...webhook,
      rawBody: flipBit(payload, bit),
    }));
    const signatures = Array.from({ length: signature.length * 8 }, (_, bit) => ({
      ...webhook,
      headers: { ...webhook.headers, [header]: [flipBit(signature, bit).toString('latin1')] },
    }));
    const taken = [...bodies, ...signatures].filter((changed) => verifyWebhook(changed).ok);
    console.log(`T19 ${name}: ${bodies.length + signatures.length} single bits turned over, ${taken.length} taken`);
    expect(taken).toEqual([]);
  });
});

describe.each(['standard', 'github'] as const)('the time taken, %s', (name) => {
  const { webhook, header, signature } = schemes[name];
  const withSignature = (text: string): SignedWebhook => ({
    ...webhook,
    headers: { ...webhook.headers, [header]: [text] },
  });
  const right = signature.toString();
  const prefix = /^(?:v1,|sha256=)/.exec(right)?.[0] ?? '';
  const changeAt = (index: number) =>
    `${right.slice(0, index)}${right[index] === '0' ? '1' : '0'}${right.slice(index + 1)}`;
  const kinds = {
    right: withSignature(right),
    'wrong from the first character': withSignature(changeAt(prefix.length)),
    'wrong in the last but one': withSignature(changeAt(right.length - 2)),
  };

  it('is the same for right and wrong signatures, wherever they differ (p50 within 20 %)', { retry: 2 }, () => {
    const medians = measureMedians(Object.values(kinds), 20_000);
    const [base = 0, ...others] = medians;
    const printed = Object.keys(kinds).map((kind, index) => `${kind} ${medians[index]} ns`);
    console.log(`T19 ${name}, p50 of 20000: ${printed.join(', ')}`);
    expect(others.map((median) => Math.abs(median / base - 1)).filter((difference) => difference > 0.2)).toEqual([]);
  });
});

/** Median in ns of each, taken in turns, so that whatever else the machine does meets all of them alike. */
function measureMedians(webhooks: readonly SignedWebhook[], rounds: number): number[] {
  const times = webhooks.map(() => new Float64Array(rounds));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < webhooks.length; turn += 1) {
      const index = (round + turn) % webhooks.length;
      const webhook = webhooks[index];
      if (webhook === undefined) continue;
      const start = process.hrtime.bigint();
      verifyWebhook(webhook);
      times[index]?.fill(Number(process.hrtime.bigint() - start), round, round + 1);
    }
  }
  return times.map((taken) => taken.toSorted()[rounds >> 1] ?? 0);
}
