// CloudEvents 1.0 over HTTP: an event in either mode, and the handshakes by which a source asks whether it may send.

import { hasHeader, readHeaders, refuse, type WebhookHeaders, type WebhookRefusal } from './webhook-headers.ts';

/** `source` and `id` together name an event (CloudEvents 1.0, "REQUIRED Attributes"). */
type CloudEvent = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly data?: unknown;
};

type CloudEventRead = { readonly ok: true; readonly event: CloudEvent } | WebhookRefusal;
type Attributes = Readonly<Record<string, unknown>>;
type AttributesRead = { readonly ok: true; readonly attributes: Attributes } | WebhookRefusal;
type Handshake = { readonly ok: true; readonly headers: Readonly<Record<string, string>> } | WebhookRefusal;

const longestAttribute = 2_048;
const dnsName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/**
 * Reads one event. `body` is the parsed JSON, undefined where the request has none. Structured mode is
 * `application/cloudevents+json` (CloudEvents JSON format 1.0), binary mode has the attributes in `ce-` headers
 * (CloudEvents HTTP protocol binding 1.0, section 3). Data that is not JSON, and batches, are refused.
 */
export function readCloudEvent(headers: WebhookHeaders, body: unknown): CloudEventRead {
  const contentType = hasHeader(headers, 'content-type')
    ? readHeaders(headers, { value: 'content-type' })
    : { ok: true as const, values: { value: '' } };
  if (!contentType.ok) return contentType;
  const [mediaType = '', ...parameters] = contentType.values.value.toLowerCase().split(';');
  if (!parameters.every(isUtf8)) return refuse('the charset is not utf-8');
  const media = mediaType.trim();
  if (media.startsWith('application/cloudevents-batch')) return refuse('a batch of events is not supported');
  if (media === 'application/cloudevents+json') return readStructured(body);
  if (media.startsWith('application/cloudevents')) return refuse('only the JSON format of events is supported');
  return readBinary(headers, body, media);
}

/**
 * Answers the OPTIONS request with which a source asks for consent (CloudEvents HTTP 1.1 Web Hooks, section 4): the
 * response headers that give it, or why it is not given. `perMinute` is the most requests that are allowed; any number
 * without it. `WebHook-Request-Callback` is never called: it is an address that a stranger chose.
 */
export function answerHandshake(headers: WebhookHeaders, perMinute?: number): Handshake {
  const origin = readHeaders(headers, { value: 'webhook-request-origin' });
  if (!origin.ok) return origin;
  if (!dnsName.test(origin.values.value)) return refuse('webhook-request-origin is not a DNS name');
  let rate = perMinute;
  if (hasHeader(headers, 'webhook-request-rate')) {
    const wanted = readHeaders(headers, { value: 'webhook-request-rate' });
    if (!wanted.ok) return wanted;
    if (!/^[1-9]\d{0,8}$/.test(wanted.values.value)) return refuse('webhook-request-rate is malformed');
    rate = Math.min(Number(wanted.values.value), perMinute ?? Infinity);
  }
  return {
    ok: true,
    headers: {
      Allow: 'POST, OPTIONS',
      'WebHook-Allowed-Origin': origin.values.value,
      'WebHook-Allowed-Rate': rate === undefined ? '*' : String(rate),
    },
  };
}

function readStructured(body: unknown): CloudEventRead {
  const attributes = ownEntries(body);
  if (attributes === undefined) return refuse('the event is not a JSON object');
  if (Object.hasOwn(attributes, 'data_base64')) return refuse('data_base64 is not supported');
  const hasData = Object.hasOwn(attributes, 'data');
  return readAttributes(attributes, hasData ? { data: attributes['data'] } : {});
}

function readBinary(headers: WebhookHeaders, body: unknown, media: string): CloudEventRead {
  const read = readHeaderAttributes(headers);
  if (!read.ok) return read;
  if (Object.keys(read.attributes).length === 0) return refuse('it is not a CloudEvent');
  // Section 3.1.1: it is the Content-Type here.
  if (Object.hasOwn(read.attributes, 'datacontenttype')) return refuse('ce-datacontenttype is not allowed');
  if (body === undefined) return readAttributes(read.attributes, {});
  if (!/^[^/\s]+\/(?:[^/\s]+\+)?json$/.test(media)) return refuse('the data is not JSON');
  return readAttributes(read.attributes, { data: body });
}

function readHeaderAttributes(headers: WebhookHeaders): AttributesRead {
  const attributes: [string, string][] = [];
  for (const name of Object.keys(headers).filter((header) => /^ce-[a-z0-9]+$/.test(header))) {
    const read = readHeaders(headers, { value: name });
    if (!read.ok) return read;
    const value = decodeHeader(read.values.value);
    if (value === undefined) return refuse(`${name} is malformed`);
    attributes.push([name.slice('ce-'.length), value]);
  }
  return { ok: true, attributes: ownEntries(Object.fromEntries(attributes)) ?? {} };
}

/** Section 3.1.3.2: quoted strings first, then one round of percent-decoding; undefined for what is not UTF-8. */
function decodeHeader(value: string): string | undefined {
  if (!/^[\x20-\x7e]*$/.test(value)) return undefined;
  const unquoted = value.replace(/"((?:[^"\\]|\\.)*)"/g, (_all, inner: string) => inner.replace(/\\(.)/g, '$1'));
  try {
    return decodeURIComponent(unquoted);
  } catch {
    return undefined;
  }
}

function readAttributes(attributes: Attributes, data: { readonly data?: unknown }): CloudEventRead {
  const { specversion, id, source, type } = attributes;
  // null is the same as not there (JSON format, section 2.2).
  const subject = attributes['subject'] ?? undefined;
  if (specversion !== '1.0') return refuse('specversion is not 1.0');
  if (!isAttribute(id)) return refuse('id is missing or malformed');
  if (!isAttribute(source)) return refuse('source is missing or malformed');
  if (!isAttribute(type)) return refuse('type is missing or malformed');
  if (subject === undefined) return { ok: true, event: { id, source, type, ...data } };
  if (!isAttribute(subject)) return refuse('subject is malformed');
  return { ok: true, event: { id, source, type, subject, ...data } };
}

/** A text as in CloudEvents 1.0, "Type System": no control character, no half of a surrogate pair. */
function isAttribute(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestAttribute && /^[^\p{Cc}\p{Cs}]+$/u.test(value);
}

function isUtf8(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=');
  return name.trim() !== 'charset' || /^"?utf-8"?$/.test(value.trim());
}

/** The own entries of a JSON object, on no prototype: what is not there is undefined, whatever its name. */
function ownEntries(value: unknown): Attributes | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.assign(Object.create(null) as Record<string, unknown>, value);
}
