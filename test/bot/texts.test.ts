// What the bot says, in every language that it speaks.

import { describe, expect, it } from 'vitest';
import { inputFaults, isCancelWord, type Texts, textsFor } from '../../src/bot/texts.ts';
import { english } from '../../src/bot/texts-en.ts';
import { german } from '../../src/bot/texts-de.ts';

const languages = [
  { language: 'English', locale: 'en-US', texts: english },
  { language: 'German', locale: 'de-DE', texts: german },
];

/** Every text of a language as a user may see it, under a name of its own. */
function listTexts(texts: Texts): Record<string, string> {
  return {
    willTell: texts.willTell('order/42'),
    'stillWaiting 1': texts.stillWaiting('order/42', 1),
    'stillWaiting 2': texts.stillWaiting('order/42', 2),
    nothingNew: texts.nothingNew,
    noLaterMessage: texts.noLaterMessage,
    cardSent: texts.cardSent,
    ...Object.fromEntries(
      inputFaults.map((fault) => [`faultyInput ${fault}`, texts.faultyInput('timeoutMinutes', fault)]),
    ),
  };
}

describe.each(languages)('$language', ({ locale, texts }) => {
  it('is what its locale gets', () => {
    expect(textsFor(locale)).toBe(texts);
  });

  it.each(Object.entries(listTexts(texts)))('%s is a sentence of its own', (_, text) => {
    expect(text).toMatch(/^\p{Lu}.+\.$/u);
    expect(text).not.toMatch(/undefined|\[object|\$\{/u);
  });

  it('has a different text for each thing that it says', () => {
    const all = Object.values(listTexts(texts));
    expect(new Set(all).size).toBe(all.length);
  });

  it('names the subject, the minutes and the input', () => {
    expect(texts.willTell('order/42')).toContain('order/42');
    expect(texts.stillWaiting('order/42', 7)).toMatch(/order\/42.* 7 /u);
    expect(texts.faultyInput('timeoutMinutes', 'noMinutes')).toContain('timeoutMinutes');
  });

  it('counts one minute as one', () => {
    expect(texts.stillWaiting('s', 1)).toMatch(/ 1 (more minute|Minute)\)/u);
    expect(texts.stillWaiting('s', 2)).toMatch(/ 2 (more minutes|Minuten)\)/u);
  });

  it('tells users a word that ends the wait', () => {
    const [, word = ''] = /["„](\p{L}+)["“]/u.exec(texts.stillWaiting('s', 2)) ?? [];
    expect(texts.cancelWords).toContain(word);
  });

  it.each(texts.cancelWords)('understands "%s", however it is written', (word) => {
    const written = [word, word.toUpperCase(), ` ${word}\n`, `${word}.`, `${word}!!`, `"${word}"`, `„${word}“`];
    expect(written.filter((text) => !isCancelWord(text))).toEqual([]);
  });
});

it('no text is the same in two languages', () => {
  const [first = {}, second = {}] = languages.map(({ texts }) => listTexts(texts));
  expect(Object.keys(first).filter((name) => first[name] === second[name])).toEqual([]);
});

it.each<[string, string | null | undefined, Texts]>([
  ['a language', 'de', german],
  ['a country that has no texts of its own', 'de-AT', german],
  ['a script and a country', 'de-Latn-CH', german],
  ['capitals', 'DE-de', german],
  ['an underscore', 'de_DE', german],
  ['a country that is like another language', 'en-DE', english],
  ['a language that the bot does not speak', 'fr-FR', english],
  ['a language that begins like one', 'den', english],
  ['a word', 'deutsch', english],
  ['nothing', undefined, english],
  ['null', null, english],
  ['an empty text', '', english],
  ['dashes', '---', english],
  ['a dash first', '-de', english],
  ['a dash last', 'de-', german],
  ['spaces', ' de ', english],
  ['a name of Object.prototype', 'constructor', english],
  ['a hundred characters', 'x-'.repeat(50), english],
])('the locale can be %s', (_, locale, texts) => {
  expect(textsFor(locale)).toBe(texts);
});

it.each(['', ' ', '...', 'cancelled', 'do not cancel', 'stop it', 'abbrechen?nein', 'status', 'nein', 'c a n c e l'])(
  '"%s" does not end the wait',
  (text) => {
    expect(isCancelWord(text)).toBe(false);
  },
);
