// Manifests for tests of the import: a sound one, and the means to spoil it.

import type { FakeSkill } from './fake-skill.ts';

export type Json = Record<string, unknown>;
type Called = Pick<FakeSkill, 'appId' | 'endpointUrl'>;

/** A sound manifest of this skill with these fields laid over it. */
export function manifestOf(skill: Called, changes: Json = {}): Json {
  return {
    $schema: 'https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json',
    $id: 'test-skill',
    name: 'Test skill',
    version: '1.0',
    publisherName: 'Contoso',
    endpoints: [endpointOf(skill)],
    activities: { wait: actionWith() },
    ...changes,
  };
}

/** The skill's endpoint with these fields laid over it. */
export function endpointOf(skill: Called, changes: Json = {}): Json {
  return {
    name: 'default',
    protocol: 'BotFrameworkV3',
    endpointUrl: skill.endpointUrl,
    msAppId: skill.appId,
    ...changes,
  };
}

/** A described event action with these fields laid over it. */
export function actionWith(changes: Json = {}): Json {
  return { type: 'event', name: 'wait', description: 'Waits', ...changes };
}

/** Schema of an object with `count` values of one type, value0 and on. */
export function valuesOf(count: number, type: unknown = 'string'): Json {
  const names = Array.from({ length: count }, (_, index) => [`value${index}`, { type }]);
  return { type: 'object', properties: Object.fromEntries(names) };
}
