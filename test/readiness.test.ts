import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createReadiness } from '../src/readiness.ts';
import { createFakeClock } from './helpers/fake-clock.ts';
import { openFaultyDatabase } from './helpers/faulty-database.ts';

const logger = pino({ level: 'silent' });

it('names the setting while nothing can be stored, and looks once a second', async () => {
  const { db, faults } = await openFaultyDatabase();
  const clock = createFakeClock();
  const isReady = createReadiness({ db, clock, logger, isStopping: () => false });
  expect(await isReady()).toEqual({ ready: true });
  faults.isAway = true;
  expect(await isReady()).toEqual({ ready: true });
  clock.advance(1_000);
  const away = { ready: false, reason: 'The storage takes nothing: see DATA_DIR.' };
  expect(await Promise.all([isReady(), isReady()])).toEqual([away, away]);
  expect(faults.refusals).toBe(1);
  faults.isAway = false;
  clock.advance(1_000);
  expect(await isReady()).toEqual({ ready: true });
});

it('is over when the service stops', async () => {
  const { db } = await openFaultyDatabase();
  const isReady = createReadiness({ db, clock: createFakeClock(), logger, isStopping: () => true });
  expect(await isReady()).toEqual({ ready: false, reason: 'The service is stopping.' });
});
