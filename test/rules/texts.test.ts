// What users read is in src/bot/texts-*.ts, one file per language, and nowhere else.

import { describe, expect, it } from 'vitest';
import { listSourceFiles } from './source-files.ts';

const bot = listSourceFiles('src/bot').filter(({ path }) => !path.startsWith('src/bot/texts'));
const calls = (pattern: RegExp): string[] =>
  bot.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map(([, argument = '']) => `${path}: ${argument.trim()}`),
  );

describe('texts for users', () => {
  it('are said out of the texts of the language of the turn', () => {
    const said = calls(/\.say\(\s*([^\s(),]+)/gu);
    expect(said.length).toBeGreaterThan(3);
    expect(said.filter((line) => !line.includes(': turn.texts.'))).toEqual([]);
  });

  it('go out by say, as notifications, or as the end of an action', () => {
    const sent = calls(/sendActivity\(([^;]*)\);/gu).map((line) => line.slice(line.lastIndexOf('/') + 1));
    expect(sent.toSorted()).toEqual([
      'push-activity.ts: activity',
      'skill-turn.ts: activity',
      'skill-turn.ts: createEndOfAction(code, outputs, notificationId)',
      'skill-turn.ts: text',
    ]);
  });

  it('are no sentences in the code of the actions', () => {
    const reasons = new Set([
      "'The parent has called the action anew.'",
      "'The user has cancelled: no action is open.'",
    ]);
    reasons.add("'The user has stopped following: no action is open.'");
    const sentences = listSourceFiles('src/bot/actions').flatMap(({ text }) => text.match(/'[A-Z][^'\n]* [^'\n]*'/gu));
    expect(sentences.filter((sentence) => sentence && !reasons.has(sentence))).toEqual([]);
  });
});
