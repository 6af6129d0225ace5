// What is wrong with the form: the header around the token, its parts, its size, its characters, keys that come twice.

import { encode, type Forge, rsa } from './forge.ts';
import type { HostileCase } from './hostile-headers.ts';

const cut = (token: string): [string, string, string] => token.split('.', 3) as [string, string, string];

/** A good token, taken apart and put together again wrongly. */
const rebuilt =
  (build: (head: string, payload: string, signature: string, forge: Forge) => string) =>
  (forge: Forge): string =>
    `Bearer ${build(...cut(forge.claiming()), forge)}`;

const sealed = (head: string | Buffer | undefined, payload: string | Buffer | undefined) => (forge: Forge) =>
  `Bearer ${forge.seal(head ?? forge.header(), payload ?? forge.claims())}`;

const flip = (part: string): string => {
  const bytes = Buffer.from(part, 'base64url');
  bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
  return bytes.toString('base64url');
};

export const structures: readonly HostileCase[] = [
  ['two parts', rebuilt((head, payload) => `${head}.${payload}`)],
  ['two parts and a dot', rebuilt((head, payload) => `${head}.${payload}.`)],
  ['four parts', rebuilt((head, payload, signature) => `${head}.${payload}.${signature}.${signature}`)],
  ['five parts, as if encrypted', rebuilt((head, payload, signature) => `${head}..${payload}.${signature}.AA`)],
  ['one part', rebuilt((head) => head)],
  ['dots alone', () => 'Bearer ..'],
  ['no header', rebuilt((_, payload, signature) => `.${payload}.${signature}`)],
  ['no payload', rebuilt((head, _, signature) => `${head}..${signature}`)],
  ['header and payload swapped', rebuilt((head, payload, signature) => `${payload}.${head}.${signature}`)],
  ['signature cut short', rebuilt((head, payload, signature) => `${head}.${payload}.${signature.slice(0, -4)}`)],
  ['signature too long', rebuilt((head, payload, signature) => `${head}.${payload}.${signature}AAAA`)],
  ['signature with one bit wrong', rebuilt((head, payload, signature) => `${head}.${payload}.${flip(signature)}`)],
  ['payload with one bit wrong', rebuilt((head, payload, signature) => `${head}.${flip(payload)}.${signature}`)],
  ['header with one bit wrong', rebuilt((head, payload, signature) => `${flip(head)}.${payload}.${signature}`)],
  [
    'signature of another token',
    rebuilt((head, payload, _, forge) => `${head}.${payload}.${cut(forge.claiming({ appid: forge.appId }))[2]}`),
  ],
  [
    'payload changed after it was signed',
    rebuilt((head, _, signature, forge) => `${head}.${encode(forge.claims({ roles: ['admin'] }))}.${signature}`),
  ],
  ['padding', rebuilt((head, payload, signature) => `${head}=.${payload}.${signature}`)],
  ['base64 with + and /', rebuilt((head, payload) => `${head}.${payload}.++//`)],
  ['a line end inside', rebuilt((head, payload, signature) => `${head}.${payload}\n.${signature}`)],
  ['header that is no JSON', sealed('{"alg":"RS256"', undefined)],
  ['header that is a list', sealed('["RS256"]', undefined)],
  ['header that is null', sealed('null', undefined)],
  ['header that is a text', sealed('"RS256"', undefined)],
  ['payload that is no JSON', sealed(undefined, 'not json')],
  ['payload that is a list', sealed(undefined, '[]')],
  ['payload that is null', sealed(undefined, 'null')],
  ['payload that is a number', sealed(undefined, '1')],
  ['payload that is empty JSON', sealed(undefined, '{}')],
  ['payload that is a token itself', (forge) => `Bearer ${forge.seal(forge.header({ cty: 'JWT' }), forge.claiming())}`],
  ['the JSON form of a token', (forge) => `Bearer ${encode({ payload: encode(forge.claims()), signatures: [] })}`],
];

const carried = (write: (token: string) => string | undefined) => (forge: Forge) => write(forge.claiming());

export const schemes: readonly HostileCase[] = [
  ['no header', carried(() => undefined)],
  ['an empty header', carried(() => '')],
  ['Bearer alone', carried(() => 'Bearer')],
  ['Bearer and a space', carried(() => 'Bearer ')],
  ['the token alone', carried((token) => token)],
  ['Basic', carried((token) => `Basic ${token}`)],
  ['Basic with the token as password', carried((token) => `Basic ${Buffer.from(`:${token}`).toString('base64')}`)],
  ['Digest', carried((token) => `Digest ${token}`)],
  ['DPoP', carried((token) => `DPoP ${token}`)],
  ['Token', carried((token) => `Token ${token}`)],
  ['BearerX', carried((token) => `BearerX ${token}`)],
  ['Bearer twice', carried((token) => `Bearer Bearer ${token}`)],
  ['two spaces', carried((token) => `Bearer  ${token}`)],
  ['a tab', carried((token) => `Bearer\t${token}`)],
  ['a colon', carried((token) => `Bearer: ${token}`)],
  ['an equals sign', carried((token) => `Bearer token=${token}`)],
  ['quotes', carried((token) => `Bearer "${token}"`)],
  ['two tokens', carried((token) => `Bearer ${token} ${token}`)],
  ['two tokens with a comma', carried((token) => `Bearer ${token}, Bearer ${token}`)],
  ['the token and a comma', carried((token) => `Bearer ${token},`)],
  ['the words undefined and null', carried(() => 'Bearer undefined.null.null')],
];

export const sizes: readonly HostileCase[] = [
  ['one character', () => 'Bearer x'],
  ['one character each', () => 'Bearer a.b.c'],
  ['12,000 characters of rubbish', () => `Bearer ${'a'.repeat(12_000)}`],
  ['12,000 dots', () => `Bearer ${'.'.repeat(12_000)}`],
  ['5,000 times a part', () => `Bearer ${'ab.'.repeat(4_000)}c`],
  ['12,000 spaces', () => `Bearer ${' '.repeat(12_000)}a.b.c`],
  ['a good token of one character too many', (forge) => ofLength(forge, 16_385)],
  ['a good token of 100 kB', (forge) => ofLength(forge, 100_000)],
  ['a good token of 1 MB', (forge) => ofLength(forge, 1_000_000)],
  [
    'a long claim in a token of a stranger',
    (forge) => `Bearer ${forge.claiming({ aud: 'x', pad: 'p'.repeat(8_000) })}`,
  ],
  ['4,000 lists inside each other', (forge) => `Bearer ${forge.seal(forge.header(), nest('[', ']', 4_000))}`],
  ['lists inside each other in the header', (f) => `Bearer ${f.seal(nest('[', ']', 4_000), f.claims())}`],
  ['a deep claim', (f) => `Bearer ${f.seal(f.header(), `{"aud":${nest('[', ']', 4_000)}}`)}`],
  ['1,000 claims', (f) => `Bearer ${f.seal(f.header(), Object.fromEntries(Array.from({ length: 1_000 }, count)))}`],
];

const count = (_: unknown, index: number): [string, number] => [`c${index}`, index];
const nest = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

function ofLength(forge: Forge, length: number): string {
  const pad = Math.ceil(((length - forge.claiming({ pad: '' }).length) * 3) / 4);
  return `Bearer ${forge.claiming({ pad: 'p'.repeat(pad) })}`;
}

export const unicodes: readonly HostileCase[] = [
  ['a token in full-width letters', () => 'Bearer \uff41.\uff42.\uff43'],
  ['a dot that looks like one', rebuilt((head, payload, signature) => `${head}\u2024${payload}\u2024${signature}`)],
  ['Bearer in Cyrillic', carried((token) => `B\u0435arer ${token}`)],
  ['a zero-width space before the token', carried((token) => `Bearer \u200b${token}`)],
  ['a byte order mark before it', carried((token) => `\ufeffBearer ${token}`)],
  ['a null character inside', rebuilt((head, payload, signature) => `${head}.${payload}\u0000.${signature}`)],
  ['a no-break space after Bearer', carried((token) => `Bearer\u00a0${token}`)],
  ['header in UTF-16', (f) => `Bearer ${f.seal(Buffer.from(JSON.stringify(f.header()), 'utf16le'), f.claims())}`],
  ['payload in UTF-16', (f) => `Bearer ${f.seal(f.header(), Buffer.from(JSON.stringify(f.claims()), 'utf16le'))}`],
  ['bytes that are no UTF-8 in the header', sealed(Buffer.from([0xff, 0xfe, 0x7b, 0x7d]), undefined)],
  ['bytes that are no UTF-8 in the payload', sealed(undefined, Buffer.from([0xc0, 0x80, 0xf8]))],
  ['audience with a lone surrogate', (f) => `Bearer ${f.claiming({ aud: `${f.appId}\ud800` })}`],
  ['audience with a zero-width space', (f) => `Bearer ${f.claiming({ aud: `${f.appId}\u200b` })}`],
  ['caller with a right-to-left mark', (f) => `Bearer ${f.claiming({ appid: `\u202e${f.caller}` })}`],
  [
    'tenant in full-width digits',
    (f) => `Bearer ${f.claiming({ tid: f.tenantId.replace(/\d/, '\uff11') + '\uff11' })}`,
  ],
  ['long s in an issuer', (f) => `Bearer ${f.claiming({ iss: `http\u017f://sts.windows.net/${f.tenantId}/` })}`],
  ['Kelvin sign in the key id', (f) => `Bearer ${f.heading({ kid: `${f.key.kid}\u212a` })}`],
];

/** JSON text in which this member comes again after all others: every parser of JavaScript takes the last. */
const again = (part: Record<string, unknown>, member: string): string =>
  JSON.stringify(part).replace(/\}$/, `,${member}}`);

const claimAgain = (member: string) => (forge: Forge) =>
  `Bearer ${forge.seal(forge.header(), again(forge.claims(), member))}`;
const headAgain = (member: string) => (forge: Forge) =>
  `Bearer ${forge.seal(again(forge.header(), member), forge.claims())}`;

export const duplicates: readonly HostileCase[] = [
  ['alg, the second none', headAgain('"alg":"none"')],
  ['alg, the second HS256', headAgain('"alg":"HS256"')],
  ['alg, the second with an escape', headAgain('"\\u0061lg":"none"')],
  ['alg, the first none, by a stranger', (f) => byStranger(f, `{"alg":"none",${JSON.stringify(f.header()).slice(1)}`)],
  ['kid, the second unknown', headAgain('"kid":"unknown"')],
  ['kid, the first the right one', headAgain('"kid":null')],
  ['aud, the second another app', claimAgain('"aud":"https://api.botframework.com"')],
  ['aud, the second with an escape', claimAgain('"\\u0061ud":"x"')],
  ['iss, the second another tenant', claimAgain('"iss":"https://sts.windows.net/x/"')],
  ['tid, the second another tenant', claimAgain('"tid":"99999999-9999-4999-8999-999999999999"')],
  ['appid, the second a stranger', claimAgain('"appid":"99999999-9999-4999-8999-999999999999"'), 403],
  ['exp, the second past', claimAgain('"exp":1')],
  ['nbf, the second far away', claimAgain('"nbf":99999999999')],
  ['ver, the second unknown', claimAgain('"ver":"9"')],
  ['__proto__ that brings the audience', (f) => protoInstead(f, 'aud')],
  ['__proto__ that brings the caller', (f) => protoInstead(f, 'appid')],
  ['__proto__ that brings the expiry', (f) => protoInstead(f, 'exp')],
];

function byStranger(forge: Forge, header: string): string {
  return `Bearer ${forge.seal(header, forge.claims(), (input) => rsa(forge.key)(`${input}x`))}`;
}

function protoInstead(forge: Forge, claim: string): string {
  const { [claim]: value, ...others } = forge.claims();
  return `Bearer ${forge.seal(forge.header(), again(others, `"__proto__":${JSON.stringify({ [claim]: value })}`))}`;
}
