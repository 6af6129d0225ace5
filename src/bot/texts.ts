// What the bot says to users, in the language of the activity. One file per language; a text that one of them has not does
// not compile.

import { english } from './texts-en.ts';
import { german } from './texts-de.ts';

/** What can be wrong with an input of an action. */
export const inputFaults = [
  'missing',
  'noText',
  'empty',
  'tooLong',
  'controlCharacters',
  'malformedUnicode',
  'noMinutes',
  'notValid',
] as const;

export type InputFault = (typeof inputFaults)[number];

export type Texts = {
  /** A wait begins. */
  readonly willTell: (subject: string) => string;
  /** The user writes while a wait is open. Names one of the language's own `cancelWords`. */
  readonly stillWaiting: (subject: string, minutes: number) => string;
  readonly nothingNew: string;
  /** The channel takes replies only inside a turn. */
  readonly noLaterMessage: string;
  /** Stands for a card where only text can be given. */
  readonly cardSent: string;
  /** For the maker of the topic, who has bound the input. */
  readonly faultyInput: (input: string, fault: InputFault) => string;
  /** What ends a wait, in small letters. Understood whatever the language of the activity is. */
  readonly cancelWords: readonly string[];
};

const languages: ReadonlyMap<string, Texts> = new Map([
  ['en', english],
  ['de', german],
]);

const cancelWords = new Set([...languages.values()].flatMap((texts) => texts.cancelWords));

/**
 * The texts for a locale such as `de-AT`: those of its longest part that there are any for (RFC 4647, 3.4 Lookup), else the
 * English ones.
 */
export function textsFor(locale: string | null | undefined): Texts {
  let tag = (locale ?? '').toLowerCase().replaceAll('_', '-');
  while (tag !== '') {
    const found = languages.get(tag);
    if (found) return found;
    tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')));
  }
  return english;
}

/** Whether the user wants to wait no longer. Quotes do not matter: the text that names the word has it in quotes. */
export function isCancelWord(text: string): boolean {
  const bare = text.replaceAll(/^[\p{P}\s]+|[\p{P}\s]+$/gu, '').replaceAll(/\s+/gu, ' ');
  return cancelWords.has(bare.toLowerCase());
}
