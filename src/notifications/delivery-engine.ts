// The parts of this folder joined: what the rest of the service may ask of notifications and deliveries.

import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import type { DeliveryConfig } from '../config-delivery.ts';
import type { Logger } from '../logger.ts';
import type { Database } from '../storage/database.ts';
import { together } from '../storage/together.ts';
import { isPostgres } from '../storage/locks.ts';
import { noSignals, type Signals } from '../storage/signals.ts';
import { acceptAll, type AcceptedNotification, answerOf, type Ask, type Repeat } from './accept-notification.ts';
import { Backlog } from './backlog.ts';
import { cancelNotification } from './cancel-notification.ts';
import {
  countDeliveries,
  type DeliveryFilter,
  findDeliveryView,
  findOldestPending,
  listDeliveries,
} from './delivery-view.ts';
import { DeliveryWorker } from './delivery-worker.ts';
import { Housekeeper } from './housekeeper.ts';
import { findAnswer } from './idempotency.ts';
import type { SendToParent } from './notification.ts';
import { countWaiting } from './notification-store.ts';
import { findNotificationView, listNotifications, type NotificationView } from './notification-view.ts';
import type { NotifyRequest } from './notify-request.ts';
import { ParentGates } from './parent-gates.ts';
import { createLaneDesk } from './lane-desk.ts';
import type { LaneWork } from './lane-work.ts';
import type { LeasedLane } from './leasing.ts';
import { purgeDeliveries, retryDeliveries } from './replay-deliveries.ts';
import { SettledSignal } from './settled-signal.ts';
import { SharedGates } from './shared-gates.ts';
import { workOffLane } from './work-off-lane.ts';

export type DeliveryEngineOptions = {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 <= random < 1. */
  readonly random: () => number;
  readonly send: SendToParent;
  readonly config: DeliveryConfig;
  /** To the other replicas, where there are any. */
  readonly signals?: Signals;
};

type Page = { readonly limit: number; readonly cursor: string | undefined };

export type DeliveryEngine = ReturnType<typeof createDeliveryEngine>;

/** Builds the engine; nothing is sent before `start`. */
export function createDeliveryEngine(options: DeliveryEngineOptions) {
  const parts = createParts(options);
  const { worker, housekeeper, settled, shared, gates, tellSettled, wake } = parts;
  return {
    ...createSenderDesk(options, parts),
    ...createOperatorDesk(options, parts),
    start: async (): Promise<void> => {
      await shared?.start(gates, () => worker.wake());
      await worker.start();
      housekeeper.start();
    },
    /** Lets whoever waits for a notification go; nothing else changes yet. */
    release: (): void => settled.close(),
    /** Begins nothing more, lets what is in flight end. */
    stop: async (): Promise<void> => {
      await Promise.all([worker.stop(), housekeeper.stop()]);
      await shared?.stop();
      // The lanes that were given back.
      wake();
    },
    /** Something of this notification has settled in a turn of the user. */
    tellSettled,
    /** Something may be due: look now. */
    wake,
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts(options: DeliveryEngineOptions) {
  const { db, clock, logger, config, signals = noSignals } = options;
  const hostRate = config.hostSendRate;
  const shared = isPostgres(db) ? new SharedGates({ db, clock, logger, signals, hostRate }) : undefined;
  const gates = new ParentGates({ slotsPerParent: config.deliveryConcurrency, hostRate, shared });
  const backlog = new Backlog(db, clock, config.maxPending);
  const settled = new SettledSignal();
  const onSettled = (notificationId: string): void => {
    settled.tell(notificationId);
    signals.tell('settled', notificationId);
  };
  const rates = config.conversationSendRates;
  const onParentBack = (parent: string): void => worker.hasten(parent);
  const onRoom = (): void => worker.wake();
  const stopping = new AbortController();
  // Every lane may wait for the database at the same time: no leak, of which Node would warn.
  setMaxListeners(0, stopping.signal);
  const lane: LaneWork = {
    ...options,
    gates,
    rates,
    pushWhenClosed: config.pushWhenClosed,
    onSettled,
    onParentBack,
    onRoom,
    stopping: stopping.signal,
  };
  const work = (leased: LeasedLane): Promise<void> => workOffLane(lane, desk, leased);
  const worker: DeliveryWorker = new DeliveryWorker({ ...lane, stopping, claim: (claims) => desk.claim(claims), work });
  const desk = createLaneDesk(lane, worker);
  const housekeeper = new Housekeeper({ ...options, ...config, onSettled });
  const wake = (): void => {
    worker.wake();
    signals.tell('due');
  };
  signals.on('due', () => worker.wake());
  signals.on('settled', (ids) => (ids ? ids.forEach((id) => settled.tell(id)) : settled.tellAll()));
  return { gates, shared, backlog, settled, worker, housekeeper, tellSettled: onSettled, wake };
}

/** What senders may do. */
function createSenderDesk({ db, clock }: DeliveryEngineOptions, { backlog, settled, tellSettled, wake }: Parts) {
  const { now } = clock;
  const reserve = (deliveries: number): void => backlog.reserve(deliveries);
  const acceptTogether = together(db, (trx, asks: readonly Ask[]) => acceptAll(trx, asks, now()));
  return {
    /** The answer that an earlier request with this key and body got. Throws AppError 422 for another body. */
    findAnswer: (credential: string, repeat: Repeat) =>
      findAnswer<AcceptedNotification>(db, { credential, ...repeat }, now()),
    /** Throws AppError `unavailable` (503) when there is too much on its way, and what acceptNotification throws. */
    accept: async (sender: string, request: NotifyRequest, repeat: Repeat | undefined) => {
      await backlog.look();
      const accepted = answerOf(await acceptTogether({ sender, request, repeat, reserve }));
      wake();
      return accepted;
    },
    /** The notification once every delivery is settled, or undefined when `ms` pass before. */
    settledWithin: async (id: string, ms: number): Promise<NotificationView | undefined> => {
      let view: NotificationView | undefined;
      const isSettled = async (): Promise<boolean> => {
        view = await findNotificationView(db, id, now());
        return view !== undefined && !['sending', 'pending', 'waiting'].includes(view.status);
      };
      return (await settled.until(id, clock, ms, isSettled)) ? view : undefined;
    },
    /** With `sender`, only one of that sender. */
    find: (id: string, sender?: string) => findNotificationView(db, id, now(), sender),
    list: (page: Page, sender?: string) => listNotifications(db, page, now(), sender),
    /** The notification as it is afterwards, or undefined when there is none. */
    cancel: async (id: string, sender?: string): Promise<NotificationView | undefined> => {
      if (!(await cancelNotification(db, id, now(), sender))) return undefined;
      tellSettled(id);
      wake();
      return findNotificationView(db, id, now());
    },
  };
}

/** What operators may do. */
function createOperatorDesk({ db, clock, config }: DeliveryEngineOptions, { gates, wake }: Parts) {
  return {
    findDelivery: (id: string) => findDeliveryView(db, id),
    listDeliveries: (filter: DeliveryFilter, page: Page) => listDeliveries(db, filter, page),
    /** Returns how many are pending again. */
    retry: async (filter: DeliveryFilter): Promise<number> => {
      const count = await retryDeliveries(db, filter, { now: clock.now(), lifeMs: config.notificationTtlMs });
      wake();
      return count;
    },
    /** Returns how many are forgotten. */
    purge: (filter: DeliveryFilter) => purgeDeliveries(db, filter),
    /** How many deliveries are where, how long they wait, and which parents are left alone and why. */
    status: async () => ({
      deliveries: await countDeliveries(db),
      waiting: await countWaiting(db, clock.now()),
      oldestPendingAt: await findOldestPending(db, clock.now()),
      parents: gates.troubles(),
    }),
  };
}
