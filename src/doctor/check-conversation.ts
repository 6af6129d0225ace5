// Whether a conversation can be reached by a push, and why not. Only the running service knows it.

import { isChannelAuthority } from '../channels.ts';
import { type Check, fine, listFaulty, type Outcome, type Visit, waitsFor, wrong } from './check.ts';
import { findConversation, type StoredConversation } from './stored.ts';

export const checkConversation: Check = {
  id: 'conversation',
  // What nobody has asked for waits for nothing.
  needs: [],
  after: [],
  look: async (visit) => {
    const id = visit.hints.conversationId;
    if (id === undefined) return fine('No conversation was asked for: --conversation ID looks at one.');
    const missing = listFaulty(visit, ['AllowedCallers', 'MicrosoftAppTenantId', 'MicrosoftAppType']);
    if (missing.length > 0) return waitsFor(missing);
    const found = await findConversation(visit, id);
    return 'fault' in found ? wrong(found.fault, found.fix) : judge(found.value, visit);
  },
};

function judge(conversation: StoredConversation, { config }: Visit): Outcome {
  const { reachability, reachabilityReason, callerAppId, tenantId, channelId, deliveryMode, waitingFor } = conversation;
  const isChannel = isChannelAuthority(callerAppId);
  if (!isChannel && !config.allowedCallers.includes(callerAppId)) {
    return wrong(
      `It is one of agent ${callerAppId}, which AllowedCallers does not name: nothing is sent there.`,
      'Put that app id into AllowedCallers, if the agent may still call.',
    );
  }
  const { appType, tenantId: ownTenant } = config.identity;
  if (!isChannel && appType !== 'MultiTenant' && tenantId !== ownTenant) {
    return wrong(
      `Its agent is of tenant ${tenantId}, and our tokens are of ${ownTenant}: every push gets 401.`,
      "Register the skill in the agent's tenant.",
    );
  }
  const where = `${channelId}, ${deliveryMode}`;
  if (reachability === 'push') {
    const waiting = waitingFor === null ? '' : ` It waits for ${waitingFor}.`;
    return fine(`A push can be sent (${where}): ${reachabilityReason}${waiting}`);
  }
  return wrong(
    `Nothing can be pushed now (${where}, ${reachability}): ${reachabilityReason}`,
    adviseHeld(deliveryMode),
  );
}

function adviseHeld(deliveryMode: string): string {
  return deliveryMode === 'expectReplies'
    ? 'No remedy in a skill: the test pane and the CopilotClient API take replies in the turn alone. Try it on Teams or your web site; what is held comes at the next turn.'
    : 'What is held comes at the next turn of the user; for a push, let the topic call waitForNotification, so that an action is open.';
}
