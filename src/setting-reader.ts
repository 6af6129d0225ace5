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
    const text = this.#env[name]?.trim();
    return text === '' ? undefined : text;
  }

  /** A secret, given as itself or as the path of a file in `NAME_FILE`. */
  readSecret(name: string): string | undefined {
    const direct = this.readText(name);
    const path = this.readText(`${name}_FILE`);
    if (path === undefined) return direct;
    if (direct !== undefined) this.addFault(name, `set either this or ${name}_FILE, not both`);
    try {
      const text = this.#readFile(path).trim();
      if (text === '') this.addFault(`${name}_FILE`, 'the file is empty');
      return text === '' ? undefined : text;
    } catch {
      this.addFault(`${name}_FILE`, 'the file cannot be read');
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
