// Tokens that the tenant itself has signed, and that are yet not for us: issuer, audience, tenant, caller, times, types.

import { botFrameworkTenantId } from '../../standin/tokens.ts';
import type { Forge } from './forge.ts';
import type { HostileCase } from './hostile-headers.ts';

export const stranger = '99999999-9999-4999-8999-999999999999';
export const microsoftTenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';

type Change = Record<string, unknown> | ((forge: Forge) => Record<string, unknown>);

const resolve = (change: Change, forge: Forge): Record<string, unknown> =>
  typeof change === 'function' ? change(forge) : change;
const v1 = (change: Change) => (forge: Forge) => `Bearer ${forge.claiming(resolve(change, forge))}`;
const v2 = (change: Change) => (forge: Forge) => `Bearer ${forge.claiming(resolve(change, forge), '2.0')}`;

const sts = 'https://sts.windows.net';
const login = 'https://login.microsoftonline.com';

export const issuers: readonly HostileCase[] = [
  ['missing', v1({ iss: undefined })],
  ['null', v1({ iss: null })],
  ['empty', v1({ iss: '' })],
  ['a list with the right one', v1((f) => ({ iss: [`${sts}/${f.tenantId}/`] }))],
  ['v1 without the slash at its end', v1((f) => ({ iss: `${sts}/${f.tenantId}` }))],
  ['v1 with two slashes', v1((f) => ({ iss: `${sts}//${f.tenantId}/` }))],
  ['v1 over http', v1((f) => ({ iss: `http://sts.windows.net/${f.tenantId}/` }))],
  ['v1 in capitals', v1((f) => ({ iss: `${sts.toUpperCase()}/${f.tenantId}/` }))],
  ['v1 with its tenant in capitals', v1((f) => ({ iss: `${sts}/${f.tenantId.toUpperCase()}_/` }))],
  ['v1 on a longer host', v1((f) => ({ iss: `${sts}.attacker.example/${f.tenantId}/` }))],
  ['v1 behind a user name', v1((f) => ({ iss: `https://sts.windows.net@attacker.example/${f.tenantId}/` }))],
  ['v1 with a port', v1((f) => ({ iss: `${sts}:443/${f.tenantId}/` }))],
  ['v1 with a query', v1((f) => ({ iss: `${sts}/${f.tenantId}/?` }))],
  ['v1 with a space before it', v1((f) => ({ iss: ` ${sts}/${f.tenantId}/` }))],
  ['v2 with a slash at its end', v2((f) => ({ iss: `${login}/${f.tenantId}/v2.0/` }))],
  ['v2 of common', v2({ iss: `${login}/common/v2.0` })],
  ['v2 of organizations', v2({ iss: `${login}/organizations/v2.0` })],
  ['v2 with the place holder', v2({ iss: `${login}/{tenantid}/v2.0` })],
  ['of another tenant over our tid', v1({ iss: `${sts}/${stranger}/` })],
  ['of the Bot Framework', v1({ iss: 'https://api.botframework.com' })],
  ['of the government cloud', v2((f) => ({ iss: `https://login.microsoftonline.us/${f.tenantId}/v2.0` }))],
  ['of B2C', v2((f) => ({ iss: `https://contoso.b2clogin.com/${f.tenantId}/v2.0/` }))],
];

export const audiences: readonly HostileCase[] = [
  ['missing', v1({ aud: undefined })],
  ['null', v1({ aud: null })],
  ['empty', v1({ aud: '' })],
  ['an empty list', v1({ aud: [] })],
  ['a list with ours and another', v1((f) => ({ aud: [f.appId, stranger] }))],
  ['another app', v1({ aud: stranger })],
  ['the caller itself', v1((f) => ({ aud: f.caller }))],
  ['the Bot Framework', v1({ aud: 'https://api.botframework.com' })],
  ['the government Bot Framework', v1({ aud: 'https://api.botframework.us' })],
  ['Graph', v1({ aud: 'https://graph.microsoft.com' })],
  ['ours as a URI', v1((f) => ({ aud: `api://${f.appId}` }))],
  ['ours with a space', v1((f) => ({ aud: `${f.appId} ` }))],
  ['ours in braces', v1((f) => ({ aud: `{${f.appId}}` }))],
  ['ours as a key', v1((f) => ({ aud: { [f.appId]: true } }))],
  ['a prefix of ours', v1((f) => ({ aud: f.appId.slice(0, -1) }))],
  ['true', v1({ aud: true })],
];

export const tenants: readonly HostileCase[] = [
  ['missing', v1({ tid: undefined })],
  ['null', v1({ tid: null })],
  ['empty', v1({ tid: '' })],
  ['another tenant', v1({ tid: stranger, iss: `${sts}/${stranger}/` })],
  ['another tenant over our issuer', v1({ tid: stranger })],
  ['another tenant, v2', v2({ tid: stranger, iss: `${login}/${stranger}/v2.0` })],
  ['Microsoft', v1({ tid: microsoftTenant, iss: `${sts}/${microsoftTenant}/` })],
  ['the Bot Framework', v1({ tid: botFrameworkTenantId, iss: `${sts}/${botFrameworkTenantId}/` })],
  ['common', v1({ tid: 'common', iss: `${sts}/common/` })],
  ['a domain', v1({ tid: 'contoso.com', iss: `${sts}/contoso.com/` })],
  ['a star', v1({ tid: '*' })],
  ['a list', v1((f) => ({ tid: [f.tenantId] }))],
  ['ours with a line end', v1((f) => ({ tid: `${f.tenantId}\n` }))],
  ['ours in braces', v1((f) => ({ tid: `{${f.tenantId}}` }))],
  ['4,000 characters', v1({ tid: 't'.repeat(4_000) })],
];

export const callers: readonly HostileCase[] = [
  ['version missing', v1({ ver: undefined })],
  ['version null', v1({ ver: null })],
  ['version as a number', v1({ ver: 1 })],
  ['version 1', v1({ ver: '1' })],
  ['version 3.0', v1({ ver: '3.0' })],
  ['version 3.0 with azp', v2({ ver: '3.0' })],
  ['version empty with azp', v2({ ver: '' })],
  ['version 2.0 with appid alone', v1({ ver: '2.0' })],
  ['version 1.0 with azp alone', v2({ ver: '1.0' })],
  ['no caller, v1', v1({ appid: undefined })],
  ['no caller, v2', v2({ azp: undefined })],
  ['caller null', v1({ appid: null })],
  ['caller empty', v1({ appid: '' })],
  ['caller a star', v1({ appid: '*' })],
  ['caller a list', v1((f) => ({ appid: [f.caller] }))],
  ['caller with a space', v1((f) => ({ appid: ` ${f.caller}` }))],
  ['caller in Cyrillic digits and letters', v1((f) => ({ appid: f.caller.replace(/[ace]/, '\u0430') + '\u0430' }))],
  ['appid and azp differ', v1({ azp: stranger })],
  ['azp and appid differ, v2', v2({ appid: stranger })],
  ['appid allowed, azp no GUID', v1({ azp: 'x' })],
  ['ourselves', v1((f) => ({ appid: f.appId }))],
  ['ourselves, v2', v2((f) => ({ azp: f.appId }))],
  ['ourselves in capitals', v1((f) => ({ appid: f.appId.toUpperCase() }))],
  ['a stranger', v1({ appid: stranger }), 403],
  ['a stranger, v2', v2({ azp: stranger }), 403],
  ['a stranger who names the agent in sub', v1((f) => ({ appid: stranger, sub: f.caller })), 403],
  ['a stranger who names the agent as his app', v1((f) => ({ appid: stranger, app_displayname: f.caller })), 403],
  ['the null GUID', v1({ appid: '00000000-0000-0000-0000-000000000000' }), 403],
  ['a user of the agent', v1({ scp: 'user_impersonation' })],
  ['a user with an empty scope', v1({ scp: '' })],
  ['a user with scope null', v1({ scp: null })],
];

export const times: readonly HostileCase[] = [
  ['no exp', v1({ exp: undefined })],
  ['no nbf', v1({ nbf: undefined })],
  ['neither', v1({ exp: undefined, nbf: undefined })],
  ['expired 61 s ago', v1((f) => ({ exp: f.seconds(-61), nbf: f.seconds(-3_661) }))],
  ['expired an hour ago', v1((f) => ({ exp: f.seconds(-3_600), nbf: f.seconds(-7_200) }))],
  ['expired in 1970', v1({ exp: 1, nbf: 0 })],
  ['valid in 2 minutes', v1((f) => ({ nbf: f.seconds(120) }))],
  ['valid in a year', v1((f) => ({ nbf: f.seconds(31_536_000), exp: f.seconds(31_539_600) }))],
  ['exp before nbf', v1((f) => ({ nbf: f.seconds(-3_600), exp: f.seconds(-7_200) }))],
  ['lives for 24 h 10 min 1 s', v1((f) => ({ nbf: f.seconds(0), exp: f.seconds(87_001) }))],
  ['lives for a year', v1((f) => ({ exp: f.seconds(31_536_000) }))],
  ['exp in milliseconds', v1((f) => ({ exp: f.seconds(3_600) * 1_000 }))],
  ['exp beyond all dates', v1({ exp: 1e300 })],
  ['exp as the largest integer', v1({ exp: Number.MAX_SAFE_INTEGER })],
  ['exp negative', v1({ exp: -1 })],
  ['nbf negative', v1({ nbf: -1 })],
  ['nbf negative beyond all dates', v1({ nbf: -1e300 })],
];

export const types: readonly HostileCase[] = [
  ['exp as text', v1((f) => ({ exp: String(f.seconds(3_600)) }))],
  ['exp as a date', v1({ exp: '2099-01-01T00:00:00Z' })],
  ['exp null', v1({ exp: null })],
  ['exp true', v1({ exp: true })],
  ['exp a list', v1((f) => ({ exp: [f.seconds(3_600)] }))],
  ['exp an object', v1((f) => ({ exp: { valueOf: f.seconds(3_600) } }))],
  ['nbf as text', v1((f) => ({ nbf: String(f.seconds(0)) }))],
  ['nbf false', v1({ nbf: false })],
  ['nbf a list', v1({ nbf: [0] })],
  ['iss a number', v1({ iss: 1 })],
  ['tid a number', v1({ tid: 0 })],
  ['appid a number', v1({ appid: 1 })],
  ['appid an object', v1((f) => ({ appid: { id: f.caller } }))],
  ['ver a list', v1({ ver: ['1.0'] })],
  ['scp a list', v1({ scp: [] })],
  ['exp too large for a number', (f) => `Bearer ${f.seal(f.header(), text(f).replace(/"exp":\d+/, '"exp":1e999'))}`],
  ['nbf too small for a number', (f) => `Bearer ${f.seal(f.header(), text(f).replace(/"nbf":\d+/, '"nbf":-1e999'))}`],
];

function text(forge: Forge): string {
  return JSON.stringify(forge.claims());
}
