// The tenant's signing keys over time. Entra publishes a new key beside the old one and lets the old one go later; a
// skill that reads the key set only once fails on that day.

import { createSigningKey, type SigningKey } from './tokens.ts';

export type RotateOptions = {
  /** Takes the keys of before out of the key set at once, as after a compromise. Default: they stay beside the new one. */
  readonly retireOld?: boolean;
};

export type KeyRing = {
  /** The one that signs. */
  current(): SigningKey;
  /** Those in the key set, the newest first. */
  published(): readonly SigningKey[];
  rotate(options?: RotateOptions): Promise<void>;
};

/** A ring with this key alone. */
export function createKeyRing(first: SigningKey): KeyRing {
  let keys: readonly [SigningKey, ...SigningKey[]] = [first];
  return {
    current: () => keys[0],
    published: () => keys,
    async rotate({ retireOld = false } = {}) {
      const key = await createSigningKey();
      keys = retireOld ? [key] : [key, ...keys];
    },
  };
}
