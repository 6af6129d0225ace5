// Whether the service is reached at PUBLIC_URL as Copilot Studio would reach it: the manifest by anybody, the endpoint by
// nobody without a token. Seen from where the doctor runs, which may see another network than Microsoft does.

import { hasError } from '../manifest/import-finding.ts';
import { type Check, fine, isRehearsal, type Outcome, readFailure, type Visit, wrong } from './check.ts';

/** As long as the import waits for the manifest. */
const answerWithinMs = 10_000;

export const checkPublicUrl: Check = {
  id: 'public-url',
  needs: ['PUBLIC_URL', 'PORT', 'LOGIN_URL'],
  after: [],
  look: async (visit) => {
    const { publicUrl } = visit.config;
    if (!publicUrl.startsWith('https://') && !isRehearsal(visit.config)) {
      return wrong(
        `PUBLIC_URL is ${publicUrl}: Copilot Studio imports https only, from an address that the internet reaches.`,
        'Put the service behind https (from your own machine through a tunnel), and set PUBLIC_URL to that address.',
      );
    }
    try {
      await knock(visit, 'GET', '/health/live');
    } catch (error) {
      return explainSilence(publicUrl, error);
    }
    const startedAt = visit.now();
    const { bytes, findings } = await visit.manifest();
    const words = findings.map(({ code, message }) => `${code}: ${message}`).join(' ');
    if (bytes === undefined || hasError(findings)) {
      return wrong(
        `${publicUrl} answers, but does not give its manifest to everybody. ${words}`,
        findings[0]?.fix ?? '',
      );
    }
    const seconds = ((visit.now() - startedAt) / 1_000).toFixed(1);
    return fine(
      `The manifest came from ${publicUrl} without a token, ${bytes.length} bytes in ${seconds} s. ${words}`.trim(),
    );
  },
};

/** Copilot Studio is believed to look, before an import, whether the endpoint refuses strangers. */
export const checkProbe: Check = {
  id: 'unauthenticated-probe',
  needs: ['PUBLIC_URL', 'PORT'],
  after: ['public-url'],
  look: async (visit) => {
    try {
      const { status, headers } = await knock(visit, 'POST', '/api/messages');
      return judgeProbe(status, headers.get('www-authenticate') !== null);
    } catch (error) {
      return explainSilence(`${visit.config.publicUrl}/api/messages`, error);
    }
  },
};

async function knock({ config, fetch: send }: Visit, method: 'GET' | 'POST', path: string): Promise<Response> {
  const answer = await send(`${config.publicUrl}${path}`, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(answerWithinMs),
    ...(method === 'POST' && { headers: { 'content-type': 'application/json' }, body: '{}' }),
  });
  await answer.body?.cancel();
  return answer;
}

function judgeProbe(status: number, isChallenged: boolean): Outcome {
  if (status === 401 && isChallenged)
    return fine('POST /api/messages without a token is answered with 401 and WWW-Authenticate.');
  const seen = `POST /api/messages without a token is answered with ${status}, and should be with 401 and WWW-Authenticate`;
  if (status === 401) {
    return wrong(
      `${seen}, which is missing.`,
      'Let the proxy in front pass WWW-Authenticate on, and /api/messages without asking for credentials of its own.',
    );
  }
  if (status < 300) {
    return wrong(
      `${seen}: something else than this service answers there, or for it.`,
      'Lead /api/messages to this service, and let no proxy answer in its place.',
    );
  }
  if (status < 400) {
    return wrong(
      `${seen}: a sign-in page or a redirect is in front.`,
      'Take /api/messages out of the sign-in and of redirects: agents follow neither.',
    );
  }
  if (status === 403 || status === 429) {
    return wrong(
      `${seen}: a firewall in front keeps requests out.`,
      'Let POST /api/messages through it: the service itself checks every token.',
    );
  }
  if (status < 500) {
    return wrong(
      `${seen}: the address leads to another path or program.`,
      'Lead the path /api/messages to this service unchanged, with its method and Content-Type.',
    );
  }
  return wrong(
    `${seen}: the proxy in front does not reach the service, or that is failing.`,
    "Look at /health/ready, at the proxy's backend, and at the service's log.",
  );
}

/** Codes of Node's TLS and of the system. */
const fixes: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Make the name of PUBLIC_URL known in the public DNS.',
  ECONNREFUSED: 'Start the service, or the proxy in front of it, on that port.',
  TIMEOUT: 'Open the port in the firewall, and see that the proxy reaches the service.',
  UND_ERR_CONNECT_TIMEOUT: 'Open the port in the firewall, and see that the proxy reaches the service.',
  CERT_HAS_EXPIRED: 'Renew the certificate.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Get a certificate for the name in PUBLIC_URL.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Get a certificate from a public authority: Copilot Studio knows no other.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Get a certificate from a public authority: Copilot Studio knows no other.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Let the server send the intermediate certificate as well (the full chain).',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Let the server send the intermediate certificate as well (the full chain).',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The port speaks plain http: let PUBLIC_URL name the one that speaks https.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'The port speaks plain http: let PUBLIC_URL name the one that speaks https.',
};

function explainSilence(address: string, error: unknown): Outcome {
  const { code, words } = readFailure(error);
  const named = code === '' || words.includes(code) ? words : `${words} (${code})`;
  const fix = Object.hasOwn(fixes, code) ? fixes[code] : undefined;
  return wrong(
    `${address} gives no answer: ${named}.`,
    fix ?? 'See that the service runs, and that PUBLIC_URL is where it is reached.',
  );
}
