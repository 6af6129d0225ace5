// A skill as botbuilder's own samples have it (80.skills-simple-bot-to-bot, 16.proactive-messages): its classes, its
// configuration, its authentication, and nothing that knows of the stand-in. Its settings come from the environment, as
// the samples' do. POST /notify pushes into the conversation that spoke last: with the right audience, or as most do.

import {
  ActivityHandler,
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
  TurnContext,
} from 'botbuilder';
import { allowedCallersClaimsValidator, AuthenticationConfiguration } from 'botframework-connector';
import { createServer, plugins } from 'restify';

const { MicrosoftAppId, MicrosoftAppPassword, MicrosoftAppTenantId, AllowedCallers, PORT } = process.env;

const credentials = new ConfigurationServiceClientCredentialFactory({
  MicrosoftAppId,
  MicrosoftAppPassword,
  MicrosoftAppType: 'SingleTenant',
  MicrosoftAppTenantId,
});
const callers = new AuthenticationConfiguration([], allowedCallersClaimsValidator(AllowedCallers.split(',')), [
  `https://sts.windows.net/${MicrosoftAppTenantId}/`,
  `https://login.microsoftonline.com/${MicrosoftAppTenantId}/v2.0`,
]);
const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication({}, credentials, callers));
adapter.onTurnError = (_context, error) => Promise.reject(error);

let last;

class EchoSkill extends ActivityHandler {
  constructor() {
    super();
    this.onMessage(async (context, next) => {
      remember(context);
      const { text, value } = context.activity;
      await (text === 'stop'
        ? end(context, { heard: text, list: ['dropped'] })
        : context.sendActivity(`Echo: ${text}`));
      if (value?.times !== undefined) await context.sendActivity(`times ${value.times}`);
      await next();
    });
    this.onEvent(async (context, next) => {
      await end(context, { heard: context.activity.name });
      await next();
    });
  }
}

function remember(context) {
  last = {
    reference: TurnContext.getConversationReference(context.activity),
    identity: context.turnState.get(adapter.BotIdentityKey),
    audience: context.turnState.get(adapter.OAuthScopeKey),
  };
}

function end(context, value) {
  return context.sendActivity({ type: 'endOfConversation', code: 'completedSuccessfully', value });
}

function describe() {
  const text = { type: 'string' };
  const resultValue = { type: 'object', properties: { heard: text } };
  return {
    $schema: 'https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json',
    $id: 'EchoSkill',
    name: 'Echo skill',
    version: '1.0',
    publisherName: 'Microsoft',
    endpoints: [
      {
        name: 'default',
        protocol: 'BotFrameworkV3',
        endpointUrl: `http://127.0.0.1:${PORT}/api/messages`,
        msAppId: MicrosoftAppId,
      },
    ],
    activities: {
      echo: {
        type: 'message',
        description: 'Echoes until the user says stop',
        value: { type: 'object', properties: { times: { type: 'integer' } } },
        resultValue,
      },
      finish: { type: 'event', name: 'finish', description: 'Ends at once', resultValue },
    },
  };
}

async function receive(request, response) {
  await adapter.process(request, response, (context) => bot.run(context));
}

async function notify(request, response) {
  const push = async (context) => {
    await context.sendActivity(request.query.text);
  };
  const { identity, reference, audience } = last;
  try {
    await (request.query.audience === 'parent'
      ? adapter.continueConversationAsync(identity, reference, audience, push)
      : adapter.continueConversationAsync(MicrosoftAppId, reference, push));
    response.send(200);
  } catch (error) {
    response.send(error.statusCode ?? 500);
  }
}

const bot = new EchoSkill();
const server = createServer({ handleUncaughtExceptions: false });
server.use(plugins.queryParser());
server.use(plugins.bodyParser());
server.get('/manifest.json', async (_request, response) => response.send(describe()));
for (const [path, handler] of Object.entries({ '/api/messages': receive, '/notify': notify })) {
  server.post(path, handler);
}
server.listen(Number(PORT), '127.0.0.1');
