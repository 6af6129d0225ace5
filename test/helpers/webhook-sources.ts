// Sources of webhooks for the tests: an operator who makes them, and GitHub, Standard Webhooks and Event Grid as they send.

import { createHmac } from 'node:crypto';
import { apiKey, type Skill } from './skill.ts';

export type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly headers: Headers };
export type Made = { readonly id: string; readonly url: string; readonly secret: string };
type HeaderList = Record<string, string>;

/** What they do to this skill. */
export function createSources(skill: () => Skill) {
  async function send(
    method: string,
    path: string,
    text: string | undefined,
    headers: HeaderList = {},
  ): Promise<Answer> {
    const answer = await fetch(new URL(path, skill().url), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(text !== undefined && { body: text }),
    });
    const body = await answer.text();
    return {
      status: answer.status,
      body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
      headers: answer.headers,
    };
  }

  const operate = (method: string, path: string, body?: unknown): Promise<Answer> =>
    send(method, path, body === undefined ? undefined : JSON.stringify(body), { 'x-api-key': apiKey });

  async function make(request: object): Promise<Made> {
    const { status, body } = await operate('POST', '/api/webhooks', request);
    if (status !== 201) throw new Error(`webhook not made: ${status}`);
    return body as Made;
  }

  /** As GitHub sends it. */
  function sendGithub(
    made: Made,
    event: object,
    { id = 'd-1', name = 'pull_request', secret = made.secret, headers = {} } = {},
  ) {
    const text = JSON.stringify(event);
    return send('POST', made.url, text, {
      'x-github-event': name,
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`,
      ...headers,
    });
  }

  /** As a source of Standard Webhooks sends it. */
  function sendStandard(made: Made, event: object, { id = 'msg_1', family = 'webhook', ageSeconds = 0 } = {}) {
    const text = JSON.stringify(event);
    const timestamp = Math.floor(skill().clock.now() / 1_000) - ageSeconds;
    const key = Buffer.from(made.secret.replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
    return send('POST', made.url, text, {
      [`${family}-id`]: id,
      [`${family}-timestamp`]: String(timestamp),
      [`${family}-signature`]: `v1,${signature}`,
    });
  }
  return { send, operate, make, sendGithub, sendStandard };
}
