// What operators may ask about people: what is stored about one, and to be rid of it, in the files too.

import type { Database } from '../storage/database.ts';
import { scrubFile } from '../storage/scrub.ts';
import { hashPerson } from './audit-store.ts';
import { eraseConversation, erasePerson } from './erase-store.ts';
import { exportPerson } from './person-store.ts';

export type PeopleDesk = ReturnType<typeof createPeopleDesk>;

/** Builds it; `now` in epoch ms. */
export function createPeopleDesk(db: Database, now: () => number) {
  return {
    /** As the log names this person. */
    hash: (userId: string) => hashPerson(db, userId),
    /** All that is stored about them, or undefined when nobody is known by this id. */
    show: (userId: string) => exportPerson(db, userId, now()),
    /** Resolves when it is in no file of the data folder any more. */
    erase: async (userId: string) => {
      const erased = await erasePerson(db, userId, now());
      // Also when there was nothing: an earlier call may have come to an end before this.
      await scrubFile(db);
      return erased;
    },
    /** The same for one conversation; undefined when there is none with this id. */
    eraseConversation: async (id: string) => {
      const erased = await eraseConversation(db, id, now());
      await scrubFile(db);
      return erased;
    },
  };
}
