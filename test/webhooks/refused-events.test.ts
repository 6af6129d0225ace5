import { assert, dictionary, jsonValue, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCloudEvent } from '../../src/webhooks/cloud-events.ts';
import type { WebhookHeaders } from '../../src/webhooks/webhook-headers.ts';
import { binary, example, outcomeOf, structured } from './events.ts';

describe('what is no event is refused', () => {
  it.each([
    [
      'a batch',
      { 'content-type': ['application/cloudevents-batch+json; charset=UTF-8'] },
      [example],
      'a batch of events is not supported',
    ],
    [
      'a batch of one',
      { 'content-type': ['application/CloudEvents-Batch+json'] },
      [example],
      'a batch of events is not supported',
    ],
    [
      'a batch in another format',
      { 'content-type': ['application/cloudevents-batch+avro'] },
      {},
      'a batch of events is not supported',
    ],
    [
      'a batch with headers',
      { ...binary, 'content-type': ['application/cloudevents-batch+json'] },
      [],
      'a batch of events is not supported',
    ],
    ['a list as structured', structured, [example], 'the event is not a JSON object'],
    ['null', structured, null, 'the event is not a JSON object'],
    ['nothing', structured, undefined, 'the event is not a JSON object'],
    ['a text', structured, 'x', 'the event is not a JSON object'],
    [
      'Avro',
      { ...binary, 'content-type': ['application/cloudevents+avro'] },
      {},
      'only the JSON format of events is supported',
    ],
    [
      'no format',
      { ...binary, 'content-type': ['application/cloudevents'] },
      {},
      'only the JSON format of events is supported',
    ],
    [
      'Latin-1',
      { 'content-type': ['application/cloudevents+json; charset=iso-8859-1'] },
      example,
      'the charset is not utf-8',
    ],
    [
      'Latin-1 in binary mode',
      { ...binary, 'content-type': ['application/json; charset=latin1'] },
      {},
      'the charset is not utf-8',
    ],
    [
      'two content types',
      { ...binary, 'content-type': ['application/json', 'text/plain'] },
      {},
      'content-type was sent more than once',
    ],
    ['binary data', structured, { ...example, data_base64: 'eyAieHl6IjogMTIzIH0=' }, 'data_base64 is not supported'],
    ['XML in binary mode', { ...binary, 'content-type': ['application/xml'] }, {}, 'the data is not JSON'],
    ['no content type in binary mode', { ...binary, 'content-type': undefined }, {}, 'the data is not JSON'],
    ['a type that only ends so', { ...binary, 'content-type': ['application/notjson'] }, {}, 'the data is not JSON'],
    [
      'two content types in headers',
      { ...binary, 'ce-datacontenttype': ['text/xml'] },
      {},
      'ce-datacontenttype is not allowed',
    ],
    ['any JSON', { 'content-type': ['application/json'] }, example, 'it is not a CloudEvent'],
    ['no header', {}, example, 'it is not a CloudEvent'],
  ])('%s', (_name, headers, body, reason) => {
    expect(outcomeOf(headers as WebhookHeaders, body)).toBe(reason);
  });

  it('whatever is sent, nothing is thrown and nothing but the five fields comes out', () => {
    const fields = ['id', 'source', 'type', 'subject', 'data'];
    assert(
      property(jsonValue(), dictionary(string(), jsonValue()), string(), (body, extra, value) => {
        const headers = { ...binary, 'ce-subject': [value] };
        for (const read of [
          readCloudEvent(structured, body),
          readCloudEvent(structured, { ...example, ...extra }),
          readCloudEvent(headers, body),
        ]) {
          expect(read.ok ? Object.keys(read.event).filter((key) => !fields.includes(key)) : []).toEqual([]);
        }
      }),
      { seed: 19 },
    );
  });
});
