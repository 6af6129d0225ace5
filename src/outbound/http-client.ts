// What the service asks of other servers: one request, one answer. Not the client itself, which only its own thread loads.

/**
 * `public`: straight to the host, which must resolve to public addresses only, checked on the address that is dialled.
 * `direct`: straight to the host, whatever its address. `platform`: as Node is set up, which may have a proxy.
 */
export type Route = 'public' | 'direct' | 'platform';

export type HttpRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** How long the whole answer may take, with the connection that it comes over. */
  readonly withinMs: number;
  /** What comes after so many bytes of its body is not read. */
  readonly mostBytes: number;
  readonly route: Route;
};

export type HttpAnswer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** UTF-8. */
  readonly body: string;
  /** There was more of the body. */
  readonly isCut: boolean;
};

export type HttpClient = {
  /** Follows no redirect, repeats nothing. Resolves whatever the status; rejects with {@link Unreachable}. */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Lets what is in flight end. */
  close(): Promise<void>;
};

export type UnreachableClass = 'dns' | 'private_address' | 'connect' | 'tls' | 'timeout' | 'reset';

/** No whole answer came. Whether the other side has acted is unknown. Its message may name the host, and nothing else of the request. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly errorClass: UnreachableClass;

  constructor(errorClass: UnreachableClass, words: string) {
    super(words);
    this.errorClass = errorClass;
  }
}
