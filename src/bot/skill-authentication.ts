// Claims validation, here and only here: the token, its caller, its channel, its service URL. It is the SDK's own
// extension point.

import {
  type AuthenticateRequestResult,
  BotFrameworkAuthentication,
  ClaimsIdentity,
  type ConnectorFactory,
  UserTokenClient,
} from 'botframework-connector';
import type { Activity } from 'botbuilder';
import type { CallerClaims } from '../conversations/conversation.ts';
import { requireServiceUrl, type ServiceUrlPolicy } from '../conversations/service-url-policy.ts';
import { AppError } from '../errors.ts';
import { createKeptTokens } from './kept-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';
import { checkChannelActivity } from './verify-channel-token.ts';
import { type Caller, type TokenRules, verifyToken } from './verify-token.ts';

type SkillAuthenticationParts = {
  readonly rules: TokenRules;
  readonly keys: SigningKeys;
  readonly policy: ServiceUrlPolicy;
  readonly connectors: ConnectorFactory;
  readonly now: () => number;
};

export class SkillAuthentication extends BotFrameworkAuthentication {
  readonly #parts: SkillAuthenticationParts;
  readonly #userTokens = new NoUserTokens();
  readonly #kept = createKeptTokens<Caller>();

  constructor(parts: SkillAuthenticationParts) {
    super();
    this.#parts = parts;
  }

  /** Who calls, from the Authorization header alone. Throws AppError 401, 403 or 503. */
  verifyCaller(authorization: string | undefined): Promise<Caller> {
    const { keys, rules, now } = this.#parts;
    return verifyToken(authorization, keys, rules, now(), this.#kept);
  }

  /**
   * Admits an activity of a verified caller: its service URL must be one that a token may be sent to, and a channel must
   * be an allowed one that the token speaks for. Throws AppError `service_url_not_allowed` or `channel_not_allowed` (403).
   * An activity of a parent without service URL (the import ping) is admitted; nothing can be sent in answer to it.
   */
  admit(caller: Caller, activity: Partial<Activity>): AuthenticateRequestResult {
    const { policy, rules, connectors } = this.#parts;
    if (caller.kind === 'channel') {
      const channelId = checkChannelActivity(caller, activity, rules);
      requireServiceUrl(policy, activity, [channelId]);
    } else if (activity.serviceUrl) requireServiceUrl(policy, activity);
    return {
      // Of a parent its app id, of a channel the authority of all channels: what the connector holds a send against.
      audience: caller.appId,
      callerId: caller.kind === 'channel' ? this.#channelCallerId : `urn:botframework:aadappid:${caller.appId}`,
      claimsIdentity: createClaimsIdentity(caller.claims),
      connectorFactory: connectors,
    };
  }

  /** botframework-schema callerIdConstants.ts */
  get #channelCallerId(): string {
    return this.#parts.rules.cloud === 'usgov' ? 'urn:botframework:azureusgov' : 'urn:botframework:azure';
  }

  override async authenticateRequest(activity: Activity, authHeader: string): Promise<AuthenticateRequestResult> {
    return this.admit(await this.verifyCaller(authHeader), activity);
  }

  /** Streaming would be a second way in for channels; Direct Line works without it. */
  override authenticateStreamingRequest(): Promise<AuthenticateRequestResult> {
    return Promise.reject(new AppError('invalid_token', 'Streaming connections are not offered.'));
  }

  override createConnectorFactory(): ConnectorFactory {
    return this.#parts.connectors;
  }

  override createUserTokenClient(): Promise<UserTokenClient> {
    return Promise.resolve(this.#userTokens);
  }
}

/** The claims of a verified token as the SDK wants them; stored claims are rebuilt with this for every push. */
export function createClaimsIdentity(claims: CallerClaims): ClaimsIdentity {
  const entries = Object.entries(claims).filter(([, value]) => value !== undefined);
  return new ClaimsIdentity(
    entries.map(([type, value]) => ({ type, value })),
    true,
  );
}

/**
 * The adapter puts a user-token client into every turn. Its calls would carry a token for api.botframework.com, which
 * this service sends to nobody but an allowed channel: sign-in of users belongs to the parent.
 */
class NoUserTokens extends UserTokenClient {
  override getUserToken = refuseSignIn;
  override getSignInResource = refuseSignIn;
  override signOutUser = refuseSignIn;
  override getTokenStatus = refuseSignIn;
  override getAadTokens = refuseSignIn;
  override exchangeToken = refuseSignIn;
}

function refuseSignIn(): Promise<never> {
  return Promise.reject(new Error('This skill signs no users in; let the parent agent do it.'));
}
