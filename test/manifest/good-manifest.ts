// A good manifest, and the means to change one thing in it.

import { actionWith, endpointOf, type Json, manifestOf } from '../standin/manifests.ts';

export const called = {
  appId: '11111111-2222-4333-8444-555555555555',
  endpointUrl: 'https://skill.example.com/api/messages',
};
/** A good manifest with these fields laid over it. */
export const good = (changes: Json = {}): Json => manifestOf(called, changes);
export const withEndpoint = (changes: Json): Json => good({ endpoints: [endpointOf(called, changes)] });
export const withAction = (changes: Json): Json => good({ activities: { a: actionWith(changes) } });
export const withInput = (schema: unknown): Json =>
  withAction({ value: { type: 'object', properties: { x: schema } } });
export const bytesOf = (manifest: unknown): Uint8Array =>
  Buffer.from(typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
