// The skill that the agent has, what the import said of it, and the settings that it needs.

import { build, get } from './dom.js';
import { send } from './send.js';

let drawnSettings = '';

/** Redraws the tab. */
export function drawSkill({ skills, settings, import: imported }) {
  get('skill-card').replaceChildren(...skills.map(drawCard));
  get('findings').replaceChildren(...(imported?.findings ?? []).map(drawFinding));
  if (imported !== null) showImport(imported);
  const key = JSON.stringify(settings);
  if (key === drawnSettings) return;
  drawnSettings = key;
  get('settings').replaceChildren(
    ...settings.flatMap(({ name, value }) => [build('dt', '', name), build('dd', '', value)]),
  );
}

/** Imports what is asked for. */
export function watchImport() {
  get('import-form').addEventListener('submit', (event) => {
    event.preventDefault();
    get('import-state').dataset.state = 'plain';
    get('import-state').textContent = 'The manifest is read and the skill pinged…';
    void importNow(get('manifest-url').value.trim());
  });
}

async function importNow(manifestUrl) {
  const { fault } = await send('/standin/skills', { manifestUrl });
  if (fault === undefined) return;
  get('import-state').dataset.state = 'bad';
  get('import-state').textContent = fault;
}

function showImport({ ok, findings }) {
  get('import-state').dataset.state = ok ? 'good' : 'bad';
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  const what = ok ? 'The last import went well' : 'The last import was refused';
  get('import-state').textContent = findings.length === 0 ? `${what}.` : `${what}: ${count}.`;
}

function drawCard({ name, appId, endpointUrl, actions }) {
  return build(
    'article',
    'card',
    build('h3', '', name),
    build('dl', 'facts', ...pair('endpoint', endpointUrl), ...pair('app id', appId)),
    build(
      'ul',
      'actions',
      ...actions.map((action) => build('li', '', build('b', '', action.name), build('small', '', action.type))),
    ),
  );
}

function pair(name, value) {
  return [build('dt', '', name), build('dd', '', value)];
}

function drawFinding({ level, code, path, message, fix }) {
  return build(
    'li',
    `import-finding ${level}`,
    build('b', '', code),
    path === '' ? undefined : build('code', '', path),
    build('p', '', message),
    build('p', 'hint', fix),
  );
}
