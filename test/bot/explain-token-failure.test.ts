// Entra's codes: what each means for this service, and what to change. Which codes there are is Microsoft's page on them.

import { describe, expect, it } from 'vitest';
import { explainedCodes, explainTokenFailure } from '../../src/bot/explain-token-failure.ts';

/** As MSAL puts it: Entra's whole description, with trace ids. */
const asThrown = (code: string): Error =>
  new Error(
    `invalid_client: 7000215 - [2026-01-02 03:04:05Z]: ${code}: Something 'canary'. Trace ID: canary Correlation ID: canary`,
  );

const table: readonly (readonly [code: string, cause: RegExp, fix: RegExp])[] = [
  ['AADSTS7000215', /MicrosoftAppPassword is not a secret of this app/, /new client secret/],
  ['AADSTS7000222', /MicrosoftAppPassword has expired/, /new client secret/],
  ['AADSTS7000218', /MicrosoftAppPassword is empty/, /MicrosoftAppPassword/],
  ['AADSTS7000216', /without a credential/, /MicrosoftAppPassword/],
  ['AADSTS700016', /MicrosoftAppId is not known/, /single-tenant/],
  ['AADSTS7000112', /is disabled/, /Enable it/],
  ['AADSTS7000229', /no service principal/, /az ad sp create/],
  ['AADSTS700025', /public client/, /public client flows/],
  ['AADSTS700027', /CertificateThumbprint/, /Upload the certificate/],
  ['AADSTS700030', /subject of the certificate/, /Upload the certificate/],
  ['AADSTS50012', /not valid for this app/, /Upload the certificate/],
  ['AADSTS700024', /clock of this machine/, /NTP/],
  ['AADSTS90002', /MicrosoftAppTenantId is not a tenant/, /Directory \(tenant\) id/],
  ['AADSTS900023', /MicrosoftAppTenantId is not a tenant/, /Directory \(tenant\) id/],
  ['AADSTS500011', /another tenant/, /Agent app ID|agent's app id/i],
  ['AADSTS50001', /not known in the tenant/, /AllowedCallers/],
  ['AADSTS500014', /parent's service principal is disabled/, /Enable it/],
  ['AADSTS501051', /not assigned/, /Assignment required/],
  ['AADSTS53003', /Conditional Access/, /administrators/],
  ['AADSTS90038', /another cloud/, /ChannelService/],
  ['AADSTS900382', /different clouds/, /ChannelService/],
  ['AADSTS900432', /different clouds/, /ChannelService/],
  ['AADSTS90006', /away for a moment/, /Try again/],
  ['AADSTS90024', /away for a moment/, /Try again/],
  ['AADSTS90033', /away for a moment/, /Try again/],
  ['AADSTS90055', /fewer requests/, /Try again/],
];

describe('a refusal of Entra', () => {
  it.each(table)('%s', (code, cause, fix) => {
    const explained = explainTokenFailure(asThrown(code));
    expect(explained.detail).toMatch(new RegExp(`^No token could be had \\(${code}\\): `));
    expect(explained.detail).toMatch(cause);
    expect(explained.fix).toMatch(fix);
    expect(JSON.stringify(explained)).not.toContain('canary');
  });

  it('has every code that is explained in this table', () => {
    expect(table.map(([code]) => code).toSorted()).toEqual(explainedCodes.toSorted());
  });

  it('is looked up by the whole code, not by its beginning', () => {
    expect(explainTokenFailure(asThrown('AADSTS5000119')).detail).toBe('No token could be had (AADSTS5000119).');
  });

  it('that is not known here leads to the page that knows it', () => {
    expect(explainTokenFailure(asThrown('AADSTS12345'))).toEqual({
      detail: 'No token could be had (AADSTS12345).',
      fix: 'Look the code up: https://login.microsoftonline.com/error?code=12345',
    });
  });
});

describe('a failure without a code', () => {
  it.each([
    [
      'of the metadata of the tenant',
      new Error('endpoints_resolution_error: canary'),
      /MicrosoftAppTenantId.*LOGIN_URL/,
    ],
    ['of the network', new Error('connect ECONNREFUSED canary'), /LOGIN_URL/],
    ['that is no error', 'canary', /LOGIN_URL/],
  ])('%s names the settings', (_, thrown, words) => {
    const explained = explainTokenFailure(thrown);
    expect(explained.detail).toMatch(words);
    expect(explained.fix).not.toBe('');
    expect(JSON.stringify(explained)).not.toContain('canary');
  });
});
