// An orderly end of the HTTP side: running requests finish, idle connections go, nobody waits for ever.

import type { Server, ServerResponse } from 'node:http';
import { Bag } from '../bag.ts';

export type ConnectionCloser = {
  readonly isStopping: () => boolean;
  /** Makes a response known, so that a stop can ask its client not to reuse the connection. */
  readonly watch: (res: ServerResponse) => void;
  /** Work that goes on after an answer; a stop waits for it like for a request. */
  readonly track: (work: Promise<void>) => void;
  /** Still serves, but asks each client not to use its connection again: none is idle when `stop` closes them. */
  readonly drain: () => void;
  readonly stop: (graceMs: number) => Promise<void>;
};

/** One closer for one server. */
export function createConnectionCloser(
  server: Pick<Server, 'close' | 'closeIdleConnections' | 'closeAllConnections'>,
): ConnectionCloser {
  const responses = new Bag<ServerResponse>();
  const works = new Bag<Promise<void>>();
  let isDraining = false;
  let stopped: Promise<void> | undefined;

  const watch = (res: ServerResponse): void => {
    if (isDraining) res.setHeader('Connection', 'close');
    const forget = responses.add(res);
    res.once('close', () => {
      forget();
      // A head that went out before the stop still promised keep-alive.
      if (stopped !== undefined) server.closeIdleConnections();
    });
  };

  const track = (work: Promise<void>): void => {
    const settled = work.finally(() => forget());
    const forget = works.add(settled);
  };

  const close = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    const finished = closed.then(() => Promise.all(works.items())).then(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([finished, graceOver]);
    clearTimeout(timer);
    server.closeAllConnections();
    await closed;
  };

  const drain = (): void => {
    isDraining = true;
    for (const res of responses.items()) {
      if (!res.headersSent) res.setHeader('Connection', 'close');
    }
  };

  const stop = (graceMs: number): Promise<void> => {
    drain();
    return (stopped ??= close(graceMs));
  };

  return { isStopping: () => stopped !== undefined, watch, track, drain, stop };
}
