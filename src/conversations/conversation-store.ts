// Stored conversations. Every turn refreshes its own; nobody else's turn can touch it (the id is a hash of the key).

import type { Database } from '../storage/database.ts';
import { insertRows } from '../storage/insert-rows.ts';
import { prepared } from '../storage/prepared.ts';
import type { ConversationRow } from '../storage/schema.ts';
import { listOf } from '../storage/values.ts';
import { type Addressee, type Conversation, hostOf, parentOf, type Reachability } from './conversation.ts';

/** Saves conversations as these turns have shown them, each once; the first turn also sets its birth. */
export async function saveConversations(db: Database, conversations: readonly Conversation[]): Promise<void> {
  const rows = conversations.map(rowOf);
  const shown = Object.keys(rows[0] ?? {}).filter((column) => !bornColumns.has(column));
  const unmoved = shown.filter((column) => !indexedColumns.has(column));
  const saved = await insertRows(db, 'conversations', rows, `${setting(unmoved)} ${whereUnmoved} returning id`);
  if (saved.length === rows.length) return;
  const ids = new Set(saved.map(({ id }) => id));
  const others = rows.filter(({ id }) => !ids.has(id));
  await insertRows(db, 'conversations', others, setting(shown));
}

/** Saves the conversation as this turn has shown it. */
export function saveConversation(db: Database, conversation: Conversation): Promise<void> {
  return saveConversations(db, [conversation]);
}

/** Which conversation it is, and since when; each turn may show all the rest anew. */
const bornColumns = new Set(['id', 'caller_app_id', 'tenant_id', 'channel_id', 'external_id', 'created_at']);
/** Of the rest, what is in an index: SQLite enters anew whatever a statement sets, at random places, changed or not. */
const indexedColumns = new Set(['user_key', 'active_at']);
/** How late `active_at` may be: it only finds what may be too old. */
const activeAgainMs = 3_600_000;
const whereUnmoved = `where conversations.user_key = excluded.user_key
  and conversations.active_at > excluded.active_at - ${activeAgainMs}`;

function setting(columns: readonly string[]): string {
  return `(id) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`;
}

function rowOf(conversation: Conversation) {
  return {
    id: conversation.id,
    caller_app_id: conversation.callerAppId,
    tenant_id: conversation.tenantId,
    channel_id: conversation.channelId,
    external_id: conversation.externalId,
    created_at: conversation.lastSeenAt,
    user_key: conversation.userKey,
    user_id: conversation.userId,
    service_url: conversation.serviceUrl,
    audience: conversation.audience,
    parent: parentOf(conversation),
    reference: JSON.stringify(conversation.reference),
    claims: JSON.stringify(conversation.claims),
    delivery_mode: conversation.deliveryMode,
    reachability: conversation.reachability,
    reachability_reason: conversation.reachabilityReason,
    locale: conversation.locale ?? null,
    last_seen_at: conversation.lastSeenAt,
    active_at: conversation.lastSeenAt,
  };
}

/** The conversation with this id, or undefined. */
export async function findConversation(db: Database, id: string): Promise<Conversation | undefined> {
  const row = await db.selectFrom('conversations').selectAll().where('id', '=', id).executeTakeFirst();
  return row && parseConversation(row);
}

/** Those of these conversations that are there, by id, as far as a push needs them. */
export async function findAddressees(db: Database, ids: readonly string[]): Promise<Map<string, Addressee>> {
  if (ids.length === 0) return new Map();
  const { rows } = await selectAddressees(db, { ids });
  return new Map(rows.map((row) => [row.id, parseAddressee(row)]));
}

const addresseeColumns = [
  'id',
  'caller_app_id',
  'tenant_id',
  'channel_id',
  'user_key',
  'service_url',
  'audience',
  'reference',
  'claims',
  'delivery_mode',
  'reachability',
  'reachability_reason',
] as const;

const selectAddressees = prepared((db, { ids }: { readonly ids: readonly string[] }) =>
  db.selectFrom('conversations').select(addresseeColumns).where('id', 'in', listOf(db, ids)).compile(),
);

/** Sets whether the conversation can take a push, with the reason in words. */
export async function setReachability(
  db: Database,
  id: string,
  reachability: Reachability,
  reason: string,
): Promise<void> {
  await db
    .updateTable('conversations')
    .set({ reachability, reachability_reason: reason })
    .where('id', '=', id)
    .execute();
}

/** What an operator may see of a conversation: no reference, no claims, of the service URL only the host. */
export type ConversationView = {
  readonly id: string;
  readonly callerAppId: string;
  readonly tenantId: string;
  readonly channelId: string;
  /** As `to.userId` takes it. */
  readonly userId: string;
  readonly serviceUrlHost: string;
  readonly deliveryMode: string;
  readonly reachability: string;
  readonly reachabilityReason: string;
  readonly waitingFor: string | null;
  readonly createdAt: string;
  readonly lastSeenAt: string;
};

/** One page of conversations in order of id; `cursor` is the last id of the page before. */
export async function listConversations(
  db: Database,
  page: { readonly limit: number; readonly cursor: string | undefined },
): Promise<{ items: ConversationView[]; nextCursor: string | null }> {
  const rows = await selectWithWaits(db)
    .where('conversations.id', '>', page.cursor ?? '')
    .orderBy('conversations.id')
    .limit(page.limit + 1)
    .execute();
  const items = rows.slice(0, page.limit).map(viewConversation);
  return { items, nextCursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

/** What an operator may see of this one, or undefined. */
export async function findConversationView(db: Database, id: string): Promise<ConversationView | undefined> {
  const row = await selectWithWaits(db).where('conversations.id', '=', id).executeTakeFirst();
  return row && viewConversation(row);
}

function selectWithWaits(db: Database) {
  return db
    .selectFrom('conversations')
    .leftJoin('waits', 'waits.conversation_id', 'conversations.id')
    .selectAll('conversations')
    .select('waits.subject as waiting_for');
}

function viewConversation(row: ConversationRow & { readonly waiting_for: string | null }): ConversationView {
  return {
    id: row.id,
    callerAppId: row.caller_app_id,
    tenantId: row.tenant_id,
    channelId: row.channel_id,
    userId: row.user_key,
    serviceUrlHost: hostOf(row.parent),
    deliveryMode: row.delivery_mode,
    reachability: row.reachability,
    reachabilityReason: row.reachability_reason,
    waitingFor: row.waiting_for,
    createdAt: new Date(row.created_at).toISOString(),
    lastSeenAt: new Date(row.last_seen_at).toISOString(),
  };
}

function parseConversation(row: ConversationRow): Conversation {
  return {
    ...parseAddressee(row),
    externalId: row.external_id,
    userId: row.user_id,
    locale: row.locale ?? undefined,
    lastSeenAt: row.last_seen_at,
  };
}

function parseAddressee(row: Pick<ConversationRow, (typeof addresseeColumns)[number]>): Addressee {
  return {
    id: row.id,
    callerAppId: row.caller_app_id,
    tenantId: row.tenant_id,
    channelId: row.channel_id,
    userKey: row.user_key,
    serviceUrl: row.service_url,
    audience: row.audience,
    reference: JSON.parse(row.reference) as Conversation['reference'],
    claims: JSON.parse(row.claims) as Conversation['claims'],
    deliveryMode: row.delivery_mode,
    reachability: row.reachability as Reachability,
    reachabilityReason: row.reachability_reason,
  };
}
