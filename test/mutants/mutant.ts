// One check of the service, switched off: what a table of mutants holds, and how one of them is put into a source file.

export type Mutant = {
  readonly area: string;
  /** What the service does wrongly with it. */
  readonly name: string;
  /** As `find` and all of `tests`, from the root of the repository. */
  readonly file: string;
  /** In `file` exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test files of which one must fail. */
  readonly tests: readonly string[];
  /** Why nobody can tell it from the real thing: it must survive, or the claim is wrong. */
  readonly equivalent?: string;
};

type Options = { readonly tests?: readonly string[]; readonly equivalent?: string };

type Row = readonly [name: string, find: string, replace: string, options?: Options];

/** The mutants of one file, or of one part of it. */
export type Group = { readonly file: string; readonly tests: readonly string[]; readonly rows: readonly Row[] };

/** The run of all tests without any mutant. */
export const unmutated = 'unmutated';

/** The name under which the tests of a mutant run. */
export function projectOf({ area, name }: Mutant): string {
  return `${area}: ${name}`;
}

/** The rows of an area, each with what it shares with others. */
export function listMutants(area: string, groups: readonly Group[]): Mutant[] {
  return groups.flatMap(({ file, tests, rows }) =>
    rows.map(([name, find, replace, options]) => ({ area, name, file, find, replace, tests, ...options })),
  );
}

/** Throws unless `find` is there exactly once: a mutant of a line that has changed since would prove nothing. */
export function applyMutant({ file, name, find, replace }: Mutant, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(`mutant "${name}": its text is in ${file} ${parts.length - 1} times instead of once: ${find}`);
  }
  return parts.join(replace);
}
