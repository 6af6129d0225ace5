// Secrets and personal data that nobody else has, each under the name of the place where it is planted.

import { randomBytes, randomUUID } from 'node:crypto';

/** `stored`: the service needs it, or it is what is delivered, so it may be in the files. `shown`: to whom it belongs. */
export type Canary = { readonly value: string; readonly stored?: boolean; readonly shown?: boolean };

const canary = (): string => `canary-${randomBytes(12).toString('hex')}`;
export const canaries = {
  'the password of the app': { value: canary() },
  'a key of the settings': { value: canary() },
  'a key that is not known': { value: canary() },
  'a key in the URL': { value: canary() },
  'a key in a cookie': { value: canary() },
  'a basic credential': { value: Buffer.from(`user:${canary()}`).toString('base64') },
  'a malformed bearer': { value: canary() },
  'the secret of a webhook': { value: canary(), stored: true },
  'a wrong signature': { value: canary() },
  'a header of an event': { value: canary() },
  'the text of a notification': { value: canary(), stored: true },
  'the text of a card': { value: canary(), stored: true },
  'a result': { value: canary(), stored: true },
  'a value of metadata': { value: canary(), stored: true },
  'a value that is refused': { value: canary() },
  'the body of bad JSON': { value: canary() },
  'an idempotency key': { value: canary(), stored: true },
  'the text of an event': { value: canary(), stored: true },
  'the text of a user': { value: canary() },
  'the value of an action': { value: canary() },
  'the name of a user': { value: canary() },
  'the name of a conversation': { value: canary() },
  'a property of a user': { value: canary() },
  'the channel data of an activity': { value: canary() },
  'an attachment of a user': { value: canary() },
  'the channel id of a user': { value: `29:${canary()}`, stored: true, shown: true },
  'the Entra object id of a user': { value: randomUUID(), stored: true, shown: true },
  'an answer of the parent': { value: canary(), stored: true, shown: true },
  'a header of the parent': { value: canary() },
  'an unknown claim of a token': { value: canary() },
  'a forwarded address': { value: '203.0.113.77' },
  'a user agent': { value: canary() },
} satisfies Record<string, Canary>;
export const valueOf = (name: keyof typeof canaries): string => canaries[name].value;
