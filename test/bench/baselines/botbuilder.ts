// Baseline (a), the way it is done today: BotBuilder's proactive sample (16) behind restify, with the authentication of
// its skill sample (80), and the right audience. References are kept in a Map; the notify route pushes and then answers.

import { once } from 'node:events';
import {
  ActivityHandler,
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
  type ConversationReference,
  TurnContext,
} from 'botbuilder';
import {
  allowedCallersClaimsValidator,
  AuthenticationConfiguration,
  type ClaimsIdentity,
} from 'botframework-connector';
import { createServer, plugins, type Request, type Response } from 'restify';
import { redirectEntra } from '../../../standin/redirect-entra.ts';
import { emptyOutputs, type NotifyBody, readSettings } from './settings.ts';

type Known = { identity: ClaimsIdentity; reference: Partial<ConversationReference>; audience: string };

const settings = readSettings();
redirectEntra(settings.loginUrl);

const credentials = new ConfigurationServiceClientCredentialFactory({
  MicrosoftAppId: settings.appId,
  MicrosoftAppPassword: settings.secret,
  MicrosoftAppType: 'SingleTenant',
  MicrosoftAppTenantId: settings.tenantId,
});
const claims = new AuthenticationConfiguration([], allowedCallersClaimsValidator([settings.agentAppId]), [
  `https://sts.windows.net/${settings.tenantId}/`,
  `https://login.microsoftonline.com/${settings.tenantId}/v2.0`,
]);
const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication({}, credentials, claims));
const conversations = new Map<string, Known>();

class ProactiveBot extends ActivityHandler {
  constructor() {
    super();
    this.onEvent(async (context, next) => {
      remember(context);
      await context.sendActivity({ type: 'endOfConversation', code: 'completedSuccessfully', value: emptyOutputs });
      await next();
    });
  }
}

function remember(context: TurnContext): void {
  const reference = TurnContext.getConversationReference(context.activity);
  const identity = context.turnState.get<ClaimsIdentity>(adapter.BotIdentityKey);
  const audience = context.turnState.get<string>(adapter.OAuthScopeKey);
  conversations.set(context.activity.conversation.id, { identity, reference, audience });
}

const bot = new ProactiveBot();
const receive = async (request: Request, response: Response): Promise<void> => {
  await adapter.process(request, response, (context) => bot.run(context));
};
const notify = async (request: Request, response: Response): Promise<void> => {
  const { subject, text } = request.body as NotifyBody;
  const known = conversations.get(subject);
  if (!known) {
    response.send(404);
    return;
  }
  await adapter.continueConversationAsync(known.identity, known.reference, known.audience, async (context) => {
    await context.sendActivity(text);
  });
  response.send(200, { status: 'delivered' });
};
const server = createServer({ handleUncaughtExceptions: false });
server.use(plugins.bodyParser());
for (const [path, handler] of Object.entries({ '/api/messages': receive, '/api/notify': notify })) {
  server.post(path, handler);
}
server.listen(settings.port, '127.0.0.1');
await once(server.server, 'listening');
