// The decision about a token of the Bot Framework's own channels, all of it (bot-docs, "Authenticate requests from the Bot
// Connector service to your bot", step 4). Two checks the SDK leaves out: it lets a token pass whose activity names no
// service URL (botframework-connector channelValidation.ts), and one without `exp`.

import type { Activity } from 'botbuilder';
import { z } from 'zod';
import type { ChannelClaims } from '../conversations/conversation.ts';
import { serviceUrlNotAllowed } from '../conversations/service-url-policy.ts';
import { AppError } from '../errors.ts';
import { invalidToken, longestLifeSeconds, verifySignedToken } from '../signed-token.ts';
import type { Proof } from './kept-tokens.ts';
import type { SigningKeys } from './signing-keys.ts';

/** A channel, proven by its token: which one it speaks for is proven together with the activity. */
export type ChannelCaller = {
  readonly kind: 'channel';
  /** The issuer of all channels' tokens, which stands in the place of a parent's app id. */
  readonly appId: string;
  /** Empty: a channel's token names no tenant. */
  readonly tenantId: '';
  readonly claims: ChannelClaims;
  /** Of the token. */
  readonly serviceUrl: string;
  /** Channels that may sign with the key of the token. */
  readonly endorsements: readonly string[];
};

export type ChannelRules = {
  readonly issuer: string;
  /** Ids of the channels that may call; the others are refused. */
  readonly allowedChannels: readonly string[];
  readonly keys: Pick<SigningKeys, 'findEndorsed'>;
};

const claimsSchema = z.object({
  aud: z.string(),
  iss: z.string(),
  serviceurl: z.string().min(1),
  exp: z.number(),
  nbf: z.number(),
});

/** Verifies the token of a channel. Throws AppError `invalid_token` (401) for anything wrong with it. */
export async function verifyChannelToken(
  token: string,
  rules: ChannelRules,
  appId: string,
  now: number,
): Promise<Proof<ChannelCaller>> {
  let endorsements: readonly string[] = [];
  const findKey = async (kid: string) => {
    const found = await rules.keys.findEndorsed(kid);
    endorsements = found?.endorsements ?? [];
    return found?.key;
  };
  const { claims, kid, key } = await verifySignedToken(token, { audience: appId, findKey, now });
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalidToken(`claim ${issue?.path.join('.') ?? ''} is missing or wrong`);
  }
  const { exp, nbf, serviceurl, aud, iss } = parsed.data;
  if (exp - nbf > longestLifeSeconds) throw invalidToken('the token lives longer than a day');
  if (iss !== rules.issuer) throw invalidToken('the issuer of the token is not that of the channels');
  return {
    caller: { kind: 'channel', appId: iss, tenantId: '', claims: { aud, iss }, serviceUrl: serviceurl, endorsements },
    kid,
    key,
    nbf,
    exp,
  };
}

/**
 * Checks that this activity is one that the caller's token speaks for, from a tenant that may call; returns the channel that is
 * then proven. Throws AppError `channel_not_allowed` or `service_url_not_allowed` (403).
 */
export function checkChannelActivity(
  caller: ChannelCaller,
  activity: Partial<Activity>,
  {
    channels,
    allowedTenants,
  }: { readonly channels?: ChannelRules | undefined; readonly allowedTenants: readonly string[] },
): string {
  const { channelId, serviceUrl } = activity;
  if (!channelId || !channels?.allowedChannels.includes(channelId)) {
    throw channelNotAllowed(`channel ${channelId || '(none)'} is not in ALLOWED_CHANNELS`);
  }
  if (!caller.endorsements.includes(channelId)) {
    throw channelNotAllowed(`the key of the token may not sign for channel ${channelId} (endorsements)`);
  }
  // The channel writes it (on Teams), and anybody may install a bot whose id he knows in a tenant of his own.
  const tenantId = activity.conversation?.tenantId?.toLowerCase();
  if (tenantId && !allowedTenants.includes(tenantId)) {
    throw channelNotAllowed(`tenant ${tenantId} is neither MicrosoftAppTenantId nor in ALLOWED_TENANTS`);
  }
  if (!serviceUrl || serviceUrl !== caller.serviceUrl) {
    throw serviceUrlNotAllowed("the activity's serviceUrl is not the serviceurl of the token");
  }
  return channelId;
}

function channelNotAllowed(reason: string): AppError {
  return new AppError('channel_not_allowed', "The activity's channel is not allowed.", { reason });
}
