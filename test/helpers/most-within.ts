// How fast something went, whichever way the window is laid.

/** Of the times, the most within any so many ms. */
export function mostWithin(times: readonly number[], ms: number): number {
  const sorted = times.toSorted((first, second) => first - second);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last += 1) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) >= ms) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
