// A conversation: everything needed to reach it again at a parent, or on a channel, and whether that is possible.

import { hash } from 'node:crypto';
import type { ConversationReference } from 'botbuilder';
import { isChannelAuthority } from '../channels.ts';

/**
 * `push`: normal delivery and an action open, or a channel, which takes messages at any time; `held`: nothing can be pushed (test pane, no action open, refused),
 * what comes is given at the user's next turn; `closed`: the parent has ended it.
 */
export type Reachability = 'push' | 'held' | 'closed';

export type ParentClaims = {
  readonly aud: string;
  readonly ver: '1.0' | '2.0';
  readonly appid?: string;
  readonly azp?: string;
  readonly tid: string;
  readonly iss: string;
};

export type ChannelClaims = { readonly aud: string; readonly iss: string };

/** Claims of the verified token of the turn; rebuilt into a ClaimsIdentity for every push. */
export type CallerClaims = ParentClaims | ChannelClaims;

export type Conversation = {
  readonly id: string;
  /** App id of the parent; of a channel, the issuer of its tokens. */
  readonly callerAppId: string;
  /** Of the parent; empty for a channel. */
  readonly tenantId: string;
  readonly channelId: string;
  readonly externalId: string;
  readonly userKey: string;
  readonly userId: string;
  readonly serviceUrl: string;
  /** The audience of reply tokens, from the verified token of the turn: the parent's app id, or the channels' authority. */
  readonly audience: string;
  readonly reference: Partial<ConversationReference>;
  readonly claims: CallerClaims;
  readonly deliveryMode: string;
  readonly reachability: Reachability;
  /** Why it is as it is, in words for an operator. */
  readonly reachabilityReason: string;
  readonly locale: string | undefined;
  readonly lastSeenAt: number;
};

/** As much of a conversation as it takes to reach it, and to say why that failed: read anew for every push. */
export type Addressee = Omit<Conversation, 'externalId' | 'userId' | 'locale' | 'lastSeenAt'>;

/** An open action that waits for a subject. There is at most one in a conversation: a new one replaces it. */
export type Wait = {
  readonly conversationId: string;
  readonly id: string;
  readonly action: string;
  readonly subject: string;
  readonly openedAt: number;
  readonly deadlineAt: number;
  readonly attempts: number;
};

/** The parts that tell one conversation from another: another caller can neither overwrite nor address it. */
export type ConversationKey = Pick<Conversation, 'callerAppId' | 'tenantId' | 'channelId' | 'externalId'>;

/** Whether the conversation is one on a channel, and not a parent's. */
export function isOnChannel({ callerAppId }: Pick<Conversation, 'callerAppId'>): boolean {
  return isChannelAuthority(callerAppId);
}

const guid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** An Entra object id as it is stored; undefined for any other text. */
export function parseObjectId(text: string | undefined): string | undefined {
  return text !== undefined && guid.test(text) ? text.toLowerCase() : undefined;
}

/**
 * Names the parent as it is reached: host of the service URL, and audience. Conversations with the same one share what a
 * host is or a credential is good for.
 */
export function parentOf({ serviceUrl, audience }: Pick<Conversation, 'serviceUrl' | 'audience'>): string {
  return `${new URL(serviceUrl).host} ${audience}`;
}

/** The host in a parent's name. */
export function hostOf(parent: string): string {
  return parent.slice(0, parent.indexOf(' '));
}

/** The public id of a conversation: 22 characters that reveal nothing and are the same on every turn. */
export function conversationIdOf(key: ConversationKey): string {
  const text = JSON.stringify([key.callerAppId, key.tenantId, key.channelId, key.externalId]);
  return hash('sha256', text, 'base64url').slice(0, 22);
}
