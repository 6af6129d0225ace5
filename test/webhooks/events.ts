// One CloudEvent in both modes: the example with an object as data in the CloudEvents JSON format, section 3.2.
import { readCloudEvent } from '../../src/webhooks/cloud-events.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';

export const structured = { 'content-type': ['application/cloudevents+json; charset=utf-8'] };
export const example = {
  specversion: '1.0',
  type: 'com.example.someevent',
  source: '/mycontext',
  subject: null,
  id: 'C234-1234-1234',
  time: '2018-04-05T17:31:00Z',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  datacontenttype: 'application/json',
  data: { appinfoA: 'abc', appinfoB: 123, appinfoC: true },
};

/** Its headers in binary mode; the body is `example.data`. */
export const binary = {
  'ce-specversion': ['1.0'],
  'ce-type': ['com.example.someevent'],
  'ce-source': ['/mycontext'],
  'ce-id': ['C234-1234-1234'],
  'ce-time': ['2018-04-05T17:31:00Z'],
  'ce-comexampleextension1': ['value'],
  'ce-comexampleothervalue': ['5'],
  'content-type': ['application/json'],
};

/** What comes out of either. */
export const event = {
  id: 'C234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
  data: example.data,
};

/** The event, or why it was refused. */
export function outcomeOf(headers: WebhookHeaders, body: unknown): unknown {
  const read = readCloudEvent(headers, body);
  return read.ok ? read.event : read.reason;
}
