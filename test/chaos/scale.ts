// How long the batteries run: all of it with `npm run chaos`, a shortened one in `npm test`.

/** `npm run chaos`. */
export const isFull = process.env['CHAOS'] === 'full';

/** The number for `npm run chaos`, or the smaller one for `npm test`. */
export function scale(full: number, short: number): number {
  return isFull ? full : short;
}
