// Who is there: each replica has a row that it keeps alive, in which it says which others it knows. PostgreSQL only.

import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../storage/database.ts';
import { lock } from '../storage/locks.ts';
import { transact } from '../storage/transact.ts';

export type Replica = { readonly id: string; readonly knows: readonly string[] };

/** Epoch ms, as the database knows them. */
export type Now = RawBuilder<number>;

/** Comes to the others, and gives those that are there. Of two that come at once, one sees the other. */
export function joinReplicas(db: Database, own: Replica, aliveMs: number, now: Now): Promise<Replica[]> {
  return transact(db, async (trx) => {
    await lock(trx, 'replicas');
    await sql`delete from replicas where alive_until <= ${now} or id = ${own.id}`.execute(trx);
    await trx
      .insertInto('replicas')
      .values({ id: own.id, knows: JSON.stringify(own.knows), alive_until: sql`${now} + ${aliveMs}` })
      .execute();
    return listOthers(trx, own.id, now);
  });
}

/** Stays with the others, and gives them; undefined when it was too late: they go on without us. */
export async function stayReplica(
  db: Database,
  own: Replica,
  aliveMs: number,
  now: Now,
): Promise<Replica[] | undefined> {
  const { numUpdatedRows } = await db
    .updateTable('replicas')
    .set({ knows: JSON.stringify(own.knows), alive_until: sql`${now} + ${aliveMs}` })
    .where('id', '=', own.id)
    .where('alive_until', '>', now)
    .executeTakeFirst();
  return numUpdatedRows === 0n ? undefined : listOthers(db, own.id, now);
}

/** Leaves the others; for `stillMs` they reckon with it. */
export async function leaveReplicas(db: Database, id: string, stillMs: number, now: Now): Promise<void> {
  await db
    .updateTable('replicas')
    .set({ alive_until: sql`${now} + ${stillMs}` })
    .where('id', '=', id)
    .execute();
}

async function listOthers(db: Database, ownId: string, now: Now): Promise<Replica[]> {
  const rows = await db
    .selectFrom('replicas')
    .select(['id', 'knows'])
    .where('alive_until', '>', now)
    .where('id', '!=', ownId)
    .execute();
  return rows.map(({ id, knows }) => ({ id, knows: JSON.parse(knows) as string[] }));
}
