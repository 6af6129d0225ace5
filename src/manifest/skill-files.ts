// What a skill's manifest leads to, as files: the manifests themselves, the icon, the privacy page, and for a web host
// of its own a page with links to them.

import { readFileSync } from 'node:fs';
import { fillPlaceholders, listValues, loadManifests, pathOfFile, type SkillDescription } from './render-manifest.ts';

export type SkillFile = { readonly type: string; readonly body: string | Uint8Array };

const html = 'text/html; charset=utf-8';

/** File name -> content. Reads the files: call it once, at start. */
export function loadSkillFiles(skill: SkillDescription): ReadonlyMap<string, SkillFile> {
  const manifests = [...loadManifests(skill)].map(
    ([name, body]) => [name, { type: 'application/json', body }] as const,
  );
  const privacy = fillPlaceholders(readFileSync(pathOfFile('privacy.html'), 'utf8'), listValues(skill), escapeHtml);
  return new Map<string, SkillFile>([
    ...manifests,
    // Drawn from icon.svg, which lies beside it.
    ['icon.png', { type: 'image/png', body: readFileSync(pathOfFile('icon.png')) }],
    ['privacy.html', { type: html, body: privacy }],
  ]);
}

/** A page that tells what the other files are, for whoever opens the folder in a browser. */
export function describeFiles(skill: SkillDescription, files: ReadonlyMap<string, SkillFile>): SkillFile {
  const { name, filesUrl } = listValues(skill);
  const rows = [...files].map(
    ([file, { type }]) => `      <li><a href="${escapeHtml(file)}">${escapeHtml(file)}</a> (${escapeHtml(type)})</li>`,
  );
  const [first] = files.keys();
  const body = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${escapeHtml(name)}</title>
  </head>
  <body>
    <h1>${escapeHtml(name)}</h1>
    <p>In Copilot Studio, under Settings &gt; Skills &gt; Add a skill, give <code>${escapeHtml(`${filesUrl}/${first}`)}</code></p>
    <ul>
${rows.join('\n')}
    </ul>
  </body>
</html>
`;
  return { type: html, body };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
