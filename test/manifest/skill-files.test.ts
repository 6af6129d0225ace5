// The files that the manifest leads to, as the service serves them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lintBytes } from '../../src/manifest/lint-manifest.ts';
import { describeFiles, loadSkillFiles } from '../../src/manifest/skill-files.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

const publicUrl = 'https://notify.example.com';

describe('the service', () => {
  let skill: Skill;
  beforeAll(async () => {
    skill = await startSkill({ env: { PUBLIC_URL: publicUrl } });
  });
  afterAll(() => skill.stop());
  const get = (file: string) => fetch(`${skill.url}/manifests/${file}`);

  it.each(['skill-manifest-2.2.json', 'skill-manifest-2.0.json'])(
    'serves %s, which passes every rule of the import, and all that it leads to',
    async (file) => {
      const served = await get(file);
      expect(served.headers.get('content-type')).toBe('application/json');
      const bytes = new Uint8Array(await served.arrayBuffer());
      const { ok, findings } = lintBytes(bytes, {}, `${publicUrl}/manifests/${file}`);
      expect({ ok, findings }).toEqual({ ok: true, findings: [] });
      const { iconUrl, privacyUrl } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, string>;
      for (const [url, type] of [
        [iconUrl, 'image/png'],
        [privacyUrl, 'text/html; charset=utf-8'],
      ]) {
        expect(url?.startsWith(`${publicUrl}/manifests/`)).toBe(true);
        const answer = await fetch(`${skill.url}${new URL(url ?? '').pathname}`);
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
        expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      }
    },
  );

  it('serves an icon of 192 by 192 points, small enough for any list', async () => {
    const icon = Buffer.from(await (await get('icon.png')).arrayBuffer());
    expect(icon.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    expect([icon.readUInt32BE(16), icon.readUInt32BE(20)]).toEqual([192, 192]);
    expect(icon.length).toBeLessThan(30_000);
  });

  it('serves a privacy page that runs nothing, and names the times after which data goes', async () => {
    const answer = await get('privacy.html');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await answer.text();
    expect(page).not.toMatch(/<script|<img|<link|\$\{|https?:/i);
    // docs/data.md, and what CONVERSATION_DAYS and HISTORY_DAYS are by default.
    for (const time of ['90 days', '24 hours', '30 days']) expect(page).toContain(time);
  });

  it.each(['icon.svg', 'schemas', 'schemas%2fNOTICE.md', 'index.html'])('does not serve %s', async (file) => {
    expect((await get(file)).status).toBe(404);
  });

  it('answers a HEAD for the icon with its length, and no body', async () => {
    const answer = await fetch(`${skill.url}/manifests/icon.png`, { method: 'HEAD' });
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(1_000);
    expect((await answer.arrayBuffer()).byteLength).toBe(0);
  });
});

describe('a page', () => {
  const described = { appId: 'x', endpointUrl: `${publicUrl}/api/messages`, name: '<script>alert("&")</script>' };

  it('writes a name out, whatever is in it', () => {
    const files = loadSkillFiles(described);
    for (const page of [files.get('privacy.html'), describeFiles(described, files)]) {
      expect(String(page?.body)).not.toContain('<script>');
      expect(String(page?.body)).toContain('&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;');
    }
  });
});
