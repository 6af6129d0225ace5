// The adapter: the SDK's CloudAdapter with our gate in front, and the way of a turn in async functions.
//
// The SDK is compiled to generators, one made anew for each call. V8 gives each a map of its own, in the part of the heap that
// is collected rarely, and the map holds on to all that the generator knows: the whole turn (V8's
// JSFunction::EnsureHasInitialMap). A fifth of the CPU of a turn went into that. What is overridden here does the same as
// the SDK's (botbuilder-core cloudAdapterBase.ts, botAdapter.ts).

import {
  type Activity,
  ActivityEx,
  ActivityTypes,
  BotCallbackHandlerKey,
  CloudAdapter,
  type ConversationReference,
  DeliveryModes,
  type InvokeResponse,
  type ResourceResponse,
  type TurnContext,
} from 'botbuilder';
import type { AuthenticateRequestResult, ClaimsIdentity, ConnectorClient } from 'botframework-connector';
import type { SkillAuthentication } from './skill-authentication.ts';
import { SkillTurnContext } from './skill-turn-context.ts';
import type { Caller } from './verify-token.ts';

type Logic = (context: TurnContext) => Promise<void>;
type Opening = Pick<AuthenticateRequestResult, 'claimsIdentity' | 'audience' | 'connectorFactory'>;

/**
 * There is no `onTurnError` here: with the SDK's, `continueConversationAsync` resolves although the send has failed
 * (botbuilder-core botAdapter.ts, runMiddleware), and a lost notification would count as delivered.
 */
export class SkillAdapter extends CloudAdapter {
  readonly #authentication: SkillAuthentication;

  constructor(authentication: SkillAuthentication) {
    super(authentication);
    this.#authentication = authentication;
  }

  /**
   * Runs one turn for a caller whose token has been verified. Unlike `process`, which prints every error and echoes its
   * message as a 500 (botbuilder cloudAdapter.ts), it throws what went wrong. Throws AppError for a refused service URL.
   */
  async processTurn(caller: Caller, activity: Activity, logic: Logic): Promise<InvokeResponse | undefined> {
    const admitted = this.#authentication.admit(caller, activity);
    // What is answered in the answer itself, the SDK collects.
    if (activity.deliveryMode === DeliveryModes.ExpectReplies || activity.type === ActivityTypes.Invoke) {
      return this.processActivity(admitted, activity, logic);
    }
    // Whatever the body says.
    activity.callerId = admitted.callerId ?? '';
    await this.#run(activity, admitted, logic);
    return undefined;
  }

  /** The form with claims, audience and logic, which this service uses; the others stay the SDK's. */
  override async continueConversationAsync(
    botAppIdOrClaims: string | ClaimsIdentity,
    reference: Partial<ConversationReference>,
    logicOrAudience: Logic | string,
    maybeLogic?: Logic,
  ): Promise<void> {
    if (typeof botAppIdOrClaims === 'string' || typeof logicOrAudience !== 'string' || !maybeLogic) {
      return super.continueConversationAsync(botAppIdOrClaims, reference, logicOrAudience, maybeLogic);
    }
    const continuation = ActivityEx.getContinuationActivity(reference);
    return this.processProactive(botAppIdOrClaims, continuation, logicOrAudience, maybeLogic);
  }

  protected override processProactive(
    claimsIdentity: ClaimsIdentity,
    continuation: Partial<Activity>,
    audience: string | undefined,
    logic: Logic,
  ): Promise<void> {
    const connectorFactory = this.#authentication.createConnectorFactory();
    return this.#run(continuation, { claimsIdentity, audience: audience ?? '', connectorFactory }, logic);
  }

  async #run(activity: Partial<Activity>, opening: Opening, logic: Logic): Promise<void> {
    const { claimsIdentity, audience, connectorFactory } = opening;
    const client = await connectorFactory?.create(activity.serviceUrl ?? '', audience);
    const context = new SkillTurnContext(this, activity);
    context.turnState.set(this.BotIdentityKey, claimsIdentity);
    context.turnState.set(this.ConnectorClientKey, client);
    context.turnState.set(this.UserTokenClientKey, await this.#authentication.createUserTokenClient());
    context.turnState.set(BotCallbackHandlerKey, logic);
    context.turnState.set(this.ConnectorFactoryKey, connectorFactory);
    context.turnState.set(this.OAuthScopeKey, audience);
    await this.runMiddleware(context, logic);
  }

  protected override async runMiddleware(context: TurnContext, next: Logic): Promise<void> {
    if (context.activity.locale) context.locale = context.activity.locale;
    // Nobody can go on with the turn once it is over.
    const { proxy, revoke } = Proxy.revocable(context, {});
    try {
      await this.middleware.run(proxy, () => next(proxy));
    } finally {
      revoke();
    }
  }

  override async sendActivities(context: TurnContext, activities: Partial<Activity>[]): Promise<ResourceResponse[]> {
    if (activities.length === 0 || !activities.every(isPlain)) return super.sendActivities(context, activities);
    const client = context.turnState.get<ConnectorClient>(this.ConnectorClientKey);
    const responses: ResourceResponse[] = [];
    for (const activity of activities) {
      const { replyToId, conversation } = activity;
      const to = conversation?.id ?? '';
      const sent = replyToId
        ? client.conversations.replyToActivity(to, replyToId, activity)
        : client.conversations.sendToConversation(to, activity);
      responses.push(await sent);
    }
    return responses;
  }
}

/** Goes to the parent as it is; others mean something to the SDK, or are refused by it. */
function isPlain({ type = '', conversation }: Partial<Activity>): boolean {
  return plainTypes.has(type) && conversation?.id !== undefined;
}

const plainTypes: ReadonlySet<string> = new Set([ActivityTypes.Message, ActivityTypes.EndOfConversation]);
