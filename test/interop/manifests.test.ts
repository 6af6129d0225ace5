// `manifest lint` against the sample manifests of Microsoft's own repositories, whose parts were written for several
// hosts: those for Copilot Studio must pass once their placeholders are filled, the others fail for the reasons below.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lintBytes, lintSource } from '../../src/manifest/lint-manifest.ts';

const folder = new URL('../fixtures/microsoft-manifests/', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.json'))
  .toSorted();

const plainHttp = 'URL_NOT_HTTPS endpoints[0].endpointUrl';
const noAction = 'MANIFEST_MALFORMED activities';
const appIdToFill = 'MANIFEST_MALFORMED endpoints[0].msAppId';
const addressToFill = 'URL_MALFORMED endpoints[0].endpointUrl';
const pagesToFill = ['SCHEMA_VIOLATION privacyUrl', 'SCHEMA_VIOLATION iconUrl'];
const weather = [
  'TYPE_NOT_DOCUMENTED activities.getWeather.value.latitude',
  'TYPE_NOT_DOCUMENTED activities.getWeather.value.longitude',
  'MANIFEST_MALFORMED activities.getWeather.resultValue',
];
const required = 'MANIFEST_MALFORMED definitions.bookingInfo.required';
const invoke = 'MANIFEST_MALFORMED activities.getWeather.type';
const otherActivities = ['typing', 'conversationUpdate'].flatMap((id) => [
  `MANIFEST_MALFORMED activities.${id}.type`,
  `MANIFEST_MALFORMED activities.${id}.description`,
]);
const twoEndpoints = 'MANIFEST_MALFORMED endpoints';

/** First rule that a file's name fits: what lint finds, in any order. */
const expected: readonly (readonly [file: RegExp, findings: readonly string[]])[] = [
  [/^Agents\/nodejs\.copilotstudio-skill\.json$/, []],
  [/^Agents\//, [appIdToFill, addressToFill, ...pagesToFill]],
  // A comma after the last property: Microsoft's own parser is kinder than its documentation ("a valid JSON file").
  [/^CopilotStudioSamples\//, ['TRAILING_COMMA ', appIdToFill, addressToFill]],
  [/skills-sso-cloudadapter/, []],
  [/V3EchoBot/, [appIdToFill, plainHttp, 'SCHEMA_VIOLATION activities.EchoDotNetV3.name']],
  [/V3PizzaBot/, [appIdToFill, plainHttp, 'SCHEMA_VIOLATION activities.OrderPizza.name']],
  [/V3SimpleSandwichBot/, [appIdToFill, plainHttp, 'SCHEMA_VIOLATION activities.OrderSandwich.name']],
  [/DotNet\.EchoSkillBot-v3/, [plainHttp, 'SCHEMA_VIOLATION activities.EchoDotNetV3.name']],
  [/BotBuilder-Samples\/.*skilldialog/, [...weather, required]],
  [/WaterfallSkillBot/, [plainHttp, ...weather, required]],
  [/complex-pva/, [plainHttp, invoke, ...weather, ...otherActivities, required]],
  [/v2\.0\.complex/, [twoEndpoints, invoke, ...weather, required]],
  [
    /preview-1\.complex/,
    ['MANIFEST_MALFORMED $schema', twoEndpoints, invoke, ...weather, ...otherActivities, required],
  ],
  [/complex/, [twoEndpoints, invoke, ...weather, ...otherActivities, required]],
  [/v2\..*\.echo/, [plainHttp]],
  [/./, [plainHttp, noAction]],
];

const pathOf = (file: string) => fileURLToPath(new URL(file, folder));
const findingsOf = (file: string) => expected.find(([name]) => name.test(file))?.[1] ?? [];

describe("Microsoft's sample manifests", () => {
  it.each(files)('%s has the findings that it must have, and no others', async (file) => {
    const { ok, findings } = await lintSource(pathOf(file));
    expect(findings.map(({ code, path }) => `${code} ${path}`).toSorted()).toEqual(findingsOf(file).toSorted());
    expect(ok).toBe(findingsOf(file).length === 0);
  });

  it('are many, and every rule of the table has one', () => {
    expect(files.length).toBeGreaterThanOrEqual(43);
    const used = new Set(files.map((file) => expected.find(([name]) => name.test(file))));
    expect(used.size).toBe(expected.length);
    const untouched = files.filter((file) => findingsOf(file).length === 0).length;
    console.log(`Microsoft's sample manifests: ${files.length} linted, ${untouched} pass untouched`);
  });

  it.each(files.filter((file) => /^Agents|^CopilotStudio|echo-skillmanifest/.test(file)))(
    '%s passes once its placeholders are filled, with a warning of a trailing comma at most',
    (file) => {
      const filled = readFileSync(pathOf(file), 'utf8')
        .replaceAll(/\{clientId\}|<<BOT-APPID>>|<YOUR-AGENT-APP-ID>/g, '4372c42c-5ab4-462c-9d0d-53b80190a2ed')
        .replaceAll(
          /"(\{baseUrl\}|<<BOT-[A-Z-]+-(URL|ENDPOINT)>>|http:\/\/myskill\.contoso\.com)/g,
          '"https://x.example',
        )
        .replaceAll('<YOUR-TUNNEL-ID>', 'tunnel');
      const { ok, findings } = lintBytes(Buffer.from(filled));
      expect(ok).toBe(true);
      expect(findings.map(({ code }) => code)).toEqual(file.startsWith('CopilotStudio') ? ['TRAILING_COMMA'] : []);
    },
  );
});
