// What the work on a lane is handed.

import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import type { SendToParent } from './notification.ts';

export type LaneWork = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly send: SendToParent;
  readonly pushWhenClosed: boolean;
  /** No further attempt is begun once this has fired. */
  readonly stopping: AbortSignal;
};
