// T4: every hostile service URL at each of the three places that ask the policy, while the two others say yes to
// everything. Each place alone keeps the sink dry.

import type { Activity } from 'botbuilder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/conversations/conversation.ts';
import { createServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';
import type { Push } from '../../src/notifications/notification.ts';
import { hostileUrls, type Lures } from './hostile-service-urls.ts';
import { anywhere, type Places, type Service, type Sink, startService, startSink } from './service-url-bench.ts';

const own = 'http://127.0.0.1:4000';
const policy = createServiceUrlPolicy('public', [{ kind: 'origin', origin: own }]);
const refusal = { code: 'service_url_not_allowed', status: 403 };

let cells = 0;
afterAll(() => console.log(`T4 each place alone: ${hostileUrls.length} service URLs, ${cells} cells`));

type Bench = Service & { readonly sink: Sink; readonly lures: Lures };

/** The parts with these policies and a sink, for the tests of one describe. */
function useService(places: Partial<Places>): () => Bench {
  let bench: Bench;
  beforeAll(async () => {
    const sink = await startSink('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    const service = await startService({ receipt: anywhere, saving: anywhere, sending: anywhere, ...places });
    bench = { ...service, sink, lures: { sink: sink.port, own } };
  });
  afterAll(async () => {
    await bench.stop();
    await bench.sink.stop();
  });
  return () => bench;
}

async function expectNothingDone({ db, tokensAskedFor, sink }: Bench): Promise<void> {
  expect(sink.seen).toEqual({ connections: 0, bytes: 0 });
  expect(tokensAskedFor).toEqual([]);
  expect(await db.selectFrom('conversations').select('service_url').execute()).toEqual([]);
}

describe('at receipt', () => {
  const service = useService({ receipt: policy });

  it.each(hostileUrls)('%s', async (_, make) => {
    cells += 1;
    const serviceUrl = make(service().lures);
    const turn = service().processTurn(service().caller, createActivity(serviceUrl));
    // Without a service URL there is nothing to admit; there is nothing to save or to answer to either.
    await expect(turn).rejects.toMatchObject(isAbsent(serviceUrl) ? { code: 'malformed_request' } : refusal);
    await expectNothingDone(service());
  });

  it('the end of a conversation is refused like any other activity', async () => {
    const activity = createActivity(`http://127.0.0.1:${service().sink.port}/`, { type: 'endOfConversation' });
    await expect(service().processTurn(service().caller, activity)).rejects.toMatchObject(refusal);
  });
});

describe('before saving', () => {
  const service = useService({ saving: policy });

  it.each(hostileUrls)('%s', async (_, make) => {
    cells += 1;
    const serviceUrl = make(service().lures);
    const turn = service().processTurn(service().caller, createActivity(serviceUrl));
    await expect(turn).rejects.toMatchObject(isAbsent(serviceUrl) ? { code: 'malformed_request' } : refusal);
    await expectNothingDone(service());
  });

  it('the end of a conversation saves nothing and sends nothing', async () => {
    const activity = createActivity(`http://127.0.0.1:${service().sink.port}/`, { type: 'endOfConversation' });
    expect(await service().processTurn(service().caller, activity)).toMatchObject({ status: 200 });
    await expectNothingDone(service());
  });
});

describe('at every send', () => {
  const service = useService({ sending: policy });

  it.each(hostileUrls)('%s', async (_, make) => {
    cells += 1;
    const serviceUrl = make(service().lures);
    const outcome = await service().push(createConversation(service(), serviceUrl), message);
    expect(outcome).toMatchObject({ kind: 'notSent', errorClass: 'service_url_not_allowed' });
    await expectNothingDone(service());
  });

  it('also of a reply in the turn itself', async () => {
    const turn = service().processTurn(service().caller, createActivity(`http://127.0.0.1:${service().sink.port}/`));
    await expect(turn).rejects.toMatchObject({
      code: 'reply_refused',
      message: expect.stringContaining('is not https'),
    });
    expect(service().sink.seen).toEqual({ connections: 0, bytes: 0 });
    expect(service().tokensAskedFor).toEqual([]);
  });
});

describe('with none of the three', () => {
  const service = useService({});

  it('a reply reaches the sink, so that a dry one means something', async () => {
    await service().processTurn(service().caller, createActivity(`http://127.0.0.1:${service().sink.port}/`));
    expect(service().sink.seen.connections).toBeGreaterThan(0);
    expect(service().sink.seen.bytes).toBeGreaterThan(0);
  });
});

it('all of it in 240 cells or more', () => {
  expect(hostileUrls.length).toBeGreaterThanOrEqual(80);
  expect(cells).toBe(3 * hostileUrls.length);
});

const isAbsent = (serviceUrl: unknown): boolean => serviceUrl === '' || serviceUrl === null;

function createActivity(serviceUrl: unknown, change: Partial<Activity> = {}): Activity {
  return {
    type: 'event',
    name: 'getNotifications',
    value: {},
    channelId: 'msteams',
    from: { id: 'user' },
    recipient: { id: 'bot' },
    conversation: { id: 'c1' },
    serviceUrl,
    ...change,
  } as Activity;
}

const message: Push = {
  kind: 'endOfAction',
  code: 'completedSuccessfully',
  outputs: {},
  notificationId: undefined,
};

/** As its row would be read, had it been saved. */
function createConversation({ caller }: Service, serviceUrl: unknown): Conversation {
  return {
    id: 'c',
    callerAppId: caller.appId,
    tenantId: caller.tenantId,
    channelId: 'msteams',
    externalId: 'c1',
    userKey: 'user',
    userId: 'user',
    serviceUrl: serviceUrl as string,
    audience: caller.appId,
    reference: {
      serviceUrl: serviceUrl as string,
      channelId: 'msteams',
      conversation: { id: 'c1' },
      user: { id: 'user' },
      bot: { id: 'bot' },
    } as never,
    claims: caller.claims,
    deliveryMode: 'normal',
    reachability: 'push',
    reachabilityReason: '',
    locale: undefined,
    lastSeenAt: 0,
  };
}
