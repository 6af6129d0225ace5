// The shape of the activities that Copilot Studio sends to a skill. The test pane's is the captured payload in
// microsoft/Agents-for-js:packages/agents-activity/test/activity/activity.test.ts ("Activity from MCS"); the channel's
// is what skills reported from Teams and Direct Line.

import { randomUUID } from 'node:crypto';
import type { Activity, ConversationOptions, DeliveryMode } from './types.ts';

/** The test pane names the channel's own address; a skill cannot post there. */
const testPaneServiceUrl = 'https://directline.botframework.com/';

export type ConversationShape = {
  readonly id: string;
  readonly channelId: 'msteams' | 'directline' | 'pva-studio';
  readonly deliveryMode: DeliveryMode;
  /** It may change between two turns. */
  readonly serviceUrl: () => string;
  readonly user: { readonly id: string; readonly aadObjectId: string; readonly name: string };
  readonly skillAppId: string;
  readonly tenantId: string;
  /** `<environment>/<bot>` as recipient id. */
  readonly agentPath: string;
  readonly agentName: string;
};

type Parties = Pick<ConversationShape, 'tenantId' | 'agentPath' | 'agentName' | 'skillAppId'>;

type Place = {
  /** The agent's own service URL, as it is at the time. */
  readonly serviceUrl: () => string;
  readonly longIds: boolean;
};

/** Fills in what a caller left open: ids and addresses in the form that each channel uses. */
export function planConversation(options: ConversationOptions, place: Place, parties: Parties): ConversationShape {
  const channelId = options.channel ?? 'msteams';
  const deliveryMode = options.deliveryMode ?? (channelId === 'pva-studio' ? 'expectReplies' : 'normal');
  const isTestPane = channelId === 'pva-studio' && deliveryMode === 'expectReplies';
  const fixedUrl = options.serviceUrl ?? (isTestPane ? testPaneServiceUrl : undefined);
  return {
    ...parties,
    id: options.conversationId ?? (place.longIds ? makeLongId() : makeId(channelId)),
    channelId,
    deliveryMode,
    serviceUrl: fixedUrl === undefined ? place.serviceUrl : () => fixedUrl,
    user: planUser(options.user ?? {}, channelId),
  };
}

function makeId(channelId: ConversationShape['channelId']): string {
  return channelId === 'msteams' ? `a:1${compactId()}` : randomUUID();
}

/** The form of a reply in a channel of Teams, with `;:@=`, and longer than the 100 characters that restify takes. */
function makeLongId(): string {
  const thread = Array.from({ length: 6 }, compactId).join('');
  return `19:${thread}@thread.tacv2;messageid=1615974412345`;
}

function planUser(
  user: NonNullable<ConversationOptions['user']>,
  channelId: ConversationShape['channelId'],
): ConversationShape['user'] {
  const aadObjectId = user.aadObjectId ?? randomUUID();
  const defaultId = channelId === 'msteams' ? `29:1${compactId()}` : aadObjectId;
  return { id: user.id ?? defaultId, aadObjectId, name: user.name ?? 'Alex Wilber' };
}

/** One activity of this conversation; `fields` carry type, name, text and value. */
export function buildActivity(shape: ConversationShape, fields: Activity, now: number): Activity {
  const shared = {
    id: randomUUID(),
    timestamp: new Date(now).toISOString(),
    serviceUrl: shape.serviceUrl(),
    channelId: shape.channelId,
    recipient: { id: shape.agentPath, name: shape.agentName, role: 'skill' },
    locale: 'en-US',
    localTimezone: 'Europe/Amsterdam',
    membersAdded: [],
    membersRemoved: [],
    reactionsAdded: [],
    reactionsRemoved: [],
    attachments: [],
    entities: [],
    deliveryMode: shape.deliveryMode,
  };
  const own = shape.channelId === 'pva-studio' ? buildTestPanePart(shape) : buildChannelPart(shape);
  return { ...shared, ...own, ...fields };
}

/** The ping of the import: no recipient, conversation or service URL. */
export function buildImportPing(now: number): Activity {
  return {
    type: 'endOfConversation',
    id: randomUUID(),
    name: 'PVASkillImport',
    timestamp: new Date(now).toISOString(),
    channelId: 'pva-studio',
    from: { id: randomUUID(), role: 'user' },
    recipient: null,
  };
}

function buildTestPanePart(shape: ConversationShape): Activity {
  return {
    from: { id: shape.user.aadObjectId, aadObjectId: shape.user.aadObjectId, role: 'user' },
    conversation: { id: shape.id },
    channelData: { enableDiagnostics: true, testMode: 'Text', clientActivityID: compactId() },
    relatesTo: {
      activityId: randomUUID(),
      conversation: { id: shape.id },
      channelId: shape.channelId,
      locale: 'en-US',
      bot: null,
    },
  };
}

function buildChannelPart(shape: ConversationShape): Activity {
  const { user, tenantId } = shape;
  const isTeams = shape.channelId === 'msteams';
  return {
    from: { id: user.id, name: user.name, aadObjectId: user.aadObjectId, role: 'user' },
    conversation: { id: shape.id, tenantId, ...(isTeams ? { conversationType: 'personal' } : {}) },
    channelData: isTeams ? { tenant: { id: tenantId } } : {},
  };
}

function compactId(): string {
  return randomUUID().replaceAll('-', '');
}
