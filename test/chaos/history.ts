// What the senders and the parent saw of a run with faults, and what is wrong with it: Jepsen's total-queue, with an
// order in each conversation. Everything is judged from outside; the service's word counts only for what never arrived.

/** A sender began to post this, as number `index` of what it sends to the conversation, one after the other. */
type Attempted = { readonly key: string; readonly conversation: string; readonly index: number };

/** A 202 came back. */
type Acknowledged = { readonly key: string; readonly notificationId: string; readonly at: number };

/** The parent took a message. Recorded in the order of receipt. */
export type Received = {
  readonly key: string;
  readonly conversation: string;
  readonly notificationId: string;
  readonly attempt: number;
  readonly at: number;
};

export type SettledState = 'delivered' | 'held' | 'dead' | 'cancelled' | 'pending';

/** What the service itself says in the end; of several answers the last counts. */
type Settled = { readonly key: string; readonly state: SettledState; readonly reason?: string | undefined };

/** A kill, or any other break, that at most `inFlight` deliveries may have been in the middle of. */
type Crash = { readonly at: number; readonly inFlight: number };

export type History = {
  readonly attempted: readonly Attempted[];
  readonly acknowledged: readonly Acknowledged[];
  readonly received: readonly Received[];
  readonly settled: readonly Settled[];
  readonly crashes: readonly Crash[];
};

export type HistoryRecorder = {
  attempted(entry: Attempted): void;
  acknowledged(entry: Acknowledged): void;
  received(entry: Received): void;
  settled(entry: Settled): void;
  crashed(entry: Crash): void;
  /** What was recorded so far. */
  read(): History;
};

/** Two messages of a conversation: `later` was begun after `earlier` had its 202, and yet came first. */
type OutOfOrder = { readonly conversation: string; readonly later: string; readonly earlier: string };

/** Each fault is in one list only, so that a list's length is a figure. */
export type HistoryReport = {
  /** Keys with a 202. */
  readonly acknowledged: number;
  /** Messages, with every copy. */
  readonly received: number;
  /** Acknowledged, never received, and the service has no state for it that would explain that. */
  readonly lost: readonly string[];
  /** Every copy after the first. */
  readonly duplicated: readonly Received[];
  /** Nobody sent this. */
  readonly unexpected: readonly Received[];
  /** Every receipt in a conversation that it was not sent to. */
  readonly wrongConversation: readonly Received[];
  /** One pair for each message that came too late, with the newest of those before it. */
  readonly outOfOrder: readonly OutOfOrder[];
  /** Receipts with another id than the 202 gave, or without a 202, than the first copy had. */
  readonly idChanged: readonly Received[];
  /** The service says delivered, the parent got nothing. */
  readonly earlyAcknowledged: readonly string[];
  /** Keys whose repetition got another id. */
  readonly doubleAccepted: readonly string[];
  /** No fault: received though no 202 came back, which was lost on its way. */
  readonly recovered: readonly string[];
  /** No fault: acknowledged, not received, and the service says why. */
  readonly withheld: readonly Settled[];
};

const noFaults = ['acknowledged', 'received', 'recovered', 'withheld'] as const;

export type FaultName = Exclude<keyof HistoryReport, (typeof noFaults)[number]>;

/** Collects a history while the run goes on. */
export function createHistory(): HistoryRecorder {
  const attempted: Attempted[] = [];
  const acknowledged: Acknowledged[] = [];
  const received: Received[] = [];
  const settled: Settled[] = [];
  const crashes: Crash[] = [];
  return {
    attempted: (entry) => void attempted.push(entry),
    acknowledged: (entry) => void acknowledged.push(entry),
    received: (entry) => void received.push(entry),
    settled: (entry) => void settled.push(entry),
    crashed: (entry) => void crashes.push(entry),
    read: () => structuredClone({ attempted, acknowledged, received, settled, crashes }),
  };
}

/** Finds what is wrong with a history. Changes nothing and asks nobody. */
export function checkHistory(history: History): HistoryReport {
  const stories = tellStories(history);
  const all = [...stories.values()];
  const acknowledged = all.filter(({ ids }) => ids.size > 0);
  const silent = acknowledged.filter(({ receipts }) => receipts.length === 0);
  return {
    acknowledged: acknowledged.length,
    received: history.received.length,
    lost: silent.filter(({ settled }) => !isExplained(settled) && settled?.state !== 'delivered').map(({ key }) => key),
    duplicated: all.flatMap((story) => listHome(story).slice(1)),
    unexpected: all.flatMap(({ sent, receipts }) => (sent ? [] : receipts)),
    wrongConversation: all.flatMap(({ sent, receipts }) =>
      receipts.filter(({ conversation }) => sent && conversation !== sent.conversation),
    ),
    outOfOrder: listOutOfOrder(history.received, stories),
    idChanged: all.flatMap(listIdChanged),
    earlyAcknowledged: all
      .filter(({ settled, receipts }) => settled?.state === 'delivered' && receipts.length === 0)
      .map(({ key }) => key),
    doubleAccepted: acknowledged.filter(({ ids }) => ids.size > 1).map(({ key }) => key),
    recovered: all
      .filter(({ sent, ids, receipts }) => sent && ids.size === 0 && receipts.length > 0)
      .map(({ key }) => key),
    withheld: silent.flatMap(({ settled }) => (settled && isExplained(settled) ? [settled] : [])),
  };
}

/** The lists of faults that are not empty. */
export function listFaults(report: HistoryReport): FaultName[] {
  return Object.keys(report)
    .filter(isFault)
    .filter((name) => report[name].length > 0);
}

/** The report in figures, on one line; the rarer faults are named only when there are any. */
export function formatReport(report: HistoryReport): string {
  const figures: [words: string, count: number, always: boolean][] = [
    ['acknowledged', report.acknowledged, true],
    ['received', report.received, true],
    ['lost', report.lost.length, true],
    ['duplicated', report.duplicated.length, true],
    ['out of order', report.outOfOrder.length, true],
    ['unexpected', report.unexpected.length, true],
    ['recovered', report.recovered.length, true],
    ['withheld', report.withheld.length, false],
    ['wrong conversation', report.wrongConversation.length, false],
    ['id changed', report.idChanged.length, false],
    ['delivered but not received', report.earlyAcknowledged.length, false],
    ['accepted twice', report.doubleAccepted.length, false],
  ];
  return figures
    .filter(([, count, always]) => always || count > 0)
    .map(([words, count]) => `${words} ${count}`)
    .join(', ');
}

/** How many copies all crashes together can explain. */
export function maxDuplicatesAllowed(history: History): number {
  return history.crashes.reduce((sum, { inFlight }) => sum + inFlight, 0);
}

/**
 * Copies that no crash explains: a crash explains at most `inFlight` of them, and only those whose copy before came
 * before it. `slackMs` is how long after a kill its last bytes may still be on their way to the parent.
 */
export function listUnexplainedDuplicates(history: History, slackMs = 0): Received[] {
  let open = [...tellStories(history).values()]
    .flatMap((story) => {
      const copies = listHome(story);
      return copies.slice(1).map((copy, i) => ({ copy, since: (copies[i]?.at ?? 0) - slackMs }));
    })
    .toSorted((a, b) => a.copy.at - b.copy.at);
  // Oldest crash first, and each takes the copies that came soonest: no other choice explains more.
  for (const crash of history.crashes.toSorted((a, b) => a.at - b.at)) {
    const near = open.filter(({ copy, since }) => since <= crash.at && crash.at <= copy.at);
    const explained = new Set(near.slice(0, crash.inFlight));
    open = open.filter((entry) => !explained.has(entry));
  }
  return open.map(({ copy }) => copy);
}

function isFault(name: string): name is FaultName {
  return !noFaults.some((other) => other === name);
}

/** All that is known of one key. */
type Story = {
  readonly key: string;
  /** Its first attempt. */
  sent: Attempted | undefined;
  /** The place of its last attempt: it was accepted somewhere between the two. */
  lastIndex: number;
  readonly ids: Set<string>;
  readonly receipts: Received[];
  settled: Settled | undefined;
};

function tellStories(history: History): Map<string, Story> {
  const stories = new Map<string, Story>();
  const of = (key: string): Story => {
    const unknown = { key, sent: undefined, lastIndex: -1, ids: new Set<string>(), receipts: [], settled: undefined };
    const story: Story = stories.get(key) ?? unknown;
    stories.set(key, story);
    return story;
  };
  for (const entry of history.attempted) {
    const story = of(entry.key);
    story.sent ??= entry;
    story.lastIndex = Math.max(story.lastIndex, entry.index);
  }
  for (const entry of history.acknowledged) of(entry.key).ids.add(entry.notificationId);
  for (const entry of history.received) of(entry.key).receipts.push(entry);
  for (const entry of history.settled) of(entry.key).settled = entry;
  return stories;
}

/** The receipts in the conversation that the key was sent to. */
function listHome({ sent, receipts }: Story): Received[] {
  return receipts.filter(({ conversation }) => conversation === sent?.conversation);
}

function isExplained(settled: Settled | undefined): boolean {
  if (!settled || settled.state === 'delivered') return false;
  return settled.state !== 'dead' || Boolean(settled.reason?.trim());
}

function listIdChanged({ sent, ids, receipts }: Story): Received[] {
  if (!sent) return [];
  const known = ids.size > 0 ? ids : new Set(receipts.slice(0, 1).map(({ notificationId }) => notificationId));
  return receipts.filter(({ notificationId }) => !known.has(notificationId));
}

function listOutOfOrder(received: readonly Received[], stories: ReadonlyMap<string, Story>): OutOfOrder[] {
  const newest = new Map<string, Attempted>();
  const seen = new Set<string>();
  const pairs: OutOfOrder[] = [];
  for (const { key, conversation } of received) {
    const story = stories.get(key);
    if (story?.sent?.conversation !== conversation || seen.has(key)) continue;
    seen.add(key);
    const before = newest.get(conversation);
    if (!before || before.index < story.sent.index) newest.set(conversation, story.sent);
    // Without its 202 nobody knows when it was accepted: that may have been after what was sent later.
    else if (story.ids.size > 0 && before.index > story.lastIndex) {
      pairs.push({ conversation, later: before.key, earlier: key });
    }
  }
  return pairs;
}
