import { type Kysely, sql } from 'kysely';

/** What replicas have in common besides their work, on PostgreSQL. One process alone has it in memory. */
export async function createSharedTables(db: Kysely<unknown>): Promise<void> {
  const statements = [
    'create table replicas (id text collate "C" primary key, knows text not null, alive_until bigint not null)',
    `create table circuits (
       parent text collate "C" primary key, cause text not null, words text not null, opened_at bigint not null,
       probe_at bigint not null, failed_probes integer not null, successes integer not null,
       prober text, probing_until bigint)`,
    // Unlogged: no commit of a count waits for the disk, and after a crash of the server everybody begins anew.
    'create unlogged table request_counts (key text collate "C" primary key, taken bigint not null, ends_at bigint not null)',
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}
