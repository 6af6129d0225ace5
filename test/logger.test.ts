import { describe, expect, it } from 'vitest';
import { createLogger, type Logger, type LogLevel } from '../src/logger.ts';

function logged(log: (logger: ReturnType<typeof createLogger>) => void, level: LogLevel = 'info'): string[] {
  const lines: string[] = [];
  log(createLogger(level, { write: (line: string) => void lines.push(line) }));
  return lines;
}

const first = (lines: string[]) => JSON.parse(lines[0] ?? '{}') as Record<string, unknown>;

describe('a log line', () => {
  it('is one line of JSON with the time in UTC and the name of its level', () => {
    const lines = logged((logger) => logger.warn({ requestId: 'r' }, 'two\r\nlines'));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\r\n]/);
    expect(first(lines)).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: 'r',
      msg: 'two\r\nlines',
    });
  });

  it.each<[LogLevel, number]>([
    ['debug', 3],
    ['info', 2],
    ['error', 1],
    ['silent', 0],
  ])('at level %s: %i of debug, info and error are written', (level, count) => {
    const lines = logged((logger) => {
      logger.debug('d');
      logger.info('i');
      logger.error('e');
    }, level);
    expect(lines).toHaveLength(count);
  });
});

/** As the SDK throws them: the request comes along with its bearer token. */
const sdkError = () =>
  Object.assign(new TypeError('refused'), {
    code: 'E_REFUSED',
    request: { headers: { authorization: 'Bearer hidden' } },
    response: { body: 'hidden' },
    config: { auth: 'hidden' },
  });

describe('secrets and texts', () => {
  it.each([
    'authorization',
    'Authorization',
    'x-api-key',
    'X-API-Key',
    'cookie',
    'secret',
    'password',
    'token',
    'access_token',
    'client_secret',
    'privateKey',
    'text',
  ])('%s is left out, at the top and inside', (name) => {
    const lines = logged((logger) => {
      logger.info({ [name]: 'hidden-1' });
      logger.info({ a: { [name]: 'hidden-2' } });
      logger.info({ a: { b: { [name]: 'hidden-3' } } });
    });
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toContain('hidden');
  });

  it.each<[where: string, log: (logger: Logger) => void]>([
    ['in a list', (logger) => logger.info({ a: [{ token: 'hidden' }] })],
    ['in another case', (logger) => logger.info({ AUTHORIZATION: 'hidden', a: { Client_Secret: 'hidden' } })],
    ['bound to a child', (logger) => logger.child({ token: 'hidden', a: { text: 'hidden' } }).info('m')],
    ['bound to a child of a child', (logger) => logger.child({ a: 1 }).child({ token: 'hidden' }).info('m')],
    ['in a value for the text of the line', (logger) => logger.info('m %o', { token: 'hidden' })],
    ['in what a toJSON gives', (logger) => logger.info({ a: { toJSON: () => ({ token: 'hidden' }) } })],
    ['deeper than any line has them', (logger) => logger.info({ a: { b: { c: { d: { token: 'hidden' } } } } })],
    ['under any name, deeper than lines are', (logger) => logger.info({ a: { b: { c: { body: 'hidden' } } } })],
    ['in an error under any name', (logger) => logger.info({ a: sdkError(), b: { c: sdkError() } })],
    ['in an error for the text of the line', (logger) => logger.info('m %o', sdkError())],
    ['in an error that is bound to a child', (logger) => logger.child({ err: sdkError() }).info('m')],
    [
      'in the code of an error',
      (logger) => logger.info({ err: Object.assign(new Error('m'), { code: { text: 'hidden' } }) }),
    ],
  ])('%s are left out', (_, log) => {
    const lines = logged(log);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hidden');
    expect(() => first(lines)).not.toThrow();
  });

  it('leave what is beside them', () => {
    const at = new Date(0);
    const lines = logged((logger) => logger.child({ requestId: 'r' }).info({ a: { b: [1, null], text: 't' }, at }));
    expect(first(lines)).toMatchObject({
      requestId: 'r',
      a: { b: [1, null], text: '[redacted]' },
      at: at.toJSON(),
    });
  });

  it('and a value that cannot be read or goes in circles, is no reason to fail', () => {
    const circle: Record<string, unknown> = { a: 1 };
    circle['self'] = circle;
    const unreadable = {
      get a() {
        throw new Error('hidden');
      },
    };
    const lines = logged((logger) => logger.info({ circle, unreadable, b: 2 }, 'm'));
    expect(first(lines)).toMatchObject({ circle: { a: 1 }, b: 2, msg: 'm' });
    expect(lines[0]).not.toContain('hidden');
  });
});

describe('an error', () => {
  it.each(['err', 'error'])(
    'under "%s" keeps type, code, message and stack, never request, response or config',
    (name) => {
      const lines = logged((logger) => logger.error({ [name]: sdkError() }, 'failed'));
      expect(lines[0]).not.toContain('hidden');
      expect(first(lines)[name]).toEqual({
        type: 'TypeError',
        code: 'E_REFUSED',
        message: 'refused',
        stack: expect.stringContaining('TypeError: refused'),
      });
    },
  );

  it('that is the line itself is told under "err"', () => {
    const lines = logged((logger) => logger.error(sdkError()));
    expect(lines[0]).not.toContain('hidden');
    expect(first(lines)).toMatchObject({ msg: 'refused', err: { type: 'TypeError', code: 'E_REFUSED' } });
  });

  it('keeps its causes, without what they bring along', () => {
    const lines = logged((logger) => logger.error({ err: new Error('outer', { cause: sdkError() }) }));
    expect(lines[0]).not.toContain('hidden');
    expect(first(lines)['err']).toMatchObject({ message: 'outer', cause: { type: 'TypeError', message: 'refused' } });
  });

  it('that is its own cause ends', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(logged((logger) => logger.error({ err: error }))).toHaveLength(1);
  });

  it('that is no Error is told in words', () => {
    const lines = logged((logger) => logger.error({ err: 'text' }));
    expect(first(lines)['err']).toEqual({ type: 'string', message: 'text' });
  });
});
