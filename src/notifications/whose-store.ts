// Whose data is meant: a person's, or that of one conversation; and how it is found.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseObjectId } from '../conversations/conversation.ts';
import type { Database } from '../storage/database.ts';
import type { NotificationRow } from '../storage/schema.ts';
import type { Recipient } from './notify-request.ts';
import { rowsPerChunk } from './retention-store.ts';

/** A person, as `to.userId` names them, with all of their conversations; or just one conversation. */
export type Whose = { readonly userId: string } | { readonly conversationId: string };

/** The key of a person: an Entra object id in small letters, else channel and user id as they are. */
export function keyOf(userId: string): string {
  return parseObjectId(userId) ?? userId;
}

/** The query of their conversations. */
export function selectConversations(db: Database, whose: Whose) {
  const all = db.selectFrom('conversations').select('id');
  return 'userId' in whose
    ? all.where('user_key', '=', keyOf(whose.userId))
    : all.where('id', '=', whose.conversationId);
}

/** Whether there is a conversation of theirs. */
export async function findKnown(db: Database, whose: Whose): Promise<boolean> {
  return (await selectConversations(db, whose).limit(1).executeTakeFirst()) !== undefined;
}

/** Ids of the notifications to just them. A walk over all: recipients have no index, as only this looks for them. */
export async function* walkAddressed(db: Database, whose: Whose): AsyncGenerator<string[]> {
  const all = db.selectFrom('notifications').select(['id', 'recipient']).orderBy('id').limit(rowsPerChunk);
  const read = (after: string) => all.where('id', '>', after).execute();
  for await (const rows of readPages('', read, ({ id }) => id)) {
    const ids = await keepAddressed(db, whose, rows);
    if (ids.length > 0) yield ids;
  }
}

type Addressed = Pick<NotificationRow, 'id' | 'recipient'>;

/** Those of these notifications that are to just them. */
export async function keepAddressed(db: Database, whose: Whose, rows: readonly Addressed[]): Promise<string[]> {
  const named = rows.map(recipientOf).flatMap((to) => ('conversationId' in to ? [to.conversationId] : []));
  const found = named.length === 0 ? [] : await selectConversations(db, whose).where('id', 'in', named).execute();
  const theirs = new Set(idsOf(found));
  const isTheirs = (to: Recipient): boolean => {
    if ('conversationId' in to) return theirs.has(to.conversationId);
    return 'userId' in to && 'userId' in whose && keyOf(to.userId) === keyOf(whose.userId);
  };
  return idsOf(rows.filter((row) => isTheirs(recipientOf(row))));
}

/** Whom a stored notification is to. */
export function recipientOf({ recipient }: Addressed): Recipient {
  return JSON.parse(recipient) as Recipient;
}

/** Pages in the order of a key, until one is empty; others have their turn between two. */
export async function* readPages<Row, Key>(
  start: Key,
  read: (after: Key) => Promise<Row[]>,
  cursorOf: (row: Row) => Key,
) {
  for (let rows = await read(start); rows.length > 0; await nextTurn()) {
    yield rows;
    const last = rows.at(-1);
    rows = last === undefined ? [] : await read(cursorOf(last));
  }
}

export const idsOf = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
