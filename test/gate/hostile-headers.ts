// What is wrong with the first part of a token: its algorithm, the keys it brings along, its key id.

import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Forge, hmac, pss, rsa, unsigned } from './forge.ts';

/** A name, the value of the Authorization header, and the status where it is not 401. */
export type HostileCase = [name: string, authorization: (forge: Forge) => string | undefined, status?: 401 | 403];

const bearer = (token: string): string => `Bearer ${token}`;

const strangers = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edwards = generateKeyPairSync('ed25519');

const stranger = { kid: 'of-a-stranger', privateKey: strangers.privateKey, publicKey: strangers.publicKey };
const strangerJwk = strangers.publicKey.export({ format: 'jwk' });

const byCurve = (input: string): Buffer =>
  createSign('sha256').update(input).sign({ key: curve.privateKey, dsaEncoding: 'ieee-p1363' });

const spki = (key: KeyObject, type: 'der' | 'pem'): Buffer =>
  type === 'pem'
    ? Buffer.from(key.export({ type: 'spki', format: 'pem' }))
    : key.export({ type: 'spki', format: 'der' });

const alg = (value: unknown, signer?: (input: string) => Buffer) => (forge: Forge) =>
  bearer(forge.heading({ alg: value }, signer));

export const algorithms: readonly HostileCase[] = [
  ['none without signature', (forge) => bearer(forge.heading({ alg: 'none' }, unsigned))],
  ['none with the signature of the tenant', alg('none')],
  ['None', alg('None')],
  ['NONE without signature', (forge) => bearer(forge.heading({ alg: 'NONE' }, unsigned))],
  ['nOnE', alg('nOnE')],
  ['none and no key id', (forge) => bearer(forge.heading({ alg: 'none', kid: undefined }, unsigned))],
  ['missing', alg(undefined)],
  ['empty', alg('')],
  ['null', alg(null)],
  ['a number', alg(256)],
  ['true', alg(true)],
  ['a list that holds RS256', alg(['RS256'])],
  ['an object', alg({ name: 'RS256' })],
  ['rs256', alg('rs256')],
  ['RS256 with a space', alg('RS256 ')],
  ['RS256 with a null character', alg('RS256\u0000')],
  ['HS256 over the public key as DER', (f) => alg('HS256', hmac(spki(f.key.publicKey, 'der')))(f)],
  ['HS256 over the public key as PEM', (f) => alg('HS256', hmac(spki(f.key.publicKey, 'pem')))(f)],
  ['HS256 over the modulus', (f) => alg('HS256', hmac(f.key.publicKey.export({ format: 'jwk' }).n ?? ''))(f)],
  ['HS256 over nothing', alg('HS256', hmac(''))],
  ['HS384 over the public key', (f) => alg('HS384', hmac(spki(f.key.publicKey, 'der'), 'sha384'))(f)],
  ['HS512 over the public key', (f) => alg('HS512', hmac(spki(f.key.publicKey, 'der'), 'sha512'))(f)],
  ['RS256 named, HMAC made', (f) => alg('RS256', hmac(spki(f.key.publicKey, 'der')))(f)],
  ['RS256 named, RS384 made', (f) => alg('RS256', rsa(f.key, 'sha384'))(f)],
  ['RS256 named, PS256 made', (f) => alg('RS256', pss(f.key, 'sha256'))(f)],
  ['RS1 by the tenant', (f) => alg('RS1', rsa(f.key, 'sha1'))(f)],
  ['RS384 by the tenant', (f) => alg('RS384', rsa(f.key, 'sha384'))(f)],
  ['RS512 by the tenant', (f) => alg('RS512', rsa(f.key, 'sha512'))(f)],
  ['PS256 by the tenant', (f) => alg('PS256', pss(f.key, 'sha256'))(f)],
  ['PS384 by the tenant', (f) => alg('PS384', pss(f.key, 'sha384'))(f)],
  ['PS512 by the tenant', (f) => alg('PS512', pss(f.key, 'sha512'))(f)],
  ['ES256 by a stranger', alg('ES256', byCurve)],
  ['ES256 with a signature of zeros (CVE-2022-21449)', alg('ES256', () => Buffer.alloc(64))],
  ['RS256 with a signature of zeros', alg('RS256', () => Buffer.alloc(256))],
  ['RS256 with a signature of ones', alg('RS256', () => Buffer.alloc(256, 255))],
  ['EdDSA', alg('EdDSA')],
  ['RSA-OAEP, an algorithm for encryption', alg('RSA-OAEP')],
  ['dir', alg('dir')],
];

const byStranger = (change: Record<string, unknown>) => (forge: Forge) => bearer(forge.heading(change, rsa(stranger)));

/** All signed by a stranger, who says in the header how to believe him. */
export const headerKeys: readonly HostileCase[] = [
  ['jwk of the signer', byStranger({ jwk: strangerJwk })],
  [
    'jwk of the signer under the key id of the tenant',
    (f) => byStranger({ jwk: { ...strangerJwk, kid: f.key.kid } })(f),
  ],
  ['jwk of the signer, no key id', byStranger({ jwk: strangerJwk, kid: undefined })],
  ['jwk that is secret', (f) => bearer(f.heading({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } }, hmac('\0\0\0')))],
  ['jwk that is null', byStranger({ jwk: null })],
  ['jku of an attacker', byStranger({ jku: 'https://attacker.example/keys' })],
  ['jku of this machine', byStranger({ jku: 'http://127.0.0.1:1/keys' })],
  ['jku of the metadata service', byStranger({ jku: 'http://169.254.169.254/latest/meta-data/' })],
  ['jku of a file', byStranger({ jku: 'file:///etc/passwd' })],
  ['x5u of an attacker', byStranger({ x5u: 'https://attacker.example/chain.pem' })],
  ['x5c that is no certificate', byStranger({ x5c: ['MIIB'] })],
  [
    'x5c of the signer',
    byStranger({ x5c: [strangers.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')] }),
  ],
  ['x5t of the tenant, key id of the signer', byStranger({ kid: stranger.kid })],
  ['crit that is empty', (forge) => bearer(forge.heading({ crit: [] }))],
  ['crit that is no list', (forge) => bearer(forge.heading({ crit: 'exp' }))],
  ['crit with a number', (forge) => bearer(forge.heading({ crit: [1] }))],
  ['crit with something unknown', (forge) => bearer(forge.heading({ crit: ['must-know'], 'must-know': true }))],
  ['crit with something absent', (forge) => bearer(forge.heading({ crit: ['b64'] }))],
  ['crit with a name of the token itself', (forge) => bearer(forge.heading({ crit: ['kid'] }))],
  ['b64 false', (forge) => bearer(forge.heading({ crit: ['b64'], b64: false }))],
  ['zip', byStranger({ zip: 'DEF' })],
  ['enc', byStranger({ enc: 'A256GCM', alg: 'dir' })],
];

const kid = (value: unknown) => (forge: Forge) => bearer(forge.heading({ kid: value }));

export const keyIds: readonly HostileCase[] = [
  ['missing', kid(undefined)],
  ['null', kid(null)],
  ['empty', kid('')],
  ['a number', kid(0)],
  ['a list of the right one', (forge) => kid([forge.key.kid])(forge)],
  ['an object', kid({ toString: 'x' })],
  ['unknown', kid('00000000000000000000000000000000')],
  ['the right one in capitals', (forge) => kid(forge.key.kid.toUpperCase() + '_')(forge)],
  ['the right one with a space', (forge) => kid(`${forge.key.kid} `)(forge)],
  ['the right one with a null character', (forge) => kid(`${forge.key.kid}\u0000`)(forge)],
  ['__proto__', kid('__proto__')],
  ['constructor', kid('constructor')],
  ['toString', kid('toString')],
  ['a path', kid('../../../../dev/null')],
  ['a URL', kid('https://attacker.example/keys#1')],
  ['SQL', kid("x' UNION SELECT 'key' --")],
  ['a command', kid('|sleep 10')],
  ['lines for the log', kid('a\r\n{"level":"error","msg":"forged"}')],
  ['4,000 characters', kid('k'.repeat(4_000))],
  ['right, signed by a stranger', byStranger({})],
  ['right, signed with EC', (forge) => bearer(forge.heading({}, byCurve))],
  ['right, an Ed25519 key in jwk', byStranger({ jwk: edwards.publicKey.export({ format: 'jwk' }) })],
];
