// A wait from its opening on: what came for its subject, or was held for it, is pushed now.

import type { Wait } from '../conversations/conversation.ts';
import { setReachability } from '../conversations/conversation-store.ts';
import { openWait } from '../conversations/subscription-store.ts';
import type { Database } from '../storage/database.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';
import { reopenForWait } from './held-store.ts';
import { adoptUnclaimed } from './inbox.ts';
import { hastenLane, wakeLanes } from './wake-lanes.ts';

/** A wait makes its conversation reachable, and its lane due at the deadline; what could not be pushed before goes now. */
export function openWatchedWait(db: Database, wait: Wait, now: number): Promise<boolean> {
  return transact(db, async (trx) => {
    await lock(trx, 'subject', wait.subject);
    await lock(trx, 'conversation', wait.conversationId);
    if (!(await openWait(trx, wait))) return false;
    await setReachability(trx, wait.conversationId, 'push', 'An action is open and waits.');
    await wakeLanes(trx, [wait.conversationId], wait.deadlineAt);
    await adoptUnclaimed(trx, wait.conversationId, wait.subject, now);
    await reopenForWait(trx, wait.conversationId, wait.subject, now);
    await hastenLane(trx, wait.conversationId, now);
    return true;
  });
}
