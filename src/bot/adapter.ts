// The adapter: the SDK's CloudAdapter with our gate in front.

import { CloudAdapter, type InvokeResponse, type TurnContext } from 'botbuilder';
import type { Activity } from 'botbuilder';
import type { SkillAuthentication } from './skill-authentication.ts';
import type { Caller } from './verify-token.ts';

/**
 * `onTurnError` stays unset on purpose: with it, `continueConversationAsync` resolves although the send has failed
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
  async processTurn(
    caller: Caller,
    activity: Activity,
    logic: (context: TurnContext) => Promise<void>,
  ): Promise<InvokeResponse | undefined> {
    return this.processActivity(this.#authentication.admit(caller, activity), activity, logic);
  }
}
