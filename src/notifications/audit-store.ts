// People in the log: hashed, so that two lines about one person can be matched, and nobody can try ids without the database.

import { createHmac, randomBytes } from 'node:crypto';
import type { Database } from '../storage/database.ts';
import { keyOf } from './whose-store.ts';

/** The person under a key that is made once for each data folder, and is nowhere else. */
export async function hashPerson(db: Database, userId: string): Promise<string> {
  await db
    .insertInto('audit_key')
    .values({ id: 1, key: randomBytes(32).toString('base64url') })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  const { key } = await db.selectFrom('audit_key').select('key').where('id', '=', 1).executeTakeFirstOrThrow();
  return createHmac('sha256', key).update(keyOf(userId)).digest('base64url').slice(0, 22);
}
