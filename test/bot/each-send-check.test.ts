// Each check of a send alone: what is asked again although the conversation was admitted, and what a parent may answer.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConnectorClient } from 'botframework-connector';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ParentConnectorFactory } from '../../src/bot/connector.ts';
import { createParentTransport } from '../../src/bot/parent-transport.ts';
import { http } from '../helpers/http.ts';
import { createServiceUrlPolicy, type ServiceUrlPolicy } from '../../src/conversations/service-url-policy.ts';

const agent = 'bbbbbbbb-0000-4000-8000-00000000000b';
const secondAgent = 'cccccccc-0000-4000-8000-00000000000c';
const stranger = '99999999-9999-4999-8999-999999999999';

type Answer = (res: ServerResponse, req: IncomingMessage) => void;
type Hit = { readonly target: string; readonly authorization: string | undefined };

/** A parent whose exact origin is allowed, so that it may be on this machine. */
async function startParent(answer: Answer = (res) => res.end('{"id":"1"}')) {
  const hits: Hit[] = [];
  const server = createServer((req, res) => {
    hits.push({ target: `${req.method} ${req.url}`, authorization: req.headers.authorization });
    req.resume();
    req.on('end', () => answer(res, req));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hits };
}

function createFactory(origins: readonly string[], suffixes: readonly string[] = [], policy?: ServiceUrlPolicy) {
  const transport = createParentTransport(http, 500);
  const asked: string[] = [];
  const factory = new ParentConnectorFactory({
    policy:
      policy ??
      createServiceUrlPolicy('public', [
        ...origins.map((origin) => ({ kind: 'origin', origin }) as const),
        ...suffixes.map((suffix) => ({ kind: 'suffix', suffix }) as const),
      ]),
    tokens: async (audience) => {
      asked.push(audience);
      return `Bearer for ${audience}`;
    },
    transport,
    allowedCallers: [agent, secondAgent],
  });
  return { factory, asked };
}

const send = (client: ConnectorClient, conversationId = 'c1') =>
  client.conversations.sendToConversation(conversationId, { type: 'message' });

describe('nothing leaves this process, not even for a token', () => {
  it.each([
    ['to a host that is not on the list', 'https://attacker.example/', agent, 'service_url_not_allowed'],
    [
      'to a host that takes replies only inside a turn',
      'https://directline.botframework.com/',
      agent,
      'service_url_not_allowed',
    ],
    ['without a service URL', undefined, agent, 'service_url_not_allowed'],
    ['for an audience that may not call', 'https://one.bots.example.com/', stranger, 'audience_missing'],
    ['without an audience', 'https://one.bots.example.com/', undefined, 'audience_missing'],
  ])('%s', async (_, serviceUrl, audience, errorClass) => {
    const { factory, asked } = createFactory([], ['.bots.example.com']);
    const client = await factory.create(serviceUrl, audience);
    await expect(send(client)).rejects.toMatchObject({ name: 'SendNotAllowed', errorClass });
    expect(asked).toEqual([]);
  });

  it('for an operation that a skill has no use for', async () => {
    const parent = await startParent();
    const { factory, asked } = createFactory([parent.url]);
    const client = await factory.create(parent.url, agent);
    const refused = { name: 'SendNotAllowed', errorClass: 'operation_not_supported' };
    await expect(client.conversations.getConversations()).rejects.toMatchObject(refused);
    await expect(client.conversations.deleteConversationMember('c1', 'm1')).rejects.toMatchObject(refused);
    expect(asked).toEqual([]);
    expect(parent.hits).toEqual([]);
  });
});

describe('what is sent', () => {
  it('goes to the conversation, whatever its id and that of the activity are', async () => {
    const parent = await startParent();
    const { factory } = createFactory([parent.url]);
    const client = await factory.create(parent.url, agent);
    await client.conversations.replyToActivity('../a?b', '../c#d', { type: 'message' });
    expect(parent.hits.map(({ target }) => target)).toEqual([
      'POST /v3/conversations/..%2Fa%3Fb/activities/..%2Fc%23d',
    ]);
  });

  it('has the token for its own audience, and goes to its own service URL', async () => {
    const [first, second] = [await startParent(), await startParent()];
    const { factory } = createFactory([first.url, second.url]);
    await send(await factory.create(first.url, agent));
    await send(await factory.create(first.url, secondAgent));
    await send(await factory.create(second.url, agent));
    expect(first.hits.map(({ authorization }) => authorization)).toEqual([
      `Bearer for ${agent}`,
      `Bearer for ${secondAgent}`,
    ]);
    expect(second.hits.map(({ authorization }) => authorization)).toEqual([`Bearer for ${agent}`]);
  });

  it('never goes to a private address, unless the policy says that its origin may have one', async () => {
    const parent = await startParent();
    // The one name that every system resolves without a name server; as a suffix it could not be configured.
    const { factory } = createFactory([], [], () => ({ allowed: 'push', privateAllowed: false }));
    const client = await factory.create(parent.url.replace('127.0.0.1', 'localhost'), agent);
    await expect(send(client)).rejects.toMatchObject({ errorClass: 'private_address' });
    expect(parent.hits).toEqual([]);
  });
});

const sendTo = async (answer: Answer): Promise<unknown> => {
  const parent = await startParent(answer);
  const { factory } = createFactory([parent.url]);
  const client = await factory.create(parent.url, agent);
  return send(client).catch((error: unknown) => error);
};

describe('an answer', () => {
  it.each([300, 301, 302, 303, 307, 308, 399])('of %i is no success, and is not followed', async (status) => {
    const other = await startParent();
    const answer = await sendTo((res) => res.writeHead(status, { location: other.url }).end());
    expect(answer).toMatchObject({ name: 'ParentRefusal', status });
    expect(other.hits).toEqual([]);
  });

  it('is not read to its end when it has none', async () => {
    const answer = await sendTo((res) => {
      const more = (): void => {
        while (res.write('x'.repeat(65_536)));
      };
      res.on('drain', more);
      more();
    });
    expect(answer).toEqual({ id: '', status: 200 });
  });

  it('is kept as the start of one line', async () => {
    const answer = await sendTo((res) => res.writeHead(400).end(`a\r\n{"level":50}\u2028${'y'.repeat(1_000)}`));
    const { detail } = answer as { detail: string };
    expect(detail).toHaveLength(300);
    expect(detail).toMatch(/^a \{"level":50\} y+$/);
  });

  it('that does not come is not waited for', async () => {
    expect(await sendTo(() => undefined)).toMatchObject({ name: 'ParentUnreachable', errorClass: 'timeout' });
  }, 5_000);
});
