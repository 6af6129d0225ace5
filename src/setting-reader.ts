// Reads single settings, and collects what is wrong with them instead of stopping at the first.

/** What is wrong with a setting, in words that never hold its value. */
export type SettingFault = { readonly setting: string; readonly message: string };

export type Environment = Readonly<Record<string, string | undefined>>;

const guidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export class SettingReader {
  readonly faults: SettingFault[] = [];
  readonly warnings: string[] = [];
  readonly #env: Environment;
  readonly #readFile: (path: string) => string;
  /** Every name that was asked for: all settings there are. */
  readonly #known = new Set<string>();

  constructor(env: Environment, readFile: (path: string) => string) {
    this.#env = env;
    this.#readFile = readFile;
  }

  addFault(setting: string, message: string): void {
    this.faults.push({ setting, message });
  }

  addWarning(warning: string): void {
    this.warnings.push(warning);
  }

  /** The trimmed text, or undefined: an empty setting is none. */
  readText(name: string): string | undefined {
    this.#known.add(name);
    return this.readForeign(name);
  }

  /** As readText, for a variable that is no setting of ours. */
  readForeign(name: string): string | undefined {
    const text = this.#env[name]?.trim();
    return text === '' ? undefined : text;
  }

  /**
   * Warns of variables whose names are nearly those of settings that are not set: a misspelt one would be without effect,
   * and without a word. To be called when every setting has been read.
   */
  warnOfMisspelt(): void {
    const unset = [...this.#known].filter((name) => this.readForeign(name) === undefined);
    for (const name of Object.keys(this.#env)) {
      if (this.#known.has(name) || this.readForeign(name) === undefined) continue;
      const meant = unset.find((candidate) => isNearly(name, candidate));
      if (meant !== undefined) this.addWarning(`${name} is not a setting: is ${meant} meant?`);
    }
  }

  /** A secret, given as itself or as the path of a file in `NAME_FILE`; an empty text when the file is faulty. */
  readSecret(name: string): string | undefined {
    const direct = this.readText(name);
    const path = this.readText(`${name}_FILE`);
    if (path === undefined) return direct;
    if (direct !== undefined) this.addFault(name, `set either this or ${name}_FILE, not both`);
    const text = this.#readSecretFile(path);
    const fault = findFileFault(text);
    if (fault === undefined) return text;
    this.addFault(`${name}_FILE`, fault);
    return '';
  }

  #readSecretFile(path: string): string | undefined {
    try {
      // Trimmed with its byte order mark: what editors and shells put around a secret is not part of it.
      return this.#readFile(path).trim();
    } catch {
      return undefined;
    }
  }

  /** One of `choices`, whatever its case. */
  readChoice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.readText(name);
    if (text === undefined) return undefined;
    const choice = choices.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (choice === undefined) this.addFault(name, `must be ${choices.join(' or ')}`);
    return choice;
  }

  readInteger(name: string, limits: { readonly min: number; readonly max: number; readonly fallback: number }): number {
    const text = this.readText(name);
    if (text === undefined) return limits.fallback;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= limits.min && value <= limits.max) return value;
    this.addFault(name, `must be a whole number from ${limits.min} to ${limits.max}`);
    return limits.fallback;
  }

  /** A time span such as 90s, 30m, 24h or 7d, in ms. */
  readDuration(name: string, limits: { readonly maxMs: number; readonly fallbackMs: number }): number {
    const text = this.readText(name);
    if (text === undefined) return limits.fallbackMs;
    const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const ms = Number(count) * (unitsMs[unit] ?? Number.NaN);
    if (ms > 0 && ms <= limits.maxMs) return ms;
    this.addFault(name, `must be a time such as 90s, 30m, 24h or 7d, at most ${limits.maxMs / 86_400_000}d`);
    return limits.fallbackMs;
  }

  /** A required GUID in lower case; an empty text when it is faulty. `what` says which one is meant. */
  readGuid(name: string, what: string): string {
    const text = this.readText(name);
    if (text !== undefined && guidPattern.test(text)) return text.toLowerCase();
    this.addFault(name, text === undefined ? `is missing: ${what}` : `must be a GUID: ${what}`);
    return '';
  }

  readList(name: string): string[] {
    const entries = (this.readText(name) ?? '').split(',').map((entry) => entry.trim());
    return entries.filter((entry) => entry !== '');
  }

  /** The entries that are GUIDs, in lower case, each once; the others are faults, named by their place in the list. */
  keepGuids(name: string, entries: readonly string[]): string[] {
    for (const [index, entry] of entries.entries()) {
      if (!guidPattern.test(entry)) this.addFault(name, `entry ${index + 1} is not a GUID`);
    }
    return [...new Set(entries.filter((entry) => guidPattern.test(entry)).map((entry) => entry.toLowerCase()))];
  }

  /** As readUrl, for a setting that names scheme and host only. */
  readOrigin(name: string): URL | undefined {
    const url = this.readUrl(name);
    if (url && (url.pathname !== '/' || url.search || url.hash)) {
      this.addFault(name, 'must have no path, query or fragment');
    }
    return url;
  }

  /** The address that is used; one that is not Microsoft's is worth a line at start. */
  warnWhenMoved(name: string, url: URL | undefined, standard: string): string {
    const moved = url?.href.replace(/\/+$/, '') ?? standard;
    if (moved !== standard) this.addWarning(`${name} is moved away from Microsoft's own address.`);
    return moved;
  }

  /** An https URL; http only for loopback. Undefined when absent or faulty. */
  readUrl(name: string): URL | undefined {
    const text = this.readText(name);
    if (text === undefined) return undefined;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))) {
      this.addFault(name, 'must be an https URL (http only for localhost or 127.0.0.1)');
      return undefined;
    }
    if (url.username || url.password) this.addFault(name, 'must not have a user name or password');
    return url;
  }
}

/** True for the names and addresses of this machine alone. `hostname` as in a URL, so IPv6 in brackets. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function findFileFault(text: string | undefined): string | undefined {
  if (text === undefined) return 'the file cannot be read';
  if (text === '') return 'the file is empty';
  // Windows PowerShell writes UTF-16, which would fail only at the first token.
  return /[\0\uFFFD]/.test(text) ? 'the file must be text in UTF-8' : undefined;
}

/** True where two names differ by their case and underscores, and by a slip or two of the pen where they are long. */
function isNearly(name: string, setting: string): boolean {
  const [a = '', b = ''] = [name, setting].map((text) => text.toLowerCase().replaceAll('_', ''));
  // HOST and PORT are one slip away from HOME, POST and many more.
  const slips = b.length < 6 ? 0 : b.length < 9 ? 1 : 2;
  return Math.abs(a.length - b.length) <= slips && countSlips(a, b) <= slips;
}

/** Levenshtein distance: letters to add, leave out or replace. */
function countSlips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let line = 1; line <= a.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (a[line - 1] === b[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
