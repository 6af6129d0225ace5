// The settings of the delivery engine.

import type { SettingReader } from './setting-reader.ts';

/** At most `count` activities in any `seconds`. */
type RateWindow = { readonly seconds: number; readonly count: number };

export type DeliveryConfig = {
  readonly pushWhenClosed: boolean;
  readonly notificationTtlMs: number;
  /** Conversations of one parent that are pushed to at once: a slot is also held while the attempt is being marked on the disk. */
  readonly deliveryConcurrency: number;
  /** Deliveries on their way, and notifications that wait, above which nothing is accepted. */
  readonly maxPending: number;
  readonly conversationSendRates: readonly RateWindow[];
  /** Pushes per second and host; 0 means any number. */
  readonly hostSendRate: number;
  readonly historyMs: number;
  readonly conversationMs: number;
};

const dayMs = 24 * 3_600_000;
const longestTtlMs = 7 * dayMs;
/** What Teams takes in one conversation (MicrosoftDocs/msteams-docs: msteams-platform/bots/how-to/rate-limit.md). */
const teamsRates = '1:7,2:8,30:60,3600:1800';

/** Reads them; faults are left with `settings`. */
export function readDelivery(settings: SettingReader): DeliveryConfig {
  const readDays = (name: string, fallback: number): number =>
    settings.readInteger(name, { min: 1, max: 730, fallback }) * dayMs;
  return {
    pushWhenClosed: settings.readChoice('PUSH_WHEN_CLOSED', ['true', 'false']) === 'true',
    notificationTtlMs: settings.readDuration('NOTIFICATION_TTL', { maxMs: longestTtlMs, fallbackMs: dayMs }),
    deliveryConcurrency: settings.readInteger('DELIVERY_CONCURRENCY', { min: 1, max: 256, fallback: 64 }),
    maxPending: settings.readInteger('MAX_PENDING', { min: 1, max: 10_000_000, fallback: 50_000 }),
    conversationSendRates: readRates(settings, 'CONVERSATION_SEND_RATES'),
    hostSendRate: settings.readInteger('HOST_SEND_RATE', { min: 0, max: 10_000, fallback: 100 }),
    historyMs: readDays('HISTORY_DAYS', 30),
    conversationMs: readDays('CONVERSATION_DAYS', 90),
  };
}

function readRates(settings: SettingReader, name: string): readonly RateWindow[] {
  const given = settings.readList(name);
  const entries = given.length > 0 ? given : teamsRates.split(',');
  return entries.flatMap((entry, index) => {
    const [, seconds, count] = /^(\d{1,4}):(\d{1,6})$/.exec(entry) ?? [];
    if (Number(seconds) > 0 && Number(seconds) <= 3_600 && Number(count) > 0) {
      return [{ seconds: Number(seconds), count: Number(count) }];
    }
    settings.addFault(name, `entry ${index + 1} must be seconds:count, such as 1:7, with at most 3600 seconds`);
    return [];
  });
}
