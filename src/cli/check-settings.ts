import { ConfigError, parseConfig } from '../config.ts';

/** Writes every fault and warning of the settings, never a value. Returns the exit code: 0 or 1. */
export function checkSettings(
  env: Parameters<typeof parseConfig>[0],
  readFile: (path: string) => string,
  write: (text: string) => void,
): number {
  const writeWarnings = (warnings: readonly string[]): void => {
    for (const warning of warnings) write(`warning  ${warning}\n`);
  };
  try {
    writeWarnings(parseConfig(env, readFile).warnings);
    write('The settings are complete.\n');
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    writeWarnings(error.warnings);
    for (const fault of error.faults) write(`fault    ${fault.setting}: ${fault.message}\n`);
    write('See .env.example for every setting.\n');
    return 1;
  }
}
