// Runs the stand-in on its own, so that any skill on this machine can be tried against it.

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportOptions } from './import-skill.ts';
import type { ImportResult } from './manifest.ts';
import { help, parseRunOptions, type RunOptions } from './run-options.ts';
import { describeImport, describeStart } from './run-print.ts';
import { startStandIn, type StandIn } from './stand-in.ts';

const tryAgainMs = 2_000;

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
  process.exitCode = 1;
}

async function run(): Promise<number> {
  const options = parseRunOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const standIn = await startStandIn({
    ...options.switches,
    port: options.port,
    tenantId: options.tenantId,
    tokenVersion: options.tokenVersion,
    agent: { appId: options.agentAppId, multiTenant: options.isMultiTenantAgent },
  });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      stop.abort();
      void standIn.stop();
    });
  }
  const { skillAppId, isMultiTenantSkill, skillSecret } = options;
  const secret = skillSecret ?? randomBytes(24).toString('base64url');
  if (skillAppId !== undefined) register(standIn, options, { appId: skillAppId, secret });
  const isMadeSecret = skillSecret === undefined;
  process.stdout.write(describeStart({ standIn, skillAppId, secret, isMadeSecret, isMultiTenantSkill }));
  try {
    const ok = await importUntilDone(standIn, options, { secret, stopSignal: stop.signal });
    if (!options.once) return 0;
    await standIn.stop();
    return ok ? 0 : 1;
  } catch (error) {
    await standIn.stop();
    throw error;
  }
}

/** The registration of the skill; its home page is to be the manifest's address: learn.microsoft.com/azure/bot-service/skill-pva. */
function register(
  standIn: StandIn,
  options: RunOptions,
  { appId, secret, endpointUrl }: { appId: string; secret: string; endpointUrl?: string | undefined },
): void {
  const { manifest } = options;
  const isAtUrl = manifest !== undefined && isUrl(manifest) && options.endpointUrl === undefined;
  const homePageUrl = options.homePageUrl ?? (isAtUrl ? manifest : (options.endpointUrl ?? endpointUrl));
  standIn.registerApp({
    appId,
    secret,
    ...(homePageUrl !== undefined && { homePageUrl }),
    ...(options.isMultiTenantSkill && { tenantId: 'botframework.com' }),
  });
}

/** Tries again while the import is refused, as the skill is being started or changed; says each time what is new. */
async function importUntilDone(
  standIn: StandIn,
  options: RunOptions,
  { secret, stopSignal }: { secret: string; stopSignal: AbortSignal },
): Promise<boolean> {
  const { manifest, endpointUrl, skillAppId } = options;
  if (manifest === undefined) return true;
  const importOptions: ImportOptions = {
    ...(endpointUrl !== undefined && { endpointUrl }),
    // The app is registered as the manifest names it, unless its id was given.
    onManifest({ endpoints: [endpoint] }) {
      if (endpoint === undefined) return;
      register(standIn, options, { appId: skillAppId ?? endpoint.msAppId, secret, endpointUrl: endpoint.endpointUrl });
    },
  };
  let said = '';
  for (;;) {
    const result: ImportResult = isUrl(manifest)
      ? await standIn.importSkill(manifest, importOptions)
      : await standIn.importSkillFile(manifest, importOptions);
    if (stopSignal.aborted) return result.ok;
    const words = describeImport(manifest, result);
    if (words !== said) process.stdout.write(words);
    if (result.ok || options.once) return result.ok;
    if (said === '') process.stdout.write('  It is tried again until it succeeds.\n');
    said = words;
    await sleep(tryAgainMs, undefined, { signal: stopSignal }).catch(() => undefined);
    if (stopSignal.aborted) return false;
  }
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}
