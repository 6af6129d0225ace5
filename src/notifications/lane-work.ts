// What the work on a lane is handed.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import type { SendToParent } from './notification.ts';
import type { ParentGates } from './parent-gates.ts';
import type { RateWindow } from './send-rate.ts';

export type LaneWork = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly send: SendToParent;
  readonly gates: ParentGates;
  /** What a conversation may be sent. */
  readonly rates: readonly RateWindow[];
  readonly pushWhenClosed: boolean;
  /** Told after a delivery has reached a state that only a turn, an operator or its expiry changes. */
  readonly onSettled: (notificationId: string) => void;
  /** Told when there is room for another attempt before its lane has ended. */
  readonly onRoom: () => void;
  /** Told when a parent takes pushes again that was left alone. */
  readonly onParentBack: (parent: string) => void;
  /** No further attempt is begun once this has fired. */
  readonly stopping: AbortSignal;
};
