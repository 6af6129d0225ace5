// The demo as users start it, from dist/.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/standin/demo.js', import.meta.url));

let tempDir: string;
let demo: ChildProcess | undefined;
let output: string;

beforeEach(() => {
  tempDir = mkdtempSync(join(tmpdir(), 'demo-test-'));
});

afterEach(() => {
  demo?.kill('SIGKILL');
  rmSync(tempDir, { recursive: true, force: true });
});

/** Starts the demo with a temp folder of its own, so that what it leaves behind is seen. */
function startDemo(...args: string[]): Promise<number> {
  output = '';
  const child = spawn(process.execPath, [entry, ...args], {
    env: { PATH: process.env['PATH'], TMPDIR: tempDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  demo = child;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  }
  return once(child, 'close').then(([code]) => code as number);
}

/** Resolves once the demo has printed this. */
async function untilPrinted(text: string): Promise<void> {
  while (!output.includes(text)) await once(demo?.stdout ?? process.stdin, 'data');
}

describe('the demo', () => {
  it('brings a notification into a waiting conversation and ends, leaving nothing behind', async () => {
    expect(await startDemo('--once')).toBe(0);
    expect(output).toMatch(/^ +status +delivered$/m);
    expect(output).toContain('✔ What happened');
    expect(output).not.toContain('\u001B[');
    expect(output.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(readdirSync(tempDir)).toEqual([]);
  });

  it('stays up with a request to try, until it is interrupted', async () => {
    const ended = startDemo();
    await untilPrinted('Ctrl-C');
    const [, url] = /curl -X POST (\S+)/.exec(output) ?? [];
    const [, key] = /Authorization: Bearer ([^']+)'/.exec(output) ?? [];
    const answer = await fetch(String(url), {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: '{"subject":"order/42","text":"It is at your door."}',
    });
    expect(answer.status).toBe(202);
    demo?.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(readdirSync(tempDir)).toEqual([]);
  });

  it('ends at once when it is interrupted while the skill starts', async () => {
    const ended = startDemo('--once');
    await untilPrinted('The skill starts');
    demo?.kill('SIGTERM');
    expect(await ended).toBe(130);
    expect(readdirSync(tempDir)).toEqual([]);
  });

  it('tells what is wrong with its arguments', async () => {
    expect(await startDemo('--twice')).toBe(2);
    expect(output).toContain('--twice');
    expect(output).toContain('npm run demo');
  });
});
