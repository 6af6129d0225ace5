// What a rotation replaces stays good for a while, also when there is another one meanwhile: the answer to a rotation may be
// lost, and with it what would have been used from then on.

/** At most so many are kept, however often it is rotated. */
const mostReplaced = 5;

/** Those replaced (the newest first; `until` in epoch ms) that are good after `now`, each no longer than `until`. */
export function keepReplaced<T extends { readonly until: number }>(
  replaced: readonly T[],
  { now, until }: { readonly now: number; readonly until: number },
): T[] {
  const good = replaced.filter((one) => one.until > now).map((one) => ({ ...one, until: Math.min(one.until, until) }));
  return good.slice(0, mostReplaced);
}
