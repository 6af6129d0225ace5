// A parent made of the Microsoft 365 Agents SDK: AgentClient calls the skill, the SDK's own handler takes what comes back,
// with its authentication on. What would go on to the user's channel ends in a list. Steered by two routes:
// POST /call with an activity of the user, GET /received.

import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import {
  ActivityHandler,
  MessageFactory,
  AgentClient,
  CloudAdapter,
  configureResponseController,
  ConversationState,
  getAuthConfigWithDefaults,
  MemoryStorage,
  TurnContext,
} from '@microsoft/agents-hosting';

const { PARENT_APP_ID, PARENT_SECRET, TENANT_ID, PORT, TAKES_POSTS_WITHOUT_ID } = process.env;
const Activity = MessageFactory.text('').constructor;

// The one thing that is not the SDK's: AgentClient serialises `_channelId`, which no skill knows; its clone() needs it.
Activity.prototype.toJSON = function toJSON() {
  return Object.assign({}, this, { channelId: this.channelId });
};

const config = getAuthConfigWithDefaults({
  clientId: PARENT_APP_ID,
  clientSecret: PARENT_SECRET,
  tenantId: TENANT_ID,
  validateIssuer: true,
});
const adapter = new CloudAdapter(config);
const state = new ConversationState(new MemoryStorage());
const client = new AgentClient('Skill');
const received = [];

adapter.use({
  async onTurn(context, next) {
    context.onSendActivities(async (_context, activities) => {
      received.push(...activities);
      return activities.map(() => ({ id: 'shown' }));
    });
    await next();
  },
});

class Parent extends ActivityHandler {
  constructor() {
    super();
    this.onTurn(async ({ activity }, next) => {
      if (activity.type === 'endOfConversation') received.push(activity);
      await next();
    });
  }
}

async function call(fields) {
  const activity = Activity.fromObject({
    id: 'activity-1',
    channelId: 'msteams',
    serviceUrl: 'https://smba.trafficmanager.net/emea/',
    from: { id: 'user-1', name: 'A User' },
    recipient: { id: 'parent', name: 'Parent' },
    conversation: { id: 'user-conversation' },
    locale: 'en-US',
    ...fields,
  });
  const context = new TurnContext(adapter, activity, CloudAdapter.createIdentity(PARENT_APP_ID));
  try {
    return { status: await client.postActivity(activity, config, state, context) };
  } catch (error) {
    return { error: error.message };
  }
}

/**
 * The SDK's route, as Express would register it: it wants an activity's id at the end. With TAKES_POSTS_WITHOUT_ID the
 * same handler takes `…/activities` as well, as the Bot Framework's specification has it and botbuilder's own parent does.
 */
let responses;
configureResponseController(
  {
    post(path, handler) {
      const wanted = TAKES_POSTS_WITHOUT_ID === 'true' ? path.replace('/:activityId', '(?:/:activityId)?') : path;
      const pattern = wanted.replaceAll(/(?<!\?):(\w+)/g, '(?<$1>[^/]+)');
      responses = { pattern: new RegExp(`^${pattern}$`), handler };
    },
  },
  adapter,
  new Parent(),
  state,
);

async function respond(request, response) {
  const match = responses.pattern.exec(request.url);
  if (match === null) {
    response.writeHead(404).end();
    return;
  }
  const params = Object.fromEntries(
    Object.entries(match.groups).map(([name, value]) => [name, decodeURIComponent(value ?? '')]),
  );
  Object.assign(response, {
    status(code) {
      response.statusCode = code;
      return response;
    },
    send: (body) => response.end(typeof body === 'string' ? body : JSON.stringify(body)),
  });
  await responses.handler(Object.assign(request, { body: await json(request), params }), response);
}

const server = createServer((request, response) => {
  const answer = (body) => response.end(JSON.stringify(body));
  const handled =
    request.url === '/received'
      ? Promise.resolve(answer(received))
      : request.url === '/call'
        ? json(request).then(call).then(answer)
        : respond(request, response);
  handled.catch((error) => response.writeHead(500).end(String(error)));
});
server.listen(Number(PORT), '127.0.0.1');
