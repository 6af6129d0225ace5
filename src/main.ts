// The process: settings, start, signals, exit code. Nothing else reads process.env.

import 'dotenv/config';
import { readFileSync } from 'node:fs';
import type { App } from './app.ts';
import { ConfigError, parseConfig } from './config.ts';
import { createLogger } from './logger.ts';

/** After this a stop that hangs is ended by force. */
const stopDeadlineMs = 30_000;

const config = readConfig();
const logger = createLogger(config.logLevel);
for (const warning of config.warnings) logger.warn(warning);

// After the settings, because the SDK takes most of a second to load: a fault is told at once.
const { createApp } = await import('./app.ts');
const { startHttpThread } = await import('./outbound/threaded-client.ts');
let stopping = false;
let app: App | undefined;
app = await createApp({ config, logger, http: startHttpThread({ onFailure: fail }) }).catch(failStart);
process.on('SIGTERM', () => void stop('SIGTERM', 0, config.stopDelayMs));
// Ctrl-C: somebody is waiting.
process.on('SIGINT', () => void stop('SIGINT', 0));
process.on('uncaughtException', (error) => fail(error));
process.on('unhandledRejection', (error) => fail(error));
const { port } = await app.start().catch(failStart);
logger.info({ port, publicUrl: config.publicUrl, appId: config.identity.appId }, 'listening');

function readConfig() {
  try {
    return parseConfig(process.env, (path) => readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map((fault) => `  ${fault.setting}: ${fault.message}\n`);
    const warnings = error.warnings.map((warning) => `  Warning: ${warning}\n`);
    const lines = [...faults, ...warnings].join('');
    process.stderr.write(`copilot-notify cannot start. Settings to mend (see .env.example):\n${lines}`);
    process.exit(1);
  }
}

function failStart(error: unknown): never {
  logger.fatal({ err: error }, 'cannot start');
  process.exit(1);
}

/** A state that nobody has foreseen is not carried on with: what is accepted is on disk, the next process takes it up. */
function fail(error: unknown): void {
  logger.fatal({ err: error }, 'unexpected error');
  void stop('unexpected error', 1);
}

async function stop(reason: string, exitCode: number, delayMs = 0): Promise<void> {
  // A second signal means: now.
  if (stopping) process.exit(1);
  stopping = true;
  logger.info({ reason }, 'stopping');
  setTimeout(() => process.exit(1), stopDeadlineMs).unref();
  try {
    await app?.stop({ delayMs });
    logger.info('stopped');
    process.exit(exitCode);
  } catch (error) {
    logger.fatal({ err: error }, 'could not stop cleanly');
    process.exit(1);
  }
}
