// Whether the clock of this machine goes as that of the login endpoint, by the Date of its answer.

import { clockSkewSeconds } from '../signed-token.ts';
import { type Check, fine, readFailure, type Visit, wrong } from './check.ts';

const answerWithinMs = 10_000;

export const checkClock: Check = {
  id: 'clock',
  needs: ['LOGIN_URL', 'ChannelService'],
  after: [],
  look: async (visit) => {
    const host = new URL(visit.config.loginUrl).host;
    const askedAt = visit.now();
    const theirs = await readDate(visit).catch((error: unknown) => readFailure(error).words);
    if (typeof theirs === 'string') {
      return wrong(
        `The clock could not be compared: the login endpoint ${host} did not tell the time (${theirs}).`,
        'Let this machine reach the login endpoint (LOGIN_URL); without it there are no tokens either.',
      );
    }
    // The answer was made somewhere between; a Date has whole seconds.
    const ours = (askedAt + visit.now()) / 2;
    const seconds = Math.round((ours - theirs - 500) / 1_000);
    const way = seconds < 0 ? 'behind' : 'ahead of';
    if (Math.abs(seconds) > clockSkewSeconds) {
      return wrong(
        `The clock of this machine is ${Math.abs(seconds)} s ${way} that of ${host}: good tokens are refused as too new or too old.`,
        'Set the clock with NTP (of a virtual machine or container: that of its host).',
      );
    }
    return fine(`The clock goes as that of ${host}, within ${Math.max(1, Math.abs(seconds))} s.`);
  },
};

/** Epoch ms; words where the answer has no date. */
async function readDate({ config, fetch: send }: Visit): Promise<number | string> {
  const answer = await send(`${config.loginUrl}/common/v2.0/.well-known/openid-configuration`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(answerWithinMs),
  });
  await answer.body?.cancel();
  const date = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(date) ? 'its answer has no Date' : date;
}
