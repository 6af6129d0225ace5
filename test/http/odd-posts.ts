// T6, the bodies: encodings, media types, bytes and framings of a POST whose credential and content are good.

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

type OddPost = readonly [
  name: string,
  /** 0: no answer, the connection is just closed; 200: taken, as the good one is. */
  status: number,
  headers: readonly string[],
  body: Uint8Array | string,
];

const json = 'Content-Type: application/json';
const chunkedJson = [json, 'Transfer-Encoding: chunked'];

/** The table for a route that takes `good`, a JSON object with a `ä` in it, and at most `maxBytes`. */
export function oddPosts(good: string, maxBytes: number): OddPost[] {
  return [
    ...encodings(good),
    ...mediaTypes(good),
    ...charsets(good),
    ...chunks(good, maxBytes),
    ...lengths(good, maxBytes),
  ];
}

function encodings(good: string): OddPost[] {
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20), { level: 9 });
  const cases: [name: string, status: number, encodings: string[], body: Uint8Array | string][] = [
    ['gzip', 415, ['gzip'], gzipSync(good)],
    ['junk called gzip', 415, ['gzip'], 'not gzip at all'],
    ['a gzip bomb of 50 MB', 415, ['gzip'], bomb],
    ['gzip cut off', 415, ['gzip'], gzipSync(good).subarray(0, 20)],
    ['x-gzip', 415, ['x-gzip'], gzipSync(good)],
    ['deflate', 415, ['deflate'], deflateSync(good)],
    ['junk called deflate', 415, ['deflate'], 'x'],
    ['br', 415, ['br'], brotliCompressSync(good)],
    ['zstd', 415, ['zstd'], Buffer.from('28b52ffd2000010000', 'hex')],
    ['compress', 415, ['compress'], 'x'],
    ['gzip twice', 415, ['gzip, gzip'], gzipSync(gzipSync(good))],
    ['identity, gzip', 415, ['identity, gzip'], gzipSync(good)],
    ['GZIP', 415, ['GZIP'], gzipSync(good)],
    ['garbage', 415, ['\u{ff}\u{fe}'], good],
    ['an empty value', 415, [''], good],
    ['identity and gzip in two lines', 415, ['identity', 'gzip'], gzipSync(good)],
    ['identity', 200, ['identity'], good],
    ['Identity', 200, ['Identity'], good],
  ];
  return cases.map(([name, status, values, body]) => {
    const headers = values.map((value) => `Content-Encoding: ${value}`);
    return [`Content-Encoding ${name}`, status, [json, ...headers, lengthOf(body)], body];
  });
}

function mediaTypes(good: string): OddPost[] {
  const part = 'Content-Disposition: form-data; name="f"; filename="f.bin"\r\nContent-Type: application/octet-stream';
  const upload = `--x\r\n${part}\r\n\r\n${'A'.repeat(900_000)}\r\n--x--\r\n`;
  const cases: [name: string, status: number, types: string[], body: string][] = [
    ['no type', 415, [], good],
    ['an empty type', 415, [''], good],
    ['an upload of 900 KB', 415, ['multipart/form-data; boundary=x'], upload],
    ['multipart without boundary', 415, ['multipart/form-data'], upload.slice(0, 500)],
    ['a form', 415, ['application/x-www-form-urlencoded'], 'subject=s&text=t'],
    ['text/plain', 415, ['text/plain'], good],
    ['text/json', 415, ['text/json'], good],
    ['application/jsonp', 415, ['application/jsonp'], good],
    ['application/problem+json', 415, ['application/problem+json'], good],
    ['application/octet-stream', 415, ['application/octet-stream'], good],
    ['application/json in two lines', 415, ['application/json', 'application/json'], good],
    ['application/json, then text/plain', 415, ['application/json', 'text/plain'], good],
    ['a list', 415, ['application/json, text/plain'], good],
    ['charset=utf-16', 415, ['application/json; charset=utf-16'], good],
    ['charset=iso-8859-1', 415, ['application/json; charset=iso-8859-1'], good],
    ['charset=utf-7', 415, ['application/json; charset=utf-7'], good],
    ['two charsets', 415, ['application/json; charset=utf-8; charset=utf-16'], good],
    ['charset=utf-8', 200, ['application/json;charset=utf-8'], good],
    ['quotes and capitals', 200, ['Application/JSON; Charset="UTF-8"'], good],
  ];
  return cases.map(([name, status, types, body]) => {
    return [name, status, [...types.map((type) => `Content-Type: ${type}`), lengthOf(body)], body];
  });
}

function charsets(good: string): OddPost[] {
  const utf16 = Buffer.from(good, 'utf16le');
  const utf16be = Buffer.from(utf16).swap16();
  const broken = (bytes: readonly number[]): Uint8Array => {
    const [before = '', after = ''] = good.split('ä');
    return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
  };
  const cases: [string, Uint8Array][] = [
    ['UTF-16 LE', utf16],
    ['UTF-16 BE', utf16be],
    ['UTF-16 LE with a byte order mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])],
    ['UTF-16 BE with a byte order mark', Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be])],
    ['UTF-8 with a byte order mark', Buffer.from(`\u{feff}${good}`)],
    ['Latin-1', Buffer.from(good, 'latin1')],
    ['an overlong slash', broken([0xc0, 0xaf])],
    ['a surrogate as UTF-8 (CESU-8)', broken([0xed, 0xa0, 0x80])],
    ['a character beyond Unicode', broken([0xf4, 0x90, 0x80, 0x80])],
    ['a character cut off', broken([0xc3])],
    ['a NUL in a text', broken([0x00])],
  ];
  return cases.map(([name, body]) => [`the bytes of ${name}`, 400, [json, lengthOf(body)], body]);
}

function chunks(good: string, maxBytes: number): OddPost[] {
  const whole = chunk(good);
  return [
    ['chunks', 200, chunkedJson, `${whole}0\r\n\r\n`],
    ['Transfer-Encoding: Chunked', 200, [json, 'Transfer-Encoding: Chunked'], `${whole}0\r\n\r\n`],
    ['many small chunks', 200, chunkedJson, `${good.split('').map(chunk).join('')}0\r\n\r\n`],
    ['chunks with an extension', 200, chunkedJson, `${whole.replace('\r\n', ';a=b\r\n')}0;c="d"\r\n\r\n`],
    ['chunks with trailers', 200, chunkedJson, `${whole}0\r\nContent-Encoding: gzip\r\nX-API-Key: other\r\n\r\n`],
    ['an extension of 20 KB', 413, chunkedJson, `${whole.replace('\r\n', `;a=${'b'.repeat(20_000)}\r\n`)}0\r\n\r\n`],
    ['a chunk size that is none', 400, chunkedJson, `zz\r\n${good}\r\n0\r\n\r\n`],
    ['a negative chunk size', 400, chunkedJson, `-2\r\n${good}\r\n0\r\n\r\n`],
    ['a chunk size with 0x', 400, chunkedJson, `0x2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk size beyond 64 bits', 400, chunkedJson, `fffffffffffffffff\r\n${good}`],
    ['a chunk longer than its size', 400, chunkedJson, `2\r\n${good}\r\n0\r\n\r\n`],
    ['chunks beyond the limit, without an end', 413, chunkedJson, chunk(' '.repeat(maxBytes + 1))],
    ['gzip, chunked', 415, [json, 'Transfer-Encoding: gzip, chunked'], `${whole}0\r\n\r\n`],
    [
      'gzip and chunked in two lines',
      415,
      [json, 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'],
      `${whole}0\r\n\r\n`,
    ],
    ['chunked, gzip', 400, [json, 'Transfer-Encoding: chunked, gzip'], `${whole}0\r\n\r\n`],
    ['Transfer-Encoding: gzip', 415, [json, 'Transfer-Encoding: gzip'], gzipSync(good)],
    ['a coding that nobody knows', 415, [json, 'Transfer-Encoding: xchunked'], `${whole}0\r\n\r\n`],
    ['a length and chunks', 400, [...chunkedJson, lengthOf(good)], `${whole}0\r\n\r\n`],
    ['chunks and a length', 400, [json, 'Content-Length: 4', 'Transfer-Encoding: chunked'], `${whole}0\r\n\r\n`],
  ];
}

function lengths(good: string, maxBytes: number): OddPost[] {
  const tooLong = good.padEnd(maxBytes + 1);
  const cases: [name: string, status: number, values: string[], body: string, others?: string[]][] = [
    ['two lengths that are the same', 400, [String(byteLength(good)), String(byteLength(good))], good],
    ['two lengths', 400, ['2', String(byteLength(good))], good],
    ['a list of lengths', 400, ['2, 2'], '{}'],
    ['a negative length', 400, ['-1'], good],
    ['a length with a plus', 400, ['+2'], '{}'],
    ['a length in hex', 400, ['0x10'], good],
    ['a length with an exponent', 400, ['1e2'], good],
    ['a length beyond 64 bits', 400, ['99999999999999999999999'], good],
    ['a length that is a word', 400, ['many'], good],
    ['a length far beyond the limit', 413, ['99999999999'], good],
    ['one byte too many', 413, [String(maxBytes + 1)], tooLong],
    [
      'as many bytes as there may be',
      200,
      [String(maxBytes)],
      good.padEnd(maxBytes - (byteLength(good) - good.length)),
    ],
    ['no length and no body', 400, [], ''],
    ['the length 0', 400, ['0'], ''],
    ['a body beyond its length', 400, ['2'], good],
    ['Expect: 100-continue', 200, [String(byteLength(good))], good, ['Expect: 100-continue']],
    ['Expect: 100-continue, too large', 413, [String(maxBytes + 1)], tooLong, ['Expect: 100-continue']],
    ['another expectation', 417, [String(byteLength(good))], good, ['Expect: wonders']],
    [
      'HTTP2-Settings and Upgrade: h2c',
      200,
      [String(byteLength(good))],
      good,
      ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
    ],
    ['Upgrade: websocket', 200, [String(byteLength(good))], good, ['Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
  ];
  return cases.map(([name, status, values, body, others = []]) => {
    return [name, status, [json, ...others, ...values.map((value) => `Content-Length: ${value}`)], body];
  });
}

const byteLength = (body: Uint8Array | string): number => Buffer.byteLength(body);
const lengthOf = (body: Uint8Array | string): string => `Content-Length: ${byteLength(body)}`;
const chunk = (text: string): string => `${byteLength(text).toString(16)}\r\n${text}\r\n`;
