import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { probeWrite } from '../../src/storage/database.ts';
import { transact } from '../../src/storage/transact.ts';
import { openTestDatabase } from '../helpers/database.ts';

const large = 'x'.repeat(100_000);

it('a full disk is told as 503, undoes all that shared the commit, and is over when there is room again', async () => {
  const db = await openTestDatabase();
  const insert = (id: string, text: string) =>
    transact(db, (trx) =>
      trx
        .insertInto('idempotency_keys')
        .values({ credential: 'c', key: id, fingerprint: text, answer: '', expires_at: 0 })
        .execute(),
    );
  await insert('before', 'small');
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
  await sql`pragma max_page_count = ${sql.raw(String(rows[0]?.page_count))}`.execute(db);

  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((id) => insert(id, large)));
  for (const outcome of outcomes) {
    const error: unknown = outcome.status === 'rejected' ? outcome.reason : undefined;
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'unavailable', status: 503, headers: { 'Retry-After': '30' } });
  }
  // Alone as well: another path through the driver.
  await expect(insert('alone', large)).rejects.toMatchObject({ code: 'unavailable' });

  await sql`pragma max_page_count = 1000000`.execute(db);
  await insert('after', large);
  await probeWrite(db, 1);
  const kept = await db.selectFrom('idempotency_keys').select('key').orderBy('key').execute();
  expect(kept.map(({ key }) => key)).toEqual(['after', 'before']);
  const { rows: check } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db);
  expect(check[0]?.integrity_check).toBe('ok');
});
