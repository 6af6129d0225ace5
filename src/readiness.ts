// Whether the service can do its work: what load balancers and orchestrators ask.

import type { Clock } from './clock.ts';
import type { Readiness } from './http/open-routes.ts';
import type { Logger } from './logger.ts';
import { type Database, probeWrite } from './storage/database.ts';
import { isPostgres } from './storage/locks.ts';

type ReadinessOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isStopping: () => boolean;
};

const goodForMs = 1_000;

/** A look at whether anything can be stored; anybody may ask, so one look a second is shared. */
export function createReadiness({ db, clock, logger, isStopping }: ReadinessOptions): () => Promise<Readiness> {
  const setting = isPostgres(db) ? 'DATABASE_URL' : 'DATA_DIR';
  let lookedAt = Number.NEGATIVE_INFINITY;
  let look = Promise.resolve(false);
  const lookAtStorage = async (): Promise<boolean> => {
    try {
      await probeWrite(db, clock.now());
      return true;
    } catch (error) {
      logger.error({ err: error }, 'the storage takes nothing');
      return false;
    }
  };
  return async () => {
    if (isStopping()) return { ready: false, reason: 'The service is stopping.' };
    const age = clock.now() - lookedAt;
    if (age < 0 || age >= goodForMs) {
      lookedAt = clock.now();
      look = lookAtStorage();
    }
    return (await look) ? { ready: true } : { ready: false, reason: `The storage takes nothing: see ${setting}.` };
  };
}
