import { describe, expect, it } from 'vitest';
import { type ConditionRequest, matches, parseCondition } from '../../src/webhooks/match-condition.ts';

const input = {
  body: { action: 'opened', merged: true, size: 3, draft: null, labels: ['a', 'b'], nested: { deep: 'x' } },
  headers: { 'x-github-event': ['push'], 'x-twice': ['a', 'b'] },
};

function holds(request: ConditionRequest): boolean {
  const parsed = parseCondition(request);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return matches(parsed.condition, input);
}

describe('a condition', () => {
  it.each<[ConditionRequest, boolean]>([
    [{}, true],
    [{ action: 'opened' }, true],
    [{ action: 'Opened' }, false],
    [{ action: ['closed', 'opened'] }, true],
    [{ action: ['closed'] }, false],
    [{ merged: true }, true],
    [{ merged: 'true' }, true],
    [{ merged: false }, false],
    [{ size: 3 }, true],
    [{ size: '3' }, true],
    [{ size: 30 }, false],
    [{ 'labels.1': 'b' }, true],
    [{ labels: 'a,b' }, false],
    [{ 'nested.deep': 'x' }, true],
    [{ nested: '[object Object]' }, false],
    [{ draft: 'null' }, false],
    [{ missing: 'undefined' }, false],
    [{ 'missing|none': 'none' }, true],
    [{ 'header:X-GitHub-Event': 'push' }, true],
    [{ 'header:X-GitHub-Event': 'ping' }, false],
    [{ 'header:X-Twice': 'a' }, false],
    [{ action: 'opened', merged: true }, true],
    [{ action: 'opened', merged: false }, false],
    [{ 'labels.length': 2 }, false],
  ])('%j holds: %s', (request, expected) => {
    expect(holds(request)).toBe(expected);
  });

  it.each([['a..b'], ['__proto__.x'], ['header:Authorization'], ['header:X-Api-Key'], ['']])(
    'cannot name %j, and says so',
    (name) => {
      expect(parseCondition({ action: 'x', [name]: 'x' })).toMatchObject({
        path: name,
        fault: expect.stringContaining(name) as string,
      });
    },
  );
});
