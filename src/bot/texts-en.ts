import type { InputFault, Texts } from './texts.ts';

const faults: Readonly<Record<InputFault, string>> = {
  missing: 'is missing',
  noText: 'must be a text',
  empty: 'must not be empty',
  tooLong: 'must have at most 256 characters',
  controlCharacters: 'must not have control characters',
  malformedUnicode: 'must be well-formed Unicode',
  noMinutes: 'must be a whole number of minutes, 1 or more',
  notValid: 'is not valid',
};

export const english: Texts = {
  willTell: (subject) => `I will tell you here as soon as there is news about ${subject}.`,
  stillWaiting: (subject, minutes) =>
    `Still waiting for news about ${subject} (for up to ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}). ` +
    'Say "cancel" to stop waiting.',
  nothingNew: 'There is nothing new for you.',
  noLaterMessage: 'This channel takes no message later. What comes is kept and given the next time you ask.',
  cardSent: 'A card was sent.',
  faultyInput: (input, fault) => `Input "${input}" ${faults[fault]}.`,
  cancelWords: ['cancel', 'stop', 'stop waiting'],
};
