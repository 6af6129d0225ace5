import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKey, createSharedTestServer, type TestServer } from './http-harness.ts';

let server: TestServer;

beforeAll(async () => {
  server = await createSharedTestServer();
});
afterAll(() => server.stop());

const almostActivity = fc.record(
  {
    type: fc.oneof(fc.constant('message'), fc.string(), fc.jsonValue()),
    channelId: fc.jsonValue(),
    serviceUrl: fc.oneof(fc.webUrl(), fc.jsonValue()),
    conversation: fc.oneof(fc.record({ id: fc.string({ unit: 'binary' }) }), fc.jsonValue()),
    from: fc.jsonValue(),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
    value: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

const almostNotification = fc.record(
  {
    to: fc.oneof(fc.record({ subject: fc.jsonValue() }), fc.record({ all: fc.jsonValue() }), fc.jsonValue()),
    message: fc.oneof(fc.record({ text: fc.jsonValue(), textFormat: fc.jsonValue() }), fc.jsonValue()),
    subject: fc.oneof(fc.string(), fc.jsonValue()),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
    card: fc.oneof(fc.record({ type: fc.constant('AdaptiveCard'), body: fc.jsonValue() }), fc.jsonValue()),
    result: fc.jsonValue(),
    sendAt: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toJSON()),
      fc.jsonValue(),
    ),
    expiresAt: fc.jsonValue(),
    metadata: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

const junk = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json(), fc.string({ unit: 'binary' }));

describe.each([
  ['/api/messages', almostActivity],
  ['/api/notify', almostNotification],
])('POST %s', (path, almostRight) => {
  it('answers no body with 5xx', { timeout: 60_000 }, async () => {
    const bodies = fc.oneof(
      junk,
      almostRight.map((body) => JSON.stringify(body)),
    );
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const answer = await server.post(path, body, { 'x-api-key': apiKey });
        await answer.arrayBuffer();
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 400 },
    );
    expect((await server.get('/health/live')).status).toBe(200);
  });
});
