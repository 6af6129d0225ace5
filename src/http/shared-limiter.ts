// A limit that several replicas keep together: each takes some requests of the common count at once, and refuses from
// memory once it is exhausted, so that neither usual requests nor a flood of them reach the database.

/** Takes up to `count` of the `most` that `key` has in `windowMs`: how many it got, and when the count begins anew. */
export type TakeShared = (
  key: string,
  count: number,
  most: number,
  windowMs: number,
) => Promise<{ readonly count: number; readonly msLeft: number }>;

/** Requests of one key that this replica has taken. `isLast`: there are no more of them before `endsAt`. */
type Stock = { left: number; readonly isLast: boolean; readonly endsAt: number };

/** Of the whole, what one replica takes at once: what it does not use the others lack. */
const partTaken = 100;

/** Gives undefined for a request that may be, else the ms until the count begins anew. Rejects where it cannot be told. */
export function createSharedLimiter(take: TakeShared, most: number, windowMs: number) {
  const stocks = new Map<string, Stock>();
  const taking = new Map<string, Promise<Stock>>();
  const atOnce = Math.max(1, Math.floor(most / partTaken));

  const refill = async (key: string): Promise<Stock> => {
    const { count, msLeft } = await take(key, atOnce, most, windowMs);
    const stock = { left: count, isLast: count < atOnce, endsAt: performance.now() + msLeft };
    stocks.set(key, stock);
    const forget = (): void => {
      if (stocks.get(key) === stock) stocks.delete(key);
    };
    setTimeout(forget, msLeft).unref();
    return stock;
  };
  /** Those that come at the same moment wait for the same answer. */
  const refillOnce = (key: string): Promise<Stock> => {
    const running = taking.get(key) ?? refill(key).finally(() => taking.delete(key));
    taking.set(key, running);
    return running;
  };

  return async (key: string): Promise<number | undefined> => {
    for (let stock = stocks.get(key); ; stock = await refillOnce(key)) {
      if (!stock || stock.endsAt <= performance.now()) continue;
      if (stock.left > 0) {
        stock.left -= 1;
        return undefined;
      }
      if (stock.isLast) return stock.endsAt - performance.now();
    }
  };
}
