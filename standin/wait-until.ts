// Waiting for a condition without polling: it is looked at again after each change.

export type WaitOptions = {
  readonly holds: () => boolean;
  readonly onChange: (listener: () => void) => () => void;
  readonly timeoutMs: number;
  /** What to show when the time is over. */
  readonly describe: () => string;
  readonly stopSignal: AbortSignal;
};

/** Resolves once `holds`; rejects after `timeoutMs` with what `describe` says, or when stopped. */
export function waitUntil(options: WaitOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const release = (): void => {
      clearTimeout(timer);
      unsubscribe();
      options.stopSignal.removeEventListener('abort', stopped);
    };
    const fail = (error: unknown): void => {
      release();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const stopped = (): void => fail(new Error('the stand-in was stopped'));
    const look = (): void => {
      try {
        if (!options.holds()) return;
        release();
        resolve();
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(
      () => fail(new Error(`not reached within ${options.timeoutMs} ms\n${options.describe()}`)),
      options.timeoutMs,
    );
    const unsubscribe = options.onChange(look);
    options.stopSignal.addEventListener('abort', stopped);
    look();
  });
}
