import { type Kysely, sql } from 'kysely';
import { counter, isPostgres, keyedOnly, text } from './column-types.ts';
import { createSharedTables } from './shared-tables.ts';

/** First tables: conversations with their waits and subscriptions; notifications, deliveries, attempts and lanes; idempotency keys. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createConversationTables(db);
  await createNotificationTables(db);
  await createDeliveryTables(db);
  await createIdempotencyTable(db);
  await createKeyTable(db);
  await createWebhookTable(db);
  await createProbeTable(db);
  await createAuditKeyTable(db);
  await createIndexes(db);
  if (!isPostgres(db)) return;
  await createReferences(db);
  await createSharedTables(db);
}

async function createConversationTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('conversations')
    .addColumn('id', text(db), (column) => column.primaryKey())
    .addColumn('caller_app_id', text(db), (column) => column.notNull())
    .addColumn('tenant_id', text(db), (column) => column.notNull())
    .addColumn('channel_id', text(db), (column) => column.notNull())
    .addColumn('external_id', text(db), (column) => column.notNull())
    .addColumn('user_key', text(db), (column) => column.notNull())
    .addColumn('user_id', text(db), (column) => column.notNull())
    .addColumn('service_url', text(db), (column) => column.notNull())
    .addColumn('audience', text(db), (column) => column.notNull())
    .addColumn('parent', text(db), (column) => column.notNull())
    .addColumn('reference', text(db), (column) => column.notNull())
    .addColumn('claims', text(db), (column) => column.notNull())
    .addColumn('delivery_mode', text(db), (column) => column.notNull())
    .addColumn('reachability', text(db), (column) => column.notNull())
    .addColumn('reachability_reason', text(db), (column) => column.notNull())
    .addColumn('locale', text(db))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('active_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('waits')
    .addColumn('conversation_id', text(db), (column) => column.primaryKey())
    .addColumn('id', text(db), (column) => column.notNull())
    .addColumn('action', text(db), (column) => column.notNull())
    .addColumn('subject', text(db), (column) => column.notNull())
    .addColumn('opened_at', 'bigint', (column) => column.notNull())
    .addColumn('deadline_at', 'bigint', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .modifyEnd(keyedOnly(db))
    .execute();
  await db.schema
    .createTable('subscriptions')
    .addColumn('conversation_id', text(db), (column) => column.notNull())
    .addColumn('subject', text(db), (column) => column.notNull())
    .addColumn('once', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('subscriptions_key', ['conversation_id', 'subject'])
    .modifyEnd(keyedOnly(db))
    .execute();
}

async function createNotificationTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('notifications')
    .addColumn('id', text(db), (column) => column.primaryKey())
    .addColumn('sender', text(db), (column) => column.notNull())
    .addColumn('subject', text(db))
    .addColumn('recipient', text(db), (column) => column.notNull())
    .addColumn('content', text(db), (column) => column.notNull())
    .addColumn('result', text(db))
    .addColumn('keep_open', 'integer', (column) => column.notNull())
    .addColumn('metadata', text(db))
    .addColumn('recipients', 'integer', (column) => column.notNull())
    .addColumn('expanded_to', text(db))
    .addColumn('accepted_at', 'bigint', (column) => column.notNull())
    .addColumn('send_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('cancelled_at', 'bigint')
    .execute();
}

async function createDeliveryTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('deliveries')
    .addColumn('seq', counter(db), (column) =>
      isPostgres(db) ? column.primaryKey() : column.primaryKey().autoIncrement(),
    )
    .addColumn('id', text(db), (column) => column.notNull().unique())
    .addColumn('notification_id', text(db), (column) => column.notNull())
    .addColumn('conversation_id', text(db), (column) => column.notNull())
    .addColumn('state', text(db), (column) => column.notNull())
    .addColumn('open', 'integer', (column) => column.notNull())
    .addColumn('step', text(db), (column) => column.notNull())
    .addColumn('wait_id', text(db))
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('attempts_before', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('bulk', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('forced', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('interruptions', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('send_at', 'bigint', (column) => column.notNull())
    .addColumn('run_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('reason', text(db))
    .addColumn('reason_text', text(db))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('settled_at', 'bigint')
    .addCheckConstraint(
      'deliveries_open_is_state',
      sql`open = case when state in ('pending', 'sending') then 1 else 0 end`,
    )
    .execute();
  await db.schema
    .createTable('attempts')
    .addColumn('delivery_id', text(db), (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('conversation_id', text(db), (column) => column.notNull())
    .addColumn('via', text(db), (column) => column.notNull())
    .addColumn('step', text(db), (column) => column.notNull())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('duration_ms', 'integer', (column) => column.notNull())
    .addColumn('outcome', text(db), (column) => column.notNull())
    .addColumn('status', 'integer')
    .addColumn('error_class', text(db))
    .addColumn('detail', text(db))
    .addPrimaryKeyConstraint('attempts_key', ['delivery_id', 'number'])
    .modifyEnd(keyedOnly(db))
    .execute();
  await db.schema
    .createTable('lanes')
    .addColumn('conversation_id', text(db), (column) => column.primaryKey())
    .addColumn('parent', text(db), (column) => column.notNull())
    .addColumn('run_at', 'bigint', (column) => column.notNull())
    .addColumn('token', text(db))
    .modifyEnd(keyedOnly(db))
    .execute();
}

async function createIdempotencyTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('credential', text(db), (column) => column.notNull())
    .addColumn('key', text(db), (column) => column.notNull())
    .addColumn('fingerprint', text(db), (column) => column.notNull())
    .addColumn('answer', text(db), (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_key', ['credential', 'key'])
    .modifyEnd(keyedOnly(db))
    .execute();
}

async function createKeyTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('api_keys')
    .addColumn('id', text(db), (column) => column.primaryKey())
    .addColumn('name', text(db), (column) => column.notNull().unique())
    .addColumn('digest', text(db), (column) => column.notNull())
    .addColumn('previous', text(db), (column) => column.notNull().defaultTo('[]'))
    .addColumn('scopes', text(db), (column) => column.notNull())
    .addColumn('subjects', text(db))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .execute();
}

async function createWebhookTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhooks')
    .addColumn('id', text(db), (column) => column.primaryKey())
    .addColumn('name', text(db), (column) => column.notNull().unique())
    .addColumn('scheme', text(db), (column) => column.notNull())
    .addColumn('secrets', text(db), (column) => column.notNull())
    .addColumn('template', text(db), (column) => column.notNull())
    .addColumn('condition', text(db), (column) => column.notNull())
    .addColumn('subjects', text(db))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_event_at', 'bigint')
    .execute();
}

async function createProbeTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('write_probe')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute();
}

async function createAuditKeyTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit_key')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('key', text(db), (column) => column.notNull())
    .execute();
}

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  const statements = [
    'create index conversations_by_user on conversations (user_key, caller_app_id, tenant_id)',
    'create index conversations_by_age on conversations (active_at)',
    'create index waits_by_subject on waits (subject, conversation_id)',
    'create index subscriptions_by_subject on subscriptions (subject, conversation_id)',
    'create index subscriptions_once on subscriptions (subject, conversation_id) where once = 1',
    'create index notifications_waiting on notifications (subject, expires_at) where recipients = 0 and cancelled_at is null',
    'create index notifications_to_expand on notifications (id) where expanded_to is not null',
    'create index notifications_by_sender on notifications (sender, id)',
    'create index deliveries_by_notification on deliveries (notification_id, seq)',
    // Before the two below: of indexes that are as good, SQLite takes the one that was made last, and theirs are smaller.
    'create index deliveries_by_conversation on deliveries (conversation_id, seq)',
    `create index deliveries_open on deliveries (conversation_id, seq) where open = 1`,
    `create index deliveries_scheduled on deliveries (conversation_id, send_at) where open = 1 and send_at > 0`,
    `create index deliveries_counted on deliveries (seq) where open = 1 and bulk = 0`,
    `create index deliveries_held on deliveries (conversation_id, seq) where state = 'held'`,
    'create index deliveries_by_expiry on deliveries (expires_at) where settled_at is null',
    `create index deliveries_not_delivered on deliveries (state, seq) where state in ('held', 'dead', 'cancelled')`,
    'create index deliveries_by_age on deliveries (settled_at) where settled_at is not null',
    'create index attempts_by_conversation on attempts (conversation_id, started_at)',
    'create index lanes_by_parent on lanes (parent, run_at)',
    'create index idempotency_keys_by_expiry on idempotency_keys (expires_at)',
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

/**
 * Where there are many writers, what belongs to a conversation or a notification cannot be stored while that is deleted.
 * SQLite has one writer, and would have to look each of them up.
 */
async function createReferences(db: Kysely<unknown>): Promise<void> {
  const statements = [
    'alter table waits add foreign key (conversation_id) references conversations (id)',
    'alter table subscriptions add foreign key (conversation_id) references conversations (id)',
    'alter table deliveries add foreign key (conversation_id) references conversations (id)',
    'alter table lanes add foreign key (conversation_id) references conversations (id)',
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}
