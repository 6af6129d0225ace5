// The faults that the page and the command line offer by name. Tests set rules of their own.

import { recordCallback } from './callbacks.ts';
import { answerError, type Route } from './server.ts';
import type { FaultRule } from './types.ts';
import type { WireLog } from './wire-log.ts';

export type FaultPreset = { readonly name: string; readonly title: string; readonly rule: FaultRule };

const elsewherePath = '/elsewhere/';
const down = '{"error":{"code":"ServiceError","message":"The service is unavailable."}}';
const json = { 'Content-Type': 'application/json; charset=utf-8' };

/** The presets of a stand-in at this address. */
export function listFaultPresets(url: string): readonly FaultPreset[] {
  return [
    {
      name: 'throttled',
      title: '429 with Retry-After: 5',
      rule: { fault: { kind: 'answer', status: 429, headers: { ...json, 'Retry-After': '5' }, body: down } },
    },
    {
      name: 'failed-before',
      title: '503, the activity is not taken',
      rule: { fault: { kind: 'answer', status: 503, headers: json, body: down } },
    },
    {
      name: 'failed-after',
      title: '502, although the activity was taken',
      rule: { fault: { kind: 'answer', status: 502, headers: json, body: down }, after: true },
    },
    {
      name: 'redirected',
      title: '307 to another address',
      rule: { fault: { kind: 'answer', status: 307, headers: { Location: `${url}${elsewherePath}` } } },
    },
    { name: 'slow', title: 'Answer after 8 s', rule: { fault: { kind: 'delay', ms: 8_000 } } },
    { name: 'hanging', title: 'No answer at all', rule: { fault: { kind: 'hang' } } },
    { name: 'reset', title: 'Connection reset', rule: { fault: { kind: 'reset' } } },
  ];
}

/** Where the redirect of a preset leads: to come here with a token is the mistake. */
export function createElsewhereRoute(wire: WireLog): Route {
  return {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    pattern: /^\/elsewhere\/$/,
    answer: (request) => {
      const reason = 'a redirect was followed: what is sent there goes to whoever the agent names';
      recordCallback(wire, request, 403, reason);
      return answerError(403, 'Forbidden', 'Redirects are not to be followed.');
    },
  };
}
