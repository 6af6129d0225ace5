// Connector clients over our own transport. Every operation of the SDK's ConnectorClient goes through its
// `sendOperationRequest`; overriding that one method keeps the SDK's surface and replaces its whole HTTP pipeline.

import { ConnectorClient, ConnectorFactory } from 'botframework-connector';
import { isChannelAuthority } from '../channels.ts';
import type { ServiceUrlPolicy } from '../conversations/service-url-policy.ts';
import type { TokenSource } from './credentials.ts';
import { ParentRefusal, type ParentTransport } from './parent-transport.ts';

/** A send that was stopped before any request: nothing left this process. `errorClass` is the reason's stable code. */
export class SendNotAllowed extends Error {
  override readonly name = 'SendNotAllowed';
  readonly errorClass:
    | 'service_url_not_allowed'
    | 'audience_missing'
    | 'channel_not_allowed'
    | 'operation_not_supported';

  constructor(errorClass: SendNotAllowed['errorClass'], message: string) {
    super(message);
    this.errorClass = errorClass;
  }
}

/** No token could be had for the audience. `cause` is the identity provider's error. */
export class TokenUnavailable extends Error {
  override readonly name = 'TokenUnavailable';
}

/** What the SDK hands back from a send: the parent's id for the activity (may be empty), and the HTTP status. */
export type SentActivity = { readonly id: string; readonly status: number };

type ConnectorParts = {
  readonly policy: ServiceUrlPolicy;
  readonly tokens: TokenSource;
  readonly transport: ParentTransport;
  readonly allowedCallers: readonly string[];
  /** Absent while no channel is allowed: nothing is then sent to any. */
  readonly channels?: { readonly issuer: string; readonly allowedChannels: readonly string[] } | undefined;
};

type OperationArguments = { conversationId?: string; activityId?: string; activity?: unknown };
type OperationSpec = { httpMethod: string; path?: string };

class ParentConnectorClient extends ConnectorClient {
  readonly #parts: ConnectorParts;
  readonly #serviceUrl: string;
  readonly #audience: string;
  /** The token that the parent answered with 401, until it takes one. */
  #refused: string | undefined;

  constructor(parts: ConnectorParts, serviceUrl: string, audience: string) {
    // The pipeline built from these is never used: it would sign nothing and is bypassed below. It is not given the service
    // URL, which nobody has checked yet.
    super({ signRequest: (webResource) => Promise.resolve(webResource) }, { baseUri: 'https://unused.invalid' });
    this.#parts = parts;
    this.#serviceUrl = serviceUrl;
    this.#audience = audience;
  }

  override async sendOperationRequest(operationArguments: OperationArguments, spec: OperationSpec): Promise<never> {
    const { tokens, transport } = this.#parts;
    // Asked at every send, not once per client: rules may have changed since the conversation was saved.
    const { privateAllowed } = checkSend(this.#parts, this.#serviceUrl, this.#audience);
    const url = `${this.#serviceUrl.replace(/\/+$/, '')}/${fillPath(operationArguments, spec)}`;
    const authorization = await tokens(this.#audience, this.#refused).catch((error: unknown) => {
      throw new TokenUnavailable('No token could be had for the parent.', { cause: error });
    });
    const answer = transport({
      method: spec.httpMethod,
      url,
      authorization,
      body: operationArguments.activity ?? {},
      privateAllowed,
    });
    const { status, body } = await answer.catch((error: unknown) => {
      if (error instanceof ParentRefusal && error.status === 401) this.#refused = authorization;
      throw error;
    });
    return { id: readId(body), status } satisfies SentActivity as never;
  }
}

/** Hands out one client for each service URL and audience. Without an audience, or without a service URL, it refuses to send. */
export class ParentConnectorFactory extends ConnectorFactory {
  readonly #parts: ConnectorParts;
  readonly #clients = new Map<string, ConnectorClient>();

  constructor(parts: ConnectorParts) {
    super();
    this.#parts = parts;
  }

  override create(serviceUrl: string | undefined, audience?: string): Promise<ConnectorClient> {
    const key = JSON.stringify([serviceUrl, audience]);
    let client = this.#clients.get(key);
    if (!client) {
      client = new ParentConnectorClient(this.#parts, serviceUrl ?? '', audience ?? '');
      this.#clients.set(key, client);
      const oldest = this.#clients.keys().next().value;
      if (this.#clients.size > mostClients && oldest !== undefined) this.#clients.delete(oldest);
    }
    return Promise.resolve(client);
  }
}

/**
 * The audience decides whose host it must be: a token for the channels lets its holder speak as the bot everywhere, so it
 * goes to none but an allowed channel's hosts, and a parent's token to none of these.
 */
function checkSend(
  { policy, allowedCallers, channels }: ConnectorParts,
  serviceUrl: string,
  audience: string,
): { readonly privateAllowed: boolean } {
  const isToChannel = isChannelAuthority(audience);
  if (isToChannel && channels?.issuer !== audience) {
    throw new SendNotAllowed('channel_not_allowed', 'ALLOWED_CHANNELS does not name the channel of this conversation.');
  }
  const verdict = policy(serviceUrl, isToChannel ? (channels?.allowedChannels ?? []) : undefined);
  if (verdict.allowed !== 'push') {
    const reason = verdict.allowed === 'no' ? verdict.reason : 'this service URL takes no posts from a skill';
    throw new SendNotAllowed(isToChannel ? 'channel_not_allowed' : 'service_url_not_allowed', reason);
  }
  if (!isToChannel && !allowedCallers.includes(audience)) {
    throw new SendNotAllowed('audience_missing', `Audience ${audience || '(none)'} is not in AllowedCallers.`);
  }
  return verdict;
}

const mostClients = 1_000;

function fillPath(operationArguments: OperationArguments, spec: OperationSpec): string {
  const { conversationId, activityId } = operationArguments;
  const path = (spec.path ?? '')
    .replace('{conversationId}', () => encodeURIComponent(conversationId ?? ''))
    .replace('{activityId}', () => encodeURIComponent(activityId ?? ''));
  if (conversationId === undefined || path.includes('{')) {
    throw new SendNotAllowed('operation_not_supported', `A skill has no use for the operation ${spec.path}.`);
  }
  return path;
}

/** Teams answers with an empty body, some hosts with HTML: a send that was taken needs no id. */
function readId(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'id' in parsed && typeof parsed.id === 'string'
      ? parsed.id
      : '';
  } catch {
    return '';
  }
}
