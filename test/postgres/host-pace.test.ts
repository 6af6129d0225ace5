// HOST_SEND_RATE as a host sees it that three replicas push to.

import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { mostWithin } from '../helpers/most-within.ts';
import { startReplica } from '../helpers/replicas.ts';
import { startSkill } from '../helpers/skill.ts';

describe('three replicas', () => {
  it('together send a host no more than HOST_SEND_RATE in a second, and hardly less', async () => {
    const rate = 20;
    const count = 80;
    const clock = { ...systemClock, advance: () => undefined };
    const env = { HOST_SEND_RATE: String(rate), DELIVERY_CONCURRENCY: '100' };
    const skill = await startSkill({ clock, env });
    onTestFinished(() => skill.stop());
    const replicas = [await startReplica(skill), await startReplica(skill)];
    const first = replicas[0];
    const all = Array.from({ length: count }, () => skill.standIn.openConversation());
    for (const conversation of all) await conversation.callAction('waitForNotification', { subject: 'all' });
    const arrivals: number[] = [];
    skill.standIn.onWire((record) => {
      if (record.direction === 'skill->agent') arrivals.push(performance.now());
    });
    expect((await first?.notify({ subject: 'all', text: 'hello', keepOpen: true }))?.status).toBe(202);
    await eventually('all have it', () => arrivals.length >= count);
    const seconds = ((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)) / 1_000;
    const most = `${mostWithin(arrivals, 1_000)} in a second, ${mostWithin(arrivals, 500)} in 500 ms`;
    console.log(`HOST_SEND_RATE ${rate}, three replicas: ${count} pushes in ${seconds.toFixed(1)} s, at most ${most}`);
    // What begins a second apart may arrive less than that apart, on a busy machine by some hundred ms.
    expect(mostWithin(arrivals, 500)).toBeLessThanOrEqual(rate);
    expect(seconds).toBeLessThan(2 * (count / rate));
  });
});
