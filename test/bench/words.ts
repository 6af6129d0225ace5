// What the processes of the bench tell each other.

/** An app registration in the stand-in's tenant. */
export type AppIdentity = { readonly appId: string; readonly secret: string };

export type ParentAddress = {
  /** Ends with a slash. */
  readonly serviceUrl: string;
  readonly loginUrl: string;
  readonly openIdMetadataUrl: string;
  readonly tenantId: string;
  readonly agentAppId: string;
};

/** How many so far, by the clock of whoever counts. */
export type Counted = { readonly count: number; readonly refused: number; readonly atMs: number };

export type LoadOrder = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted one after the other, from the first again after the last. */
  readonly bodies: readonly string[];
  /** How many requests are in flight. */
  readonly senders: number;
  /** Not faster than what arrives: at most this many may be on their way to whoever tells the count under this URL. */
  readonly window?: { readonly takenUrl: string; readonly most: number };
  /** One request in this time, instead of as many as can be; {@link sentAtMark} in its body becomes the time. */
  readonly everyMs?: number;
  /** Each body once, then it ends. */
  readonly once?: boolean;
};

/** Stands for the time in nanoseconds, by a clock that the processes of one machine share. */
export const sentAtMark = 'at=now';
