// Whom a notification goes to. Read page by page: there may be a million of them.

import { type Conversation, parseObjectId } from '../conversations/conversation.ts';
import type { Database } from '../storage/database.ts';
import { prepared } from '../storage/prepared.ts';
import { listOf } from '../storage/values.ts';
import type { Recipient } from './notify-request.ts';

/** What a page holds at most; a chunk of this size keeps the event loop for some 10 ms. */
export const recipientsPerPage = 500;
/** Below SQLite's limit of variables in a statement (32,766); one person may have any number of conversations. */
const idsPerQuery = 5_000;

/** Conversations that `to` names, in order of id, after the id `after`: the next page of them. */
export async function listNamed(db: Database, to: Recipient, after: string): Promise<string[]> {
  if ('subject' in to) return listFollowers(db, to.subject, after);
  let query = db
    .selectFrom('conversations')
    .select('id')
    .where('id', '>', after)
    .orderBy('id')
    .limit(recipientsPerPage);
  if ('conversationId' in to) query = query.where('id', '=', to.conversationId);
  if ('userId' in to) query = query.where('user_key', '=', userKeyOf(to.userId));
  const rows = await query.execute();
  return rows.map((row) => row.id);
}

async function listFollowers(db: Database, subject: string, after: string): Promise<string[]> {
  const pageOf = async (table: 'waits' | 'subscriptions'): Promise<string[]> => {
    const rows = await db
      .selectFrom(table)
      .select('conversation_id')
      .where('subject', '=', subject)
      .where('conversation_id', '>', after)
      .orderBy('conversation_id')
      .limit(recipientsPerPage)
      .execute();
    return rows.map((row) => row.conversation_id);
  };
  const ids = new Set([...(await pageOf('waits')), ...(await pageOf('subscriptions'))]);
  return [...ids].toSorted().slice(0, recipientsPerPage);
}

/** Those of these conversations that `to` names. */
export async function keepNamed(db: Database, to: Recipient, conversationIds: readonly string[]): Promise<string[]> {
  const kept: string[] = [];
  for (let start = 0; start < conversationIds.length; start += idsPerQuery) {
    const chunk = conversationIds.slice(start, start + idsPerQuery);
    const rows = await named(db, to).where('id', 'in', chunk).execute();
    for (const row of rows) kept.push(row.id);
  }
  return kept;
}

/** A conversation as far as the choice depends on it. */
export type Candidate = {
  readonly id: string;
  readonly caller_app_id: string;
  readonly tenant_id: string;
  readonly user_key: string;
  readonly reachability: string;
  readonly last_seen_at: number;
};

/**
 * The conversations that each of these is to be delivered to; undefined when one of them means so many that they come page by
 * page.
 */
export async function findFewRecipients(db: Database, tos: readonly Recipient[]): Promise<string[][] | undefined> {
  if (tos.some((to) => 'all' in to)) return undefined;
  const followers = await listFollowersOf(
    db,
    tos.flatMap((to) => ('subject' in to ? [to.subject] : [])),
  );
  if (!followers) return undefined;
  const ids = tos.flatMap((to) => ('conversationId' in to ? [to.conversationId] : []));
  const byId = await findCandidates(db, 'id', [...ids, ...[...followers.values()].flat()]);
  const byUser = await findCandidates(
    db,
    'user_key',
    tos.flatMap((to) => ('userId' in to ? [userKeyOf(to.userId)] : [])),
  );
  if (!byId || !byUser) return undefined;
  const known = new Map(byId.map((one) => [one.id, one]));
  return tos.map((to) => {
    if ('userId' in to) return pickForAll(byUser.filter((one) => one.user_key === userKeyOf(to.userId)));
    const theirs =
      'subject' in to ? (followers.get(to.subject) ?? []) : 'conversationId' in to ? [to.conversationId] : [];
    return pickForAll([...new Set(theirs)].flatMap((id) => known.get(id) ?? []));
  });
}

/** Who waits for, or follows, each of these subjects; undefined when it is more than a page. */
async function listFollowersOf(db: Database, subjects: readonly string[]): Promise<Map<string, string[]> | undefined> {
  const followers = new Map<string, string[]>();
  if (subjects.length === 0) return followers;
  for (const table of ['waits', 'subscriptions'] as const) {
    const { rows } = await selectFollowers[table](db, { subjects: [...new Set(subjects)] });
    if (rows.length >= recipientsPerPage) return undefined;
    for (const row of rows) followers.set(row.subject, [...(followers.get(row.subject) ?? []), row.conversation_id]);
  }
  return followers;
}

const selectFollowers = { waits: followersIn('waits'), subscriptions: followersIn('subscriptions') };

function followersIn(table: 'waits' | 'subscriptions') {
  return prepared((db, { subjects }: { readonly subjects: readonly string[] }) =>
    db
      .selectFrom(table)
      .select(['subject', 'conversation_id'])
      .where('subject', 'in', listOf(db, subjects))
      .limit(recipientsPerPage)
      .compile(),
  );
}

async function findCandidates(
  db: Database,
  column: 'id' | 'user_key',
  values: readonly string[],
): Promise<Candidate[] | undefined> {
  if (values.length === 0) return [];
  const { rows } = await selectCandidates[column](db, { values: [...new Set(values)] });
  return rows.length >= recipientsPerPage ? undefined : rows;
}

const selectCandidates = { id: candidatesBy('id'), user_key: candidatesBy('user_key') };

function candidatesBy(column: 'id' | 'user_key') {
  return prepared((db, { values }: { readonly values: readonly string[] }) =>
    db
      .selectFrom('conversations')
      .select(['id', 'caller_app_id', 'tenant_id', 'user_key', 'reachability', 'last_seen_at'])
      .where(column, 'in', listOf(db, values))
      .limit(recipientsPerPage)
      .compile(),
  );
}

function pickForAll(candidates: readonly Candidate[]): string[] {
  return groupByPerson(candidates).flatMap(pickForPerson).toSorted();
}

/** The people behind these conversations, each with all conversations of theirs that `to` names. */
export async function listPeople(
  db: Database,
  to: Recipient,
  conversationIds: readonly string[],
): Promise<readonly (readonly Candidate[])[]> {
  const userKeys = db.selectFrom('conversations').select('user_key').where('id', 'in', conversationIds);
  const rows = await named(db, to).where('user_key', 'in', userKeys).execute();
  // The same person at another parent is somebody else: only those are meant that the page has come upon.
  const ids = new Set(conversationIds);
  return groupByPerson(rows).filter((candidates) => candidates.some(({ id }) => ids.has(id)));
}

function groupByPerson(rows: readonly Candidate[]): readonly (readonly Candidate[])[] {
  if (rows.length === 1) return [rows];
  const people = new Map<string, Candidate[]>();
  for (const row of rows) {
    const person = JSON.stringify([row.caller_app_id, row.tenant_id, row.user_key]);
    const candidates = people.get(person);
    if (candidates) candidates.push(row);
    else people.set(person, [row]);
  }
  return [...people.values()];
}

/**
 * A person often has several conversations with the same parent, most of them over. Each that can take a push gets the
 * notification; where none can, it is held once, in the one seen last, so that nobody is told the same thing twice.
 */
export function pickForPerson(candidates: readonly Candidate[]): string[] {
  const reachable = candidates.filter(
    ({ reachability }) => reachability === ('push' satisfies Conversation['reachability']),
  );
  if (reachable.length > 0) return reachable.map(({ id }) => id);
  const [latest] = candidates.toSorted((a, b) => b.last_seen_at - a.last_seen_at);
  return latest ? [latest.id] : [];
}

function named(db: Database, to: Recipient) {
  const all = db
    .selectFrom('conversations')
    .select(['id', 'caller_app_id', 'tenant_id', 'user_key', 'reachability', 'last_seen_at']);
  if ('conversationId' in to) return all.where('id', '=', to.conversationId);
  if ('userId' in to) return all.where('user_key', '=', userKeyOf(to.userId));
  if ('all' in to) return all;
  return all.where(({ exists, or, selectFrom }) =>
    or(
      (['waits', 'subscriptions'] as const).map((table) =>
        exists(
          selectFrom(table)
            .select('subject')
            .where('subject', '=', to.subject)
            .whereRef('conversation_id', '=', 'conversations.id'),
        ),
      ),
    ),
  );
}

function userKeyOf(userId: string): string {
  return parseObjectId(userId) ?? userId;
}
