// Things that come and go all the time, such as requests that are being answered.

type Entry<T> = { readonly item: T; place: number };

/**
 * Like a Set, but in an array. V8 leads from each table of a Set that has become too small to the next one, and keeps what
 * was in it: once one of them is old, whatever has come and gone since is kept until all of the heap is collected
 * (v8/src/objects/ordered-hash-table.h).
 */
export class Bag<T> {
  readonly #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** Returns how to take it out again, once. */
  add(item: T): () => void {
    const entry = { item, place: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** What is in it now. */
  items(): T[] {
    return this.#entries.map(({ item }) => item);
  }

  #remove(entry: Entry<T>): void {
    const last = this.#entries.pop();
    if (!last || last === entry) return;
    this.#entries[entry.place] = last;
    last.place = entry.place;
  }
}
