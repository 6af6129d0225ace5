// A service process whose wall clock is wrong, as that of a machine without a time server.

const code = `
const RealDate = Date;
let aheadMs = Number(process.env.CLOCK_AHEAD_MS);
// The other way round: as wrong as before, by a jump of twice as much.
process.on('SIGUSR2', () => (aheadMs = -aheadMs));
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, made) => Reflect.construct(target, args.length > 0 ? args : [target.now() + aheadMs], made),
  apply: (target) => new target(target.now() + aheadMs).toString(),
  get: (target, name) => (name === 'now' ? () => target.now() + aheadMs : Reflect.get(target, name)),
});
`;

/** Settings that put the wall clock of a service process ahead by so much; SIGUSR2 puts it as far behind. */
export function shiftClock(aheadMs: number): Record<string, string> {
  return {
    CLOCK_AHEAD_MS: String(aheadMs),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
  };
}
