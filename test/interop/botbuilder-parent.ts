// A parent made of botbuilder's own classes: CloudSkillHandler takes the skill's posts at /api/skills, BotFrameworkClient
// calls the skill, SkillConversationIdFactory makes the conversation ids. Its authentication is the SDK's, and on; only
// the token and key endpoints are those of the stand-in's tenant.

import { once } from 'node:events';
import { createServer, plugins } from 'restify';
import {
  ActivityTypes,
  ChannelServiceRoutes,
  CloudAdapter,
  CloudSkillHandler,
  MemoryStorage,
  SkillConversationIdFactory,
  type TurnContext,
} from 'botbuilder';
import {
  allowedCallersClaimsValidator,
  AuthenticationConfiguration,
  type BotFrameworkAuthentication,
  BotFrameworkAuthenticationFactory,
  ServiceClientCredentialsFactory,
} from 'botframework-connector';
import type { Activity } from 'botbuilder';
import type { TokenSource } from '../../src/bot/credentials.ts';
import type { StandIn } from '../../standin/stand-in.ts';
import { tokensOf } from '../helpers/tokens.ts';

export type BotbuilderParent = {
  readonly origin: string;
  /** Activities that the skill has sent: messages as the user would see them, and the end of the action. */
  readonly received: readonly Partial<Activity>[];
  /** Status and body of every post to /api/skills that was refused. */
  callSkill(activity: Partial<Activity>): Promise<{ status: number; body?: unknown }>;
  stop(): Promise<void>;
};

type ParentOptions = {
  readonly standIn: StandIn;
  readonly port: number;
  readonly appId: string;
  readonly secret: string;
  readonly skill: { readonly appId: string; readonly endpointUrl: string };
  /**
   * Takes a real channel at /api/messages: each message of its user calls the skill with the activity that this makes of
   * the text, and what the skill sends goes on to the channel. Without it that ends in `received`.
   */
  readonly onUserText?: (text: string) => Partial<Activity>;
};

export async function startBotbuilderParent(options: ParentOptions): Promise<BotbuilderParent> {
  const { appId, skill, port, onUserText } = options;
  const origin = `http://127.0.0.1:${port}`;
  const auth = createAuthentication(options);
  const adapter = new CloudAdapter(auth);
  const received: Partial<Activity>[] = [];
  adapter.use(async (context, next) => {
    context.onSendActivities((_context, activities, send) => {
      received.push(...activities);
      return onUserText ? send() : Promise.resolve(activities.map(() => ({ id: 'shown' })));
    });
    await next();
  });
  const logic = (context: TurnContext): Promise<void> => {
    if (context.activity.type === ActivityTypes.EndOfConversation) received.push({ ...context.activity });
    return Promise.resolve();
  };
  const idFactory = new SkillConversationIdFactory(new MemoryStorage());
  const server = createServer({ maxParamLength: 1_000, handleUncaughtExceptions: false });
  new ChannelServiceRoutes(new CloudSkillHandler(adapter, logic, idFactory, auth)).register(server, '/api/skills');
  const client = auth.createBotFrameworkClient();
  const callSkill = async (activity: Partial<Activity>) => {
    const full = { ...userActivity, ...activity } as Activity;
    const conversationId = await idFactory.createSkillConversationIdWithOptions({
      fromBotOAuthScope: 'https://api.botframework.com',
      fromBotId: appId,
      activity: full,
      botFrameworkSkill: { id: 'copilot-notify', appId: skill.appId, skillEndpoint: skill.endpointUrl },
    });
    return client.postActivity(appId, skill.appId, skill.endpointUrl, `${origin}/api/skills`, conversationId, full);
  };
  if (onUserText) {
    const onTurn = async ({ activity }: TurnContext): Promise<void> => {
      if (activity.type === ActivityTypes.Message) await callSkill({ ...activity, ...onUserText(activity.text) });
    };
    // restify takes a handler with a third parameter where it is not async; the adapter answers by itself.
    server.post('/api/messages', plugins.bodyParser(), (request, response, _next) => {
      void adapter.process(request, response, onTurn);
    });
  }
  server.listen(port, '127.0.0.1');
  await once(server.server, 'listening');

  return {
    origin,
    received,
    callSkill,
    stop: async () => {
      server.server.closeAllConnections();
      server.close();
      await once(server.server, 'close').catch(() => undefined);
    },
  };
}

const userActivity: Partial<Activity> = {
  id: 'activity-1',
  channelId: 'msteams',
  serviceUrl: 'https://smba.trafficmanager.net/emea/',
  from: { id: 'user-1', name: 'A User' },
  recipient: { id: 'parent', name: 'Parent' },
  conversation: { id: 'user-conversation', isGroup: false, conversationType: 'personal', name: '' },
  locale: 'en-US',
};

function createAuthentication({ standIn, appId, secret, skill }: ParentOptions): BotFrameworkAuthentication {
  const tokens = tokensOf(standIn, { appId, secret }, () => Date.now());
  const issuers = [
    `https://sts.windows.net/${standIn.tenantId}/`,
    `https://login.microsoftonline.com/${standIn.tenantId}/v2.0`,
  ];
  return BotFrameworkAuthenticationFactory.create(
    '',
    true,
    `${standIn.loginUrl}/${standIn.tenantId}`,
    'https://api.botframework.com',
    'https://api.botframework.com',
    'https://api.botframework.com',
    standIn.openIdMetadataUrl,
    standIn.openIdMetadataUrl,
    'urn:botframework:azure',
    new TenantCredentials(appId, tokens),
    new AuthenticationConfiguration([], allowedCallersClaimsValidator([skill.appId]), issuers),
  );
}

class TenantCredentials extends ServiceClientCredentialsFactory {
  readonly #appId: string;
  readonly #tokens: TokenSource;

  constructor(appId: string, tokens: TokenSource) {
    super();
    this.#appId = appId;
    this.#tokens = tokens;
  }

  override isValidAppId(appId: string): Promise<boolean> {
    return Promise.resolve(appId === this.#appId);
  }

  override isAuthenticationDisabled(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override createCredentials(
    _appId: string,
    audience: string | undefined,
  ): ReturnType<ServiceClientCredentialsFactory['createCredentials']> {
    return Promise.resolve({
      signRequest: async (webResource) => {
        webResource.headers.set('authorization', await this.#tokens(audience ?? 'https://api.botframework.com'));
        return webResource;
      },
    });
  }
}
