// Baseline (b): the same service on the Microsoft 365 Agents SDK, as its proactive sample has it, behind the same restify
// as (a). The identity of the turn is kept with the reference: with just an app id the token would be for another audience.

import { once } from 'node:events';
import {
  ActivityHandler,
  authorizeJWT,
  CloudAdapter,
  getAuthConfigWithDefaults,
  MessageFactory,
  type Request as AgentRequest,
  type TurnContext,
  type WebResponse,
} from '@microsoft/agents-hosting';
import { createServer, plugins, type Request, type Response } from 'restify';
import { redirectEntra } from '../../../standin/redirect-entra.ts';
import { emptyOutputs, type NotifyBody, readSettings } from './settings.ts';

type Identity = Exclude<Parameters<CloudAdapter['continueConversation']>[0], string>;
type Known = { identity: Identity; reference: Parameters<CloudAdapter['continueConversation']>[1] };

const settings = readSettings();
redirectEntra(settings.loginUrl);

const config = getAuthConfigWithDefaults({
  clientId: settings.appId,
  clientSecret: settings.secret,
  tenantId: settings.tenantId,
  validateIssuer: true,
});
const adapter = new CloudAdapter(config);
const authorize = authorizeJWT(config);
const conversations = new Map<string, Known>();

class ProactiveAgent extends ActivityHandler {
  constructor() {
    super();
    this.onTurn(async (context, next) => {
      remember(context);
      const reply = MessageFactory.text('');
      Object.assign(reply, { type: 'endOfConversation', code: 'completedSuccessfully', value: emptyOutputs });
      await context.sendActivity(reply);
      await next();
    });
  }
}

function remember({ activity, identity }: TurnContext): void {
  const id = activity.conversation?.id;
  if (id !== undefined) conversations.set(id, { identity, reference: activity.getConversationReference() });
}

/** The SDK is written for Express, where status() gives the response; restify's gives the number. */
function chainable(response: Response): WebResponse {
  const setStatus = response.status.bind(response);
  return Object.assign(response as unknown as WebResponse, {
    status(this: WebResponse, code: number) {
      setStatus(code);
      return this;
    },
  });
}

const agent = new ProactiveAgent();
// As it is set, a push that has failed counts as done.
adapter.onTurnError = (_context, error) => Promise.reject(error);

const receive = async (request: Request, response: Response): Promise<void> => {
  const incoming = request as unknown as AgentRequest;
  const outgoing = chainable(response);
  let isAuthorized = false;
  await authorize(incoming, outgoing, () => (isAuthorized = true));
  if (!isAuthorized) return;
  if (incoming.user?.['appid'] !== settings.agentAppId) {
    response.send(403);
    return;
  }
  await adapter.process(incoming, outgoing, (context) => agent.run(context));
};
const notify = async (request: Request, response: Response): Promise<void> => {
  const { subject, text } = request.body as NotifyBody;
  const known = conversations.get(subject);
  if (!known) {
    response.send(404);
    return;
  }
  await adapter.continueConversation(known.identity, known.reference, async (context) => {
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
