// The SDK's turn context, with a shorter way to the parent.

import {
  type Activity,
  ActivityTypes,
  type ResourceResponse,
  type SendActivitiesHandler,
  TurnContext,
} from 'botbuilder';

/**
 * Sends as the SDK's own does (botbuilder-core turnContext.ts), in async functions instead of generators: see adapter.ts. Not
 * for a turn whose replies are collected (`expectReplies`). No private fields: the bot sees it through a proxy.
 */
export class SkillTurnContext extends TurnContext {
  hasSendHandlers = false;

  override onSendActivities(handler: SendActivitiesHandler): this {
    this.hasSendHandlers = true;
    return super.onSendActivities(handler);
  }

  override async sendActivity(activityOrText: string | Partial<Activity>): Promise<ResourceResponse | undefined> {
    const activity =
      typeof activityOrText === 'string' ? { text: activityOrText, inputHint: 'acceptingInput' } : activityOrText;
    const [response] = await this.sendActivities([activity]);
    return response;
  }

  override async sendActivities(activities: Partial<Activity>[]): Promise<ResourceResponse[]> {
    if (this.hasSendHandlers) return super.sendActivities(activities);
    const reference = TurnContext.getConversationReference(this.activity);
    const addressed = activities.map((activity) => {
      // Not `{ ...activity }`: on Node 20 each property that is added to such an object makes a hidden class of its own.
      const copy: Partial<Activity> = Object.assign({}, activity);
      copy.type ||= ActivityTypes.Message;
      // An id is the parent's to give.
      if (copy.id !== undefined) delete copy.id;
      return TurnContext.applyConversationReference(copy, reference);
    });
    const responses = await this.adapter.sendActivities(this, addressed);
    this.responded = true;
    return responses;
  }
}
