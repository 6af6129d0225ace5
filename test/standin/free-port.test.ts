import { expect, it } from 'vitest';
import { findFreePort } from '../../standin/free-port.ts';

it('who asks for ports at the same time gets different ones', async () => {
  expect(new Set(await Promise.all([1, 2, 3].map(() => findFreePort()))).size).toBe(3);
});
