// Fetching a manifest as the import does: anonymously, in ten seconds, half a megabyte at most.

import { isHttpOnLoopback } from './endpoint-rules.ts';
import { type ImportFinding, refuse, warn } from './import-finding.ts';
import { maxManifestBytes, refuseSize } from './import-rules.ts';

const fetchWithinMs = 10_000;
const mostRedirects = 5;

export type FetchOptions = {
  /** Lets the address be plain http on loopback: true for the stand-in alone. */
  readonly httpOnLoopback?: boolean;
  /** For the rule that a manifest must arrive in time. */
  readonly withinMs?: number;
  readonly stopSignal?: AbortSignal;
  /** Default is Node's own. */
  readonly fetch?: typeof fetch;
  /** Told of every answer, and with status 0 of one that did not come. */
  readonly onAnswer?: (answer: { url: URL; status: number; reason?: string }) => void;
};

export type FetchedManifest = {
  /** Undefined where a finding says why there are none. */
  readonly bytes?: Uint8Array;
  /** Where the manifest was in the end. */
  readonly url?: URL;
  readonly findings: readonly ImportFinding[];
};

/** The manifest's bytes, or the findings that say why there are none; never throws. */
export async function fetchManifest(address: string, options: FetchOptions = {}): Promise<FetchedManifest> {
  const first = readAddress(address);
  if (first === undefined) return { findings: [refuseAddress()] };
  const signals = [AbortSignal.timeout(options.withinMs ?? fetchWithinMs)];
  if (options.stopSignal) signals.push(options.stopSignal);
  const signal = AbortSignal.any(signals);
  const findings: ImportFinding[] = [];
  let url = first;
  for (let hop = 0; hop <= mostRedirects; hop += 1) {
    if (url.protocol !== 'https:' && !(options.httpOnLoopback === true && isHttpOnLoopback(url))) {
      return { findings: [refusePlain(hop)] };
    }
    const answer = await ask(url, signal, options);
    if ('bytes' in answer) return { bytes: answer.bytes, url, findings };
    if ('finding' in answer) return { findings: [answer.finding] };
    url = answer.next;
    findings.splice(0, 1, warnOfRedirect(url));
  }
  return { findings: [refuseFetch(`The manifest URL redirects more than ${mostRedirects} times.`)] };
}

type Asked = { readonly bytes: Uint8Array } | { readonly next: URL } | { readonly finding: ImportFinding };

/** One request, redirects not followed: fetch itself would follow one to plain http. */
async function ask(url: URL, signal: AbortSignal, { onAnswer, fetch: send = fetch }: FetchOptions): Promise<Asked> {
  try {
    const response = await send(url, { signal, redirect: 'manual' });
    const { status } = response;
    if (response.ok) {
      const bytes = await readLimited(response);
      onAnswer?.({ url, status, ...(bytes === undefined && { reason: 'the manifest is too large' }) });
      return bytes === undefined ? { finding: refuseSize() } : { bytes };
    }
    await response.body?.cancel();
    onAnswer?.({ url, status, reason: 'the manifest was not given out' });
    const next = status >= 300 ? readAddress(response.headers.get('location') ?? '', url) : undefined;
    return status < 400 && next !== undefined ? { next } : { finding: refuseStatus(status) };
  } catch (error) {
    const reason = describeFailure(error);
    onAnswer?.({ url, status: 0, reason });
    return { finding: refuseFetch(`The manifest could not be fetched: ${reason}.`) };
  }
}

async function readLimited(response: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      // Leaving the loop ends the transfer: what is too large is not read to its end.
      if (size > maxManifestBytes) return undefined;
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

/** The address, unless it has a user or password in it: fetch would refuse it, and repeat it in its error. */
function readAddress(address: string, base?: URL): URL | undefined {
  if (address === '' || !URL.canParse(address, base?.href)) return undefined;
  const url = new URL(address, base);
  return url.username === '' && url.password === '' ? url : undefined;
}

/** What the system said, such as ECONNREFUSED, is in the cause, or only in the cause's code. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not come in time (Copilot Studio waits 10 s)';
  if (!(error.cause instanceof Error)) return error.message;
  const { message, code } = error.cause as NodeJS.ErrnoException;
  return message || (code ?? error.message);
}

function refuseAddress(): ImportFinding {
  return refuse('URL_MALFORMED', {
    message: 'This is not a valid URL, or it has a user or a password in it.',
    fix: 'Give the whole https address of the manifest, readable without a password.',
  });
}

function refusePlain(hop: number): ImportFinding {
  const subject = hop === 0 ? 'The manifest URL' : 'What the manifest URL redirects to';
  return refuse('URL_NOT_HTTPS', {
    message: `${subject} does not begin with https://.`,
    fix: 'Put the manifest behind https: for a test from your own machine, through a tunnel.',
  });
}

function refuseStatus(status: number): ImportFinding {
  return refuseFetch(
    `The manifest URL answered ${status}.${[401, 403].includes(status) ? ' A manifest must be readable without a token.' : ''}`,
  );
}

function refuseFetch(message: string): ImportFinding {
  return refuse('MANIFEST_FETCH_FAILED', {
    message,
    fix: 'Open the URL in a private browser window: it must show the JSON within 10 s, without signing in.',
  });
}

function warnOfRedirect(url: URL): ImportFinding {
  return warn('MANIFEST_REDIRECTED', {
    message: 'The manifest URL redirects; whether Copilot Studio follows is not documented.',
    fix: `Give the address it leads to: ${url.origin}${url.pathname}`,
  });
}
