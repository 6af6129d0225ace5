// Things that come and go all the time, such as requests that are being answered.

type Entry<T> = { readonly item: T; place: number };

/**
 * What a Set would be, in an array. A Set that things come to and go from makes itself a new table each time that it is full
 * of what has gone; the table before leads to it, and keeps what was in it (v8/src/objects/ordered-hash-table.h). Once one of
 * these tables has grown old, all that follow are kept until the whole heap is collected, and with them the requests that
 * were open when one was left. Without this an accept with its delivery takes a fifth more CPU.
 */
export class Bag<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** Returns how to take it out again. */
  add(item: T): () => void {
    const entry = { item, place: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** What is in it now. */
  items(): T[] {
    return this.#entries.map(({ item }) => item);
  }

  find(isWanted: (item: T) => boolean): T | undefined {
    for (const { item } of this.#entries) if (isWanted(item)) return item;
    return undefined;
  }

  #remove(entry: Entry<T>): void {
    if (this.#entries[entry.place] !== entry) return;
    const last = this.#entries.pop();
    if (!last || last === entry) return;
    this.#entries[entry.place] = last;
    last.place = entry.place;
  }
}
