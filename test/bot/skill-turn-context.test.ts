// What is overridden of the SDK's adapter and turn context does the same as the SDK's, with the same arguments.

import { type Activity, CloudAdapter, type ResourceResponse, TurnContext } from 'botbuilder';
import { getHeapSpaceStatistics } from 'node:v8';
import { ClaimsIdentity, type ConnectorFactory } from 'botframework-connector';
import { describe, expect, it } from 'vitest';
import { SkillAdapter } from '../../src/bot/adapter.ts';
import type { SkillAuthentication } from '../../src/bot/skill-authentication.ts';
import { SkillTurnContext } from '../../src/bot/skill-turn-context.ts';

const incoming: Partial<Activity> = {
  type: 'event',
  id: 'id of the call',
  channelId: 'msteams',
  serviceUrl: 'https://parent.example/',
  locale: 'de-DE',
  conversation: { id: 'c', name: '', isGroup: false, conversationType: 'personal' },
  from: { id: 'user', name: 'Ann' },
  recipient: { id: 'bot', name: '' },
};

/** What each call of a connector's operation was given. */
function record() {
  const calls: unknown[] = [];
  const note =
    (name: string) =>
    (...given: unknown[]) => {
      calls.push(JSON.parse(JSON.stringify([name, ...given])));
      return Promise.resolve({ id: `taken ${calls.length}` });
    };
  const conversations = { sendToConversation: note('send'), replyToActivity: note('reply') };
  return { calls, conversations };
}

const connectors = (client: unknown) => ({ create: () => Promise.resolve(client) }) as unknown as ConnectorFactory;

/** Whatever is sent goes to this client. */
function authenticationFor(client: unknown) {
  return {
    createConnectorFactory: () => connectors(client),
    createUserTokenClient: () => Promise.resolve({}),
  } as unknown as SkillAuthentication;
}

const createOurs = (client: unknown): SkillAdapter => new SkillAdapter(authenticationFor(client));
const createTheirs = (client: unknown): CloudAdapter => new CloudAdapter(authenticationFor(client));

type Send = (context: TurnContext) => Promise<unknown>;

/** The operations that a send comes to, and what the bot is given back; or what it throws. */
async function sendBy(adapter: CloudAdapter, Context: typeof TurnContext, source: Partial<Activity>, send: Send) {
  const { calls, conversations } = record();
  const context = new Context(adapter, source);
  context.turnState.set(adapter.ConnectorClientKey, { conversations });
  const outcome = await send(context).catch((error: unknown) => `throws ${(error as Error).constructor.name}`);
  return { calls, outcome: outcome ?? null, responded: context.responded };
}

const sources: [string, Partial<Activity>][] = [
  ['a call', incoming],
  ['one without id', { ...incoming, id: '' }],
  ['one without locale', { ...incoming, locale: '' }],
  [
    'an update of the conversation on a channel of clients',
    { ...incoming, type: 'conversationUpdate', channelId: 'webchat' },
  ],
  ['one without conversation', { ...incoming, conversation: undefined }],
];
const sends: [string, Send][] = [
  ['a text', (context) => context.sendActivity('hello')],
  ['a message', (context) => context.sendActivity({ type: 'message', text: 'hello', channelData: { a: 1 } })],
  ['a message in its own language', (context) => context.sendActivity({ type: 'message', locale: 'en-US' })],
  ['an activity without type', (context) => context.sendActivity({ text: 'hello' })],
  ['an activity with an empty type', (context) => context.sendActivity({ type: '', text: 'hello' })],
  ['an activity with an id', (context) => context.sendActivity({ type: 'message', id: 'own' })],
  [
    'the end of an action',
    (context) => context.sendActivity({ type: 'endOfConversation', code: 'x', value: { a: 1 } }),
  ],
  ['what shows that the bot writes', (context) => context.sendActivity({ type: 'typing' })],
  ['the answer to an invoke', (context) => context.sendActivity({ type: 'invokeResponse', value: { status: 200 } })],
  ['a trace', (context) => context.sendActivity({ type: 'trace' })],
  ['several', (context) => context.sendActivities([{ type: 'message' }, { type: 'endOfConversation' }])],
  ['none', (context) => context.sendActivities([])],
  [
    'one that a handler changes',
    (context) => {
      context.onSendActivities(async (_context, activities, next): Promise<ResourceResponse[]> => {
        for (const activity of activities) activity.text = 'changed';
        return next();
      });
      return context.sendActivity('hello');
    },
  ],
];

describe.each(sources)('in answer to %s', (_source, source) => {
  it.each(sends)('%s is sent as the SDK sends it', async (_send, send) => {
    const theirs = await sendBy(createTheirs(undefined), TurnContext, source, send);
    const ours = await sendBy(createOurs(undefined), SkillTurnContext, source, send);
    // That a trace is no answer matters to none of ours; a failed answer is none for either.
    expect({ ...ours, responded: 0 }).toEqual({ ...theirs, responded: 0 });
  });
});

const refuse = () => Promise.reject(new RangeError('refused'));
const sayHello = async (context: TurnContext): Promise<void> => void (await context.sendActivity('hello'));
/** Without an audience the SDK has none, and ours is empty: the connector refuses to send to either. */
const named = (seen: unknown[] = []): unknown[] => seen.map((value) => (value === undefined ? '' : value));

describe('continueConversationAsync', () => {
  const identity = new ClaimsIdentity([{ type: 'aud', value: 'skill' }], true);
  const reference = TurnContext.getConversationReference(incoming);

  type Forms = Parameters<CloudAdapter['continueConversationAsync']>;
  const forms: [string, (logic: (context: TurnContext) => Promise<void>) => Forms][] = [
    ['claims, audience and logic', (logic) => [identity, reference, 'parent', logic]],
    ['claims and logic', (logic) => [identity, reference, logic]],
    ['an app id, audience and logic', (logic) => ['skill', reference, 'parent', logic]],
    ['an app id and logic', (logic) => ['skill', reference, logic]],
  ];

  it.each(forms)('with %s hands the logic what the SDK hands it, and sends the same', async (_form, give) => {
    const [ours, theirs] = await Promise.all(
      [createOurs, createTheirs].map(async (create) => {
        const client = record();
        const adapter = create(client);
        const seen: unknown[] = [];
        const logic = async (context: TurnContext): Promise<void> => {
          const { turnState, activity } = context;
          seen.push(turnState.get(adapter.ConnectorClientKey) === client, activity.locale && context.locale);
          seen.push(...[adapter.BotIdentityKey, adapter.OAuthScopeKey].map((key) => turnState.get(key)));
          seen.push({ ...activity, id: activity.id?.length });
          activity.id = '';
          seen.push(await context.sendActivity('hello'));
        };
        await adapter.continueConversationAsync(...give(logic));
        return { seen, calls: client.calls };
      }),
    );
    expect(ours?.calls).toHaveLength(1);
    expect({ ...ours, seen: named(ours?.seen) }).toEqual({ ...theirs, seen: named(theirs?.seen) });
  });

  it.each([undefined, {}])('rejects with the reference %j, as the SDK does', async (nothing) => {
    for (const adapter of [createOurs(record()), createTheirs(record())]) {
      const call = adapter.continueConversationAsync(identity, nothing as never, 'parent', sayHello);
      await expect(call).rejects.toThrow(TypeError);
    }
  });

  it('throws what the logic throws, and what the parent refuses', async () => {
    const adapter = createOurs(record());
    await expect(adapter.continueConversationAsync(identity, reference, 'parent', refuse)).rejects.toThrow(RangeError);
  });

  it('takes the turn away when it is over', async () => {
    let kept: TurnContext | undefined;
    await createOurs(record()).continueConversationAsync(identity, reference, 'parent', (context) => {
      kept = context;
      return Promise.resolve();
    });
    expect(() => kept?.activity).toThrow(TypeError);
  });
});

const usedNow = (): number =>
  getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? 0;

/** How much is moved to the old part of the heap by so many pushes, each over before the next begins. */
async function measureOld(adapter: CloudAdapter, count: number): Promise<number> {
  const identity = new ClaimsIdentity([{ type: 'aud', value: 'skill' }], true);
  let [last, sum] = [usedNow(), 0];
  for (let push = 0; push < count; push += 1) {
    const reference = TurnContext.getConversationReference({ ...incoming, id: `call ${push}` });
    await adapter.continueConversationAsync(identity, reference, 'parent', async (context) => {
      await context.sendActivity({ type: 'message', text: 'x'.repeat(push % 7) });
    });
    const used = usedNow();
    sum += Math.max(0, used - last);
    last = used;
  }
  return sum;
}

const taken = () => Promise.resolve({ id: 'taken' });

it('what a push has left is collected young: with the generators of the SDK it is not', async () => {
  const client = { conversations: { sendToConversation: taken, replyToActivity: taken } };
  const [ours, theirs] = [await measureOld(createOurs(client), 20_000), await measureOld(createTheirs(client), 20_000)];
  process.stdout.write(
    `grown old in 20,000 pushes: ${Math.round(ours / 1024)} KB, with the SDK's own ${Math.round(theirs / 1024)} KB\n`,
  );
  expect(ours).toBeLessThan(theirs / 10);
});
