// A whole installation under load: the service as a process of its own over real HTTP, senders that repeat themselves
// until they have their 202, a parent that notes what it takes, and the history of it all.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../standin/free-port.ts';
import { type StandIn, startStandIn } from '../../standin/stand-in.ts';
import type { NotificationPage } from '../../src/notifications/notification-view.ts';
import { eventually } from '../helpers/eventually.ts';
import { type ServiceProcess, startProcess, untilReady } from '../helpers/service-process.ts';
import { apiKey, settingsFor } from '../helpers/skill.ts';
import { createHistory, type HistoryRecorder, type SettledState } from './history.ts';

const credential = { authorization: `Bearer ${apiKey}` };
const concurrency = 32;

export type ChaosBench = {
  readonly standIn: StandIn;
  readonly url: string;
  readonly history: HistoryRecorder;
  /** Subject of each conversation, in which one wait is open. */
  readonly subjects: readonly string[];
  /** Starts the service; resolves when it is ready. */
  start(options?: Parameters<typeof startProcess>[1]): Promise<ServiceProcess>;
  /** Kills it as a power cut would. */
  kill(): Promise<void>;
  /** Stops it as an orchestrator would; gives its exit code. */
  terminate(): Promise<number | NodeJS.Signals>;
  get<T>(path: string): Promise<T>;
  /** Waits until nothing is on its way, then notes what the service says of each notification. */
  settle(): Promise<void>;
};

type BenchOptions = {
  readonly conversations: number;
  readonly settings?: Record<string, string>;
  /** What the service URL of each conversation is; default the stand-in's own. */
  readonly serviceUrl?: (standIn: StandIn) => Promise<string>;
};

/** Builds it, started and with an action open in each conversation; everything is gone after `release`. */
export async function createChaosBench(options: BenchOptions): Promise<ChaosBench & { release(): Promise<void> }> {
  const standIn = await startStandIn();
  const port = await findFreePort();
  const dataDir = mkdtempSync(join(tmpdir(), 'copilot-notify-chaos-'));
  const skill = { appId: randomUUID(), secret: randomUUID(), dataDir, port };
  const url = `http://127.0.0.1:${port}`;
  const serviceUrl = await options.serviceUrl?.(standIn);
  const settings = {
    ...settingsFor(standIn, skill),
    ...(serviceUrl !== undefined && { ALLOWED_SERVICE_URLS: new URL(serviceUrl).origin }),
    DELIVERY_CONCURRENCY: String(concurrency),
    CONVERSATION_SEND_RATES: '1:100000',
    HOST_SEND_RATE: '0',
    LOG_LEVEL: 'error',
    ...options.settings,
  };
  standIn.registerApp(skill);
  standIn.addSkill({ appId: skill.appId, endpointUrl: `${url}/api/messages` });
  const history = createHistory();
  recordReceipts(standIn, history);

  let service: ServiceProcess | undefined;
  const start: ChaosBench['start'] = async (processOptions) => {
    service = startProcess(settings, processOptions);
    await untilReady(service, url);
    return service;
  };
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
    service?.kill(signal);
    const exit = (await service?.exited) ?? 0;
    service = undefined;
    return exit;
  };
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(url + path, { headers: credential });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    return (await answer.json()) as T;
  };
  await start();
  const subjects = await openWaits(standIn, options.conversations, serviceUrl);
  return {
    standIn,
    url,
    history,
    subjects,
    start,
    kill: async () => {
      await end('SIGKILL');
      history.crashed({ at: Date.now(), inFlight: concurrency });
    },
    terminate: () => end('SIGTERM'),
    get,
    settle: () => settle(get, history),
    release: async () => {
      await end('SIGKILL');
      await standIn.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Opens a wait in each conversation. The subject is also what the history calls the conversation: there is one conversation for each. */
export async function openWaits(standIn: StandIn, count: number, serviceUrl?: string): Promise<string[]> {
  const subjects: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const subject = `chaos/${index}`;
    const conversation = standIn.openConversation({
      channel: 'msteams',
      conversationId: subject,
      user: { aadObjectId: randomUUID() },
      ...(serviceUrl !== undefined && { serviceUrl }),
    });
    await conversation.callAction('waitForNotification', { subject, timeoutMinutes: 25 });
    subjects.push(subject);
  }
  return subjects;
}

/** Notes what the parent takes. */
export function recordReceipts(standIn: StandIn, history: HistoryRecorder): void {
  standIn.onReceive(({ conversationId, activity, at }) => {
    const channelData = activity['channelData'] as { notification?: { id: string; attempt: number } } | undefined;
    if (!channelData?.notification) return;
    history.received({
      key: String(activity['text']),
      conversation: conversationId,
      notificationId: channelData.notification.id,
      attempt: channelData.notification.attempt,
      at,
    });
  });
}

type Status = { readonly deliveries: Record<string, number> };

/** How many deliveries the service says are on their way. */
export async function countOnTheirWay(get: ChaosBench['get']): Promise<number> {
  const { deliveries } = await get<Status>('/api/status');
  return (deliveries['pending'] ?? 0) + (deliveries['sending'] ?? 0);
}

/** Waits until nothing is on its way, then notes what the service says of each notification. */
export async function settle(get: ChaosBench['get'], history: HistoryRecorder): Promise<void> {
  await eventually('nothing is on its way', async () => (await countOnTheirWay(get)) === 0, 240_000);
  const keyOf = new Map(history.read().acknowledged.map(({ key, notificationId }) => [notificationId, key]));
  let path: string | undefined = '/api/notifications?limit=200';
  while (path !== undefined) {
    const page: NotificationPage = await get<NotificationPage>(path);
    for (const { id, status } of page.items) {
      const key = keyOf.get(id);
      if (key !== undefined) history.settled({ key, state: status as SettledState, reason: status });
    }
    path = page.nextCursor === null ? undefined : `/api/notifications?limit=200&cursor=${page.nextCursor}`;
  }
}
