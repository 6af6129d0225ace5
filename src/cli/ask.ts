// Asks whoever sits at the terminal.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** The line that is typed; undefined at the end of the input, or after Ctrl-C. A secret is not shown as it is typed. */
export async function askOnTerminal(text: string, { isSecret = false } = {}): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? nowhere : process.stdout;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  // Also where the input ends, at which readline leaves a question open for ever.
  const ended = new Promise<undefined>((resolve) => {
    lines.once('close', () => resolve(undefined));
    lines.once('SIGINT', () => lines.close());
  });
  if (isSecret) process.stdout.write(text);
  const typed = lines.question(isSecret ? '' : text).catch(() => undefined);
  const answer = await Promise.race([typed, ended]);
  lines.close();
  if (isSecret) process.stdout.write('\n');
  return answer;
}
