// The tables, as Kysely sees them. Times are epoch milliseconds, JSON is text: the same on SQLite and PostgreSQL.

import type { Generated, Selectable } from 'kysely';

type ConversationTable = {
  /** Hash of (caller, tenant, channel, external id): the same conversation always gets the same id. */
  id: string;
  caller_app_id: string;
  tenant_id: string;
  channel_id: string;
  external_id: string;
  /** The person across channels: the Entra object id, else channel and user id. */
  user_key: string;
  user_id: string;
  service_url: string;
  audience: string;
  /** Host of the service URL and audience: what is paced, and what is broken, together. */
  parent: string;
  /** JSON: ConversationReference without names and free properties. */
  reference: string;
  /** JSON: aud, appid or azp, ver, tid, iss of the verified token. */
  claims: string;
  delivery_mode: string;
  reachability: string;
  reachability_reason: string;
  locale: string | null;
  created_at: number;
  last_seen_at: number;
  /** The last turn or push, as far as the history of pushes is forgotten. */
  active_at: number;
};

type WaitTable = {
  conversation_id: string;
  /** Tells this wait from the next one in the same conversation. */
  id: string;
  action: string;
  subject: string;
  opened_at: number;
  deadline_at: number;
  /** Attempts to tell the parent that the deadline has passed. */
  attempts: number;
};

type SubscriptionTable = {
  conversation_id: string;
  subject: string;
  /** 1: left behind by a wait that could not stay open, gone after the first notification. */
  once: number;
  created_at: number;
};

type NotificationTable = {
  id: string;
  sender: string;
  /** Set when addressed to a subject: later arrivals are found by it. */
  subject: string | null;
  /** JSON: Recipient. */
  recipient: string;
  /** JSON: Content. */
  content: string;
  /** JSON object or null. */
  result: string | null;
  keep_open: number;
  /** JSON object or null. */
  metadata: string | null;
  /** Deliveries made so far. */
  recipients: number;
  /** Cursor among those who are to get it; null once each of them has a delivery. */
  expanded_to: string | null;
  accepted_at: number;
  send_at: number;
  expires_at: number;
  cancelled_at: number | null;
};

type DeliveryTable = {
  /** Order of acceptance; deliveries of one conversation leave in this order. */
  seq: Generated<number>;
  id: string;
  notification_id: string;
  conversation_id: string;
  state: string;
  /**
   * 1: pending or sending. For the conditions of indexes: marking an attempt then leaves them alone, which with `state` in
   * their conditions would write four of them anew.
   */
  open: number;
  /** What is still to be sent: the message, then the end of the action. */
  step: string;
  /** The wait whose end is still to be told, once the message has been taken. */
  wait_id: string | null;
  attempts: Generated<number>;
  /** Attempts that do not count in the schedule: made before an operator asked for a new beginning. */
  attempts_before: Generated<number>;
  /** 1: of a further page of a broadcast, which MAX_PENDING does not count. */
  bulk: Generated<number>;
  /** 1: an operator wants a push tried, whatever is known of the conversation. */
  forced: Generated<number>;
  /** How often a lease ended in the middle of an attempt: the process died, or hung. */
  interruptions: Generated<number>;
  /** Not to be looked at before: 0, or the time that the sender asked for. */
  send_at: number;
  run_at: number;
  expires_at: number;
  reason: string | null;
  reason_text: string | null;
  created_at: number;
  settled_at: number | null;
};

type AttemptTable = {
  delivery_id: string;
  /** For the pace: attempts are what a conversation was sent. */
  conversation_id: string;
  number: number;
  /** `push`: a request to the parent; `turn`: given inside the user's own turn. */
  via: string;
  step: string;
  started_at: number;
  duration_ms: number;
  outcome: string;
  status: number | null;
  error_class: string | null;
  detail: string | null;
};

type LaneTable = {
  conversation_id: string;
  /** As in its conversation: workers take lanes parent by parent. */
  parent: string;
  /** When the lane wants a worker; while leased, the end of the lease. */
  run_at: number;
  /** Fencing token of the worker that holds the lane. */
  token: string | null;
};

type IdempotencyKeyTable = {
  /** Name of the sender's credential. */
  credential: string;
  key: string;
  fingerprint: string;
  /** JSON: the first answer. */
  answer: string;
  expires_at: number;
};

type ApiKeyTable = {
  id: string;
  name: string;
  /** SHA-256, hex. */
  digest: string;
  /** JSON: digests from before rotations, each with its end. */
  previous: Generated<string>;
  /** JSON: list of scopes. */
  scopes: string;
  /** JSON: list of prefixes, or null. */
  subjects: string | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: Generated<number | null>;
  last_used_at: Generated<number | null>;
};

type WebhookTable = {
  id: string;
  name: string;
  scheme: string;
  /** JSON: list of secrets with their ends; as they are, because a signature is checked with the secret itself. */
  secrets: string;
  /** JSON: the template. */
  template: string;
  /** JSON: the condition, `{}` for any event. */
  condition: string;
  /** JSON: list of prefixes, or null. */
  subjects: string | null;
  created_at: number;
  revoked_at: Generated<number | null>;
  last_event_at: Generated<number | null>;
};

/** One row, written to see whether anything can be written. */
type WriteProbeTable = { id: number; at: number };

/** One row: the key under which people are hashed for the log. */
type AuditKeyTable = { id: number; key: string };

/** PostgreSQL only: the replicas that are there, which share what a host may be sent. */
type ReplicaTable = {
  id: string;
  /** JSON: ids of the replicas that it shares with, of which it may still be the only one that knows. */
  knows: string;
  alive_until: number;
};

/** PostgreSQL only: the open circuits. */
type CircuitTable = {
  parent: string;
  cause: string;
  words: string;
  opened_at: number;
  probe_at: number;
  failed_probes: number;
  successes: number;
  /** The replica that may probe, until then. */
  prober: string | null;
  probing_until: number | null;
};

/** PostgreSQL only: how often a sender has asked, and an address has failed, in the current minute. */
type RequestCountTable = { key: string; taken: number; ends_at: number };

export type Schema = {
  replicas: ReplicaTable;
  circuits: CircuitTable;
  request_counts: RequestCountTable;
  audit_key: AuditKeyTable;
  api_keys: ApiKeyTable;
  webhooks: WebhookTable;
  write_probe: WriteProbeTable;
  idempotency_keys: IdempotencyKeyTable;
  conversations: ConversationTable;
  waits: WaitTable;
  subscriptions: SubscriptionTable;
  notifications: NotificationTable;
  deliveries: DeliveryTable;
  attempts: AttemptTable;
  lanes: LaneTable;
};

export type ConversationRow = Selectable<ConversationTable>;
export type WaitRow = Selectable<WaitTable>;
export type NotificationRow = Selectable<NotificationTable>;
export type DeliveryRow = Selectable<DeliveryTable>;
export type ApiKeyRow = Selectable<ApiKeyTable>;
export type WebhookRow = Selectable<WebhookTable>;
export type AttemptRow = Selectable<AttemptTable>;
