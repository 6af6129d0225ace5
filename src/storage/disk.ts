// When what SQLite has written is on disk. SQLite itself would sync at each commit and keep the whole process waiting for
// the disk, several milliseconds each time. Here it only writes, and the sync goes on beside the work: one for all that has
// been committed by then. Whoever is to be told of a commit waits for it (sqlite-driver.ts).

import { closeSync, fdatasync, openSync } from 'node:fs';

/** As node:fs.fdatasync: how what has been written to a file gets to the disk. */
export type Sync = (file: number, callback: (error: Error | null) => void) => void;

type Waiting = { readonly upTo: number; readonly resolve: () => void; readonly reject: (error: Error) => void };

export class Disk {
  readonly #file: number;
  readonly #onFailure: (error: Error) => void;
  readonly #syncFile: Sync;
  #waiting: Waiting[] = [];
  /** Commits so far, and how many of them are on disk. */
  #written = 0;
  #synced = 0;
  #isSyncing = false;
  #failure: Error | undefined;

  /** `file`: where SQLite writes its commits to, which is there already. */
  constructor(file: string, onFailure: (error: Error) => void, sync: Sync = fdatasync) {
    this.#file = openSync(file, 'r+');
    this.#onFailure = onFailure;
    this.#syncFile = sync;
  }

  /** Something has been committed. */
  noteCommit(): void {
    this.#written += 1;
  }

  /**
   * Resolves when all that has been committed by now is on disk. Rejects from the first failed sync on: the kernel forgets what
   * it could not write, so that a later sync would succeed without it (lwn.net/Articles/752063).
   */
  settled(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#synced === this.#written) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ upTo: this.#written, resolve, reject });
      if (!this.#isSyncing) this.#sync();
    });
  }

  close(): void {
    closeSync(this.#file);
  }

  #sync(): void {
    this.#isSyncing = true;
    const upTo = this.#written;
    this.#syncFile(this.#file, (error) => {
      this.#isSyncing = false;
      if (error) {
        this.#fail(error);
        return;
      }
      this.#synced = upTo;
      const told = this.#waiting.filter((waiting) => waiting.upTo <= upTo);
      this.#waiting = this.#waiting.filter((waiting) => waiting.upTo > upTo);
      if (this.#waiting.length > 0) this.#sync();
      for (const { resolve } of told) resolve();
    });
  }

  #fail(cause: Error): void {
    this.#failure = new Error('DATA_DIR: the disk has failed to keep what was written', { cause });
    for (const { reject } of this.#waiting) reject(this.#failure);
    this.#waiting = [];
    this.#onFailure(this.#failure);
  }
}
