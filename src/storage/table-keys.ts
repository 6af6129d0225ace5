import type { Schema } from './schema.ts';

/** Of the moment, and on PostgreSQL alone: what replicas tell each other. */
type Momentary = 'replicas' | 'circuits' | 'request_counts';

/** Every table with its primary key, each after those that it refers to. A table that is missing here does not compile. */
export const tableKeys = {
  conversations: ['id'],
  waits: ['conversation_id'],
  subscriptions: ['conversation_id', 'subject'],
  notifications: ['id'],
  deliveries: ['seq'],
  attempts: ['delivery_id', 'number'],
  lanes: ['conversation_id'],
  idempotency_keys: ['credential', 'key'],
  api_keys: ['id'],
  webhooks: ['id'],
  audit_key: ['id'],
  write_probe: ['id'],
} as const satisfies { readonly [Table in Exclude<keyof Schema, Momentary>]: readonly (keyof Schema[Table])[] };

export type TableName = keyof typeof tableKeys;

export const tableNames = Object.keys(tableKeys) as TableName[];
