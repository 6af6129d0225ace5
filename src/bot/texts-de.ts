import type { InputFault, Texts } from './texts.ts';

const faults: Readonly<Record<InputFault, string>> = {
  missing: 'fehlt',
  noText: 'muss ein Text sein',
  empty: 'darf nicht leer sein',
  tooLong: 'darf höchstens 256 Zeichen haben',
  controlCharacters: 'darf keine Steuerzeichen enthalten',
  malformedUnicode: 'muss gültiges Unicode sein',
  noMinutes: 'muss eine ganze Zahl von Minuten sein, mindestens 1',
  notValid: 'ist ungültig',
};

export const german: Texts = {
  willTell: (subject) => `Ich melde mich hier, sobald es Neues zu ${subject} gibt.`,
  stillWaiting: (subject, minutes) =>
    `Ich warte noch auf Neues zu ${subject} (höchstens noch ${minutes} ${minutes === 1 ? 'Minute' : 'Minuten'}). ` +
    'Mit „abbrechen“ beenden Sie das Warten.',
  nothingNew: 'Es gibt nichts Neues für Sie.',
  noLaterMessage:
    'Hier kann ich später keine Nachricht schicken. Was kommt, bekommen Sie, wenn Sie das nächste Mal fragen.',
  cardSent: 'Eine Karte wurde gesendet.',
  faultyInput: (input, fault) => `Die Eingabe „${input}“ ${faults[fault]}.`,
  cancelWords: ['abbrechen', 'bitte abbrechen', 'abbruch', 'stopp', 'stop', 'warten beenden'],
};
