// A housekeeper over a clock that the test moves.

import { EventEmitter, once } from 'node:events';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { Housekeeper } from '../../src/notifications/housekeeper.ts';
import type { Database } from '../../src/storage/database.ts';
import type { FakeClock } from './fake-clock.ts';

const day = 24 * 3_600_000;

type KeeperParts = {
  readonly db: Database;
  readonly clock: FakeClock;
  readonly logger?: Logger;
  readonly onSettled?: (notificationId: string) => void;
};

export type Keeper = {
  readonly housekeeper: Housekeeper;
  /** Moves time on; resolves when all is done that is then due. */
  advance(ms: number): Promise<void>;
};

/** One that has done its first round, and keeps history for 30 days and conversations for 90. */
export async function startKeeper({ db, clock, logger, onSettled }: KeeperParts): Promise<Keeper> {
  const naps = new EventEmitter();
  let asleep = 0;
  const sleep: Clock['sleep'] = async (ms, signal) => {
    asleep += 1;
    if (asleep === loops || signal.aborted) naps.emit('idle');
    await clock.sleep(ms, signal);
    asleep -= 1;
  };
  const housekeeper = new Housekeeper({
    db,
    logger: logger ?? pino({ level: 'silent' }),
    historyMs: 30 * day,
    conversationMs: 90 * day,
    onSettled: onSettled ?? (() => undefined),
    clock: { now: clock.now, sleep },
  });
  onTestFinished(() => housekeeper.stop());
  const idle = once(naps, 'idle');
  housekeeper.start();
  await idle;
  return {
    housekeeper,
    advance: async (ms) => {
      const idleAgain = once(naps, 'idle');
      clock.advance(ms);
      await idleAgain;
    },
  };
}

/** What expires, and what is forgotten. */
const loops = 2;
