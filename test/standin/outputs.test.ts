import { describe, expect, it } from 'vitest';
import type { SkillManifest } from '../../src/manifest/skill-manifest.ts';
import { bindOutputs } from '../../standin/outputs.ts';

const resultValue = {
  type: 'object',
  properties: { text: { type: 'string' }, count: { type: 'integer' }, done: { type: 'boolean' } },
};
const manifest: SkillManifest = {
  name: 'n',
  endpoints: [],
  activities: { wait: { type: 'event', name: 'waitEvent', resultValue } },
};

describe('outputs of an action', () => {
  it('bind when they have the declared type', () => {
    const value = { text: 'a', count: 2, done: true };
    expect(bindOutputs(manifest, 'wait', value)).toEqual({ outputs: value });
  });

  it.each([
    [{ text: 1 }, 'text: declared string, is number'],
    [{ count: 1.5 }, 'count: declared integer, is number'],
    [{ count: '1' }, 'count: declared integer, is string'],
    [{ done: 'true' }, 'done: declared boolean, is string'],
    [{ text: ['a'] }, 'text: arrays are not supported'],
    [{ text: null }, 'text: is null'],
    [{ other: 'x' }, 'other: not declared in the manifest'],
  ])('drop %j', (value, dropped) => {
    expect(bindOutputs(manifest, 'wait', value)).toEqual({ outputs: {}, dropped: [dropped] });
  });

  it('are blank without a value and dropped whole when it is no object', () => {
    expect(bindOutputs(manifest, 'wait', undefined)).toEqual({});
    expect(bindOutputs(manifest, 'wait', 'x')).toEqual({ dropped: ['value: must be an object'] });
  });

  it('of a skill without manifest bind when simple', () => {
    expect(bindOutputs(undefined, 'wait', { a: 'x', b: {}, c: [] })).toEqual({
      outputs: { a: 'x' },
      dropped: ['b: objects must be JSON strings', 'c: arrays are not supported'],
    });
  });
});
