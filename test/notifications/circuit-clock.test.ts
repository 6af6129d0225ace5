// A clock that is set back must not make old attempts new.

import { expect, it } from 'vitest';
import { Circuit } from '../../src/notifications/circuit.ts';

it('opens by no half of failures that lie further apart than its window, an hour after the clock was set back', () => {
  const circuit = new Circuit();
  circuit.record({ kind: 'fine' }, 'c0', 3_600_000);
  for (let minute = 0; minute < 40; minute += 1) {
    const sign = minute % 2 === 0 ? ({ kind: 'failing', words: '' } as const) : ({ kind: 'fine' } as const);
    circuit.record(sign, `c${minute % 3}`, minute * 60_000);
  }
  expect(circuit.open).toBeUndefined();
});
