// The API behind the page's switches: what is unknown of the service, what goes wrong, and the import of a skill.

import type { Core } from './core.ts';
import { listFaultPresets } from './fault-presets.ts';
import type { ImportOptions } from './import-skill.ts';
import type { ImportResult } from './manifest.ts';
import { type Body, postRoute } from './page-guard.ts';
import { answerJson, type Answer, type Route } from './server.ts';
import { parseSwitches } from './switches.ts';
import type { MoveOptions } from './types.ts';

export type SteerParts = {
  readonly core: Core;
  readonly importSkill: (manifestUrl: string, options: ImportOptions) => Promise<ImportResult>;
  readonly moveService: (options: MoveOptions) => void;
};

const done: Answer = answerJson(200, { done: true });

/** Routes below `/standin/` that change how the stand-in behaves. */
export function createSteerRoutes({ core, importSkill, moveService }: SteerParts): readonly Route[] {
  const steer = (path: string, change: (body: Body) => void | Promise<void>): Route =>
    postRoute(core, new RegExp(`^/standin/${path}$`), async (body) => {
      await change(body);
      return done;
    });
  return [
    steer('switches', (body) => void Object.assign(core.switches, parseSwitches(body))),
    steer('faults', (body) => setFault(core, body)),
    steer('keys', (body) => core.keys.rotate({ retireOld: readFlag(body, 'retireOld') })),
    steer('service-url', (body) => moveService({ keepOld: readFlag(body, 'keepOld') })),
    postRoute(core, /^\/standin\/skills$/, async (body) => {
      const { manifestUrl } = body;
      if (typeof manifestUrl !== 'string') throw new RangeError('manifestUrl must be a text');
      const { ok, findings } = await importSkill(manifestUrl, { refresh: true });
      return answerJson(200, { ok, findings });
    }),
  ];
}

/** `times`: how many callbacks it is for, null for all until it is switched off, 0 to switch it off. */
function setFault(core: Core, { name, times }: Body): void {
  const preset = listFaultPresets(core.url).find((one) => one.name === name);
  if (preset === undefined) throw new RangeError(`there is no fault ${JSON.stringify(name)}`);
  if (times !== null && !(Number.isInteger(times) && Number(times) >= 0)) {
    throw new RangeError('times must be a whole number, or null for all');
  }
  core.faults.setPreset(preset, times === null ? Infinity : Number(times));
}

function readFlag(body: Body, field: string): boolean {
  const value = body[field];
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new RangeError(`${field} must be true or false`);
}
