// What no line of the log has.

import type { Group } from './mutant.ts';

export const log: readonly Group[] = [
  {
    file: 'src/logger.ts',
    tests: ['test/logger.test.ts'],
    rows: [
      ['secrets', 'secretNames.has(name.toLowerCase())', 'false'],
      ['secrets under names with capitals', 'secretNames.has(name.toLowerCase())', 'secretNames.has(name)'],
      ['secrets of a child', 'redactFields(bindings, 0), childOptions', 'bindings, childOptions'],
      ['secrets inside of lists', 'value.map((item) => redact(item, depth + 1))', 'value'],
      [
        'secrets inside of objects',
        'serializeError(value) : redact(value, depth + 1)',
        'serializeError(value) : value',
      ],
      ['secrets behind toJSON', 'redact(value.toJSON(), depth + 1)', 'value.toJSON()'],
      ['whatever is deeper than lines are', 'depth >= deepestLevel', 'false'],
      ['whatever an error has', 'if (value instanceof Error) return serializeError(value);', ''],
    ],
  },
];
