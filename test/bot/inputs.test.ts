// What makers bind to the inputs of an action, and what the action reads.

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  InvalidInput,
  minutesInput,
  optionalSubjectInput,
  parseInputs,
  subjectInput,
} from '../../src/bot/actions/inputs.ts';
import type { InputFault } from '../../src/bot/texts.ts';

const read = (schema: z.ZodType, value: unknown): unknown => {
  const given = value === absent ? {} : { input: value };
  return parseInputs(z.object({ input: schema }), given).input;
};
const absent = Symbol('absent');

const faultOf = (schema: z.ZodType, value: unknown): string => {
  try {
    read(schema, value);
  } catch (error) {
    if (error instanceof InvalidInput) return `${error.input} ${error.fault}`;
    throw error;
  }
  return 'taken';
};

describe('a subject', () => {
  it.each([
    ['a text', 'order/42', 'order/42'],
    ['a text with spaces around it', '  order/42\n', 'order/42'],
    ['256 characters', 'x'.repeat(256), 'x'.repeat(256)],
    ['umlauts and emoji', 'Aufträge 📦', 'Aufträge 📦'],
  ])('can be %s', (_, value, subject) => {
    expect(read(subjectInput, value)).toBe(subject);
  });

  it.each<[string, unknown, InputFault]>([
    ['absent', absent, 'missing'],
    ['null', null, 'missing'],
    ['empty', '', 'empty'],
    ['only spaces', '   ', 'empty'],
    ['a number', 42, 'noText'],
    ['a boolean', true, 'noText'],
    ['a list', ['order/42'], 'noText'],
    ['an object', { id: 42 }, 'noText'],
    ['too long', 'x'.repeat(257), 'tooLong'],
    ['in two lines', 'a\nb', 'controlCharacters'],
    ['half a character', 'a\ud800', 'malformedUnicode'],
  ])('cannot be %s', (_, value, fault) => {
    expect(faultOf(subjectInput, value)).toBe(`input ${fault}`);
  });
});

describe('a subject that need not be given', () => {
  it.each([absent, null, ''])('is all when it is %s', (value) => {
    expect(read(optionalSubjectInput, value)).toBeUndefined();
  });

  it('has the rules of any other when it is given', () => {
    expect(read(optionalSubjectInput, ' a ')).toBe('a');
    expect(faultOf(optionalSubjectInput, 42)).toBe('input noText');
    expect(faultOf(optionalSubjectInput, 'x'.repeat(257))).toBe('input tooLong');
  });
});

describe('minutes', () => {
  it.each<[string, unknown, number | undefined]>([
    ['a number', 10, 10],
    ['a number as text', '10', 10],
    ['a number as text with spaces', ' 10 ', 10],
    ['not given', absent, undefined],
    ['empty', '', undefined],
    ['null', null, undefined],
  ])('can be %s', (_, value, minutes) => {
    expect(read(minutesInput, value)).toBe(minutes);
  });

  it.each<[string, unknown]>([
    ['zero', 0],
    ['less than zero', -1],
    ['a part of a minute', 1.5],
    ['a word', 'soon'],
    ['zero as text', '0'],
    ['hexadecimal', '0x10'],
    ['an exponent', '1e3'],
    ['a boolean', true],
    ['a list of one', [5]],
    ['an empty list', []],
    ['an object', {}],
    ['more than a number can hold', 1e300],
  ])('cannot be %s', (_, value) => {
    expect(faultOf(minutesInput, value)).toBe('input noMinutes');
  });
});

it.each<[string, unknown]>([
  ['undefined', undefined],
  ['null', null],
  ['a text', 'order/42'],
  ['a number', 7],
  ['a list', ['order/42']],
])('a value that is %s has no inputs', (_, value) => {
  expect(() => parseInputs(z.object({ subject: subjectInput }), value)).toThrow('Input "subject": missing.');
});
