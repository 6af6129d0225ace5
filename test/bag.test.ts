import { expect, it } from 'vitest';
import { Bag } from '../src/bag.ts';

it('holds what was put in and not taken out, whatever is taken out in which order', () => {
  const bag = new Bag<number>();
  const removals = Array.from({ length: 6 }, (_, item) => bag.add(item));
  for (const place of [2, 5, 0]) removals[place]?.();
  expect([bag.size, bag.items().toSorted((a, b) => a - b), bag.find((item) => item > 3)]).toEqual([3, [1, 3, 4], 4]);
  for (const remove of removals) remove();
  expect([bag.size, bag.items(), bag.find(() => true)]).toEqual([0, [], undefined]);
});

it('takes out nothing else when something is taken out twice', () => {
  const bag = new Bag<string>();
  const remove = bag.add('a');
  bag.add('b');
  remove();
  bag.add('c');
  remove();
  expect(bag.items().toSorted()).toEqual(['b', 'c']);
});
