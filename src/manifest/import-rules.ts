// Copilot Studio's rules for a manifest's text, with its own codes. The stand-in and `manifest lint` both ask here.
// Source: learn.microsoft.com/azure/bot-service/skill-pva; what is stricter than that page comes from reports and
// says so.

import { hasError, type ImportFinding, refuse, warn } from './import-finding.ts';
import { checkEndpoints } from './endpoint-rules.ts';
import { checkPublishedSchema } from './published-schema.ts';
import { isObject, type SkillManifest } from './skill-manifest.ts';
import { checkValues } from './value-rules.ts';

type Json = Record<string, unknown>;

/** Documented as "500 KB or less"; the smaller of its two readings. */
export const maxManifestBytes = 500_000;
const maxActions = 100;

export type RuleOptions = {
  /** Lets the endpoint be plain http on loopback: true for the stand-in alone, Copilot Studio refuses it. */
  readonly httpOnLoopback?: boolean;
};

/** Everything that is wrong with the bytes of a manifest; with the manifest itself where nothing keeps it out. */
export function checkManifest(
  bytes: Uint8Array,
  options: RuleOptions = {},
): { manifest?: SkillManifest; findings: readonly ImportFinding[] } {
  if (bytes.length > maxManifestBytes) return { findings: [refuseSize()] };
  const { parsed, findings: ofText } = parse(bytes);
  if (hasError(ofText)) return { findings: ofText };
  if (!isObject(parsed)) {
    return { findings: [malformed('', 'The manifest is not a JSON object.', 'Begin it with { and end it with }.')] };
  }
  const errors = [
    ...checkHeader(parsed),
    ...checkEndpoints(parsed, options.httpOnLoopback === true),
    ...checkActivities(parsed),
    ...checkDefinitions(parsed),
  ];
  const findings = [...ofText, ...errors, ...checkPublishedSchema(parsed, errors)];
  return hasError(findings) ? { findings } : { manifest: parsed as Json & SkillManifest, findings };
}

/** The finding for a manifest that is larger than Copilot Studio reads. */
export function refuseSize(): ImportFinding {
  return refuse('MANIFEST_TOO_LARGE', {
    message: 'The manifest is larger than 500 KB.',
    fix: 'Take actions, or long descriptions, out of it.',
  });
}

function parse(bytes: Uint8Array): { parsed?: unknown; findings: readonly ImportFinding[] } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { findings: [malformed('', 'The manifest is not text in UTF-8.', 'Save it as UTF-8.')] };
  }
  try {
    return { parsed: JSON.parse(text) as unknown, findings: [] };
  } catch (error) {
    const kinder = parseWithTrailingCommas(text);
    if (kinder !== undefined) return kinder;
    if (/^\s*</.test(text)) {
      const message = 'This is a page of HTML, not a manifest: perhaps one to sign in, or of an error.';
      const fix = 'Give the address of the JSON file itself, readable for anybody.';
      return { findings: [malformed('', message, fix)] };
    }
    const fix = 'JSON knows no comments and no comma after the last item.';
    const said = error instanceof Error ? error.message : '';
    return { findings: [malformed('', `The manifest is not valid JSON (${said}).`, fix)] };
  }
}

/**
 * A comma after the last item and nothing else wrong: Microsoft's own sample of a skill for Copilot Studio has one
 * (microsoft/CopilotStudioSamples), although the page on the import asks for valid JSON.
 */
function parseWithTrailingCommas(text: string): { parsed: unknown; findings: readonly ImportFinding[] } | undefined {
  // A string is passed over whole, also one that does not end: to try again from each of its quotes would take for ever.
  const bare = text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"?|(?<=[^\s[{,:]\s*),(?=\s*[\]}])/gs, (found: string) =>
    found === ',' ? '' : found,
  );
  try {
    const parsed: unknown = JSON.parse(bare);
    const message = 'There is a comma after the last item of a list or object.';
    const fix = "Take it out: other readers refuse it; Copilot Studio's own sample has one.";
    return { parsed, findings: [warn('TRAILING_COMMA', { message, fix })] };
  } catch {
    return undefined;
  }
}

function checkHeader(manifest: Json): ImportFinding[] {
  const findings: ImportFinding[] = [];
  for (const field of ['name', '$schema', '$id', 'version', 'publisherName']) {
    const value = manifest[field];
    if (typeof value === 'string' && value.trim() !== '') continue;
    findings.push(malformed(field, `${field} is missing.`, `Give ${field} a text.`));
  }
  // Seen rejected: microsoft/botframework-sdk#6596.
  if (typeof manifest['$schema'] === 'string' && manifest['$schema'].includes('preview')) {
    const fix = 'Name https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json.';
    findings.push(malformed('$schema', 'A preview of the schema is not compatible.', fix));
  }
  return findings;
}

function checkActivities(manifest: Json): ImportFinding[] {
  const { activities } = manifest;
  if (!isObject(activities) || Object.keys(activities).length === 0) {
    return [malformed('activities', 'The manifest has no action.', 'Describe at least one action in activities.')];
  }
  const entries = Object.entries(activities);
  const findings = entries.flatMap(([id, activity]) => checkActivity(manifest, id, activity));
  if (entries.length > maxActions) {
    findings.push(
      refuse('LIMITS_TOO_MANY_ACTIONS', {
        path: 'activities',
        message: `There are ${entries.length} actions; at most ${maxActions} are taken.`,
        fix: 'Take actions out, or make two skills of them.',
      }),
    );
  }
  return findings;
}

function checkActivity(manifest: Json, id: string, activity: unknown): ImportFinding[] {
  const path = `activities.${id}`;
  if (id.trim() === '') return [malformed(path, 'An action has no id.', 'Give it a name as key in activities.')];
  if (!isObject(activity)) {
    return [malformed(path, 'The action is not an object.', 'Give it a type, a name and a description.')];
  }
  const findings: ImportFinding[] = [];
  const { type, description, name } = activity;
  if (type !== 'event' && type !== 'message') {
    const fix = 'Make it event or message, or take the action out: Copilot Studio knows no others.';
    findings.push(malformed(`${path}.type`, 'The type is neither event nor message.', fix));
  }
  if (typeof description !== 'string' || description.trim() === '') {
    const fix = 'Say in a few words what the action does: makers see it as its title.';
    findings.push(malformed(`${path}.description`, 'description is missing.', fix));
  }
  if (type === 'event' && (typeof name !== 'string' || name === '')) {
    findings.push(malformed(`${path}.name`, 'The event has no name.', 'Give the name that the skill is called with.'));
  }
  return [...findings, ...checkValues(manifest, path, activity)];
}

function checkDefinitions({ definitions }: Json): ImportFinding[] {
  if (definitions === undefined) return [];
  if (!isObject(definitions)) {
    return [malformed('definitions', 'definitions is not an object.', 'Make it an object of named schemas.')];
  }
  // Seen in a real import: amacey-msft/copilot-studio-servicenow-bridge, commit cde899c.
  return Object.entries(definitions)
    .filter(([, definition]) => isObject(definition) && definition['required'] !== undefined)
    .map(([name]) =>
      malformed(
        `definitions.${name}.required`,
        'Definition required property is not supported.',
        'Take required out: the skill itself checks what it is given.',
      ),
    );
}

function malformed(path: string, message: string, fix: string): ImportFinding {
  return refuse('MANIFEST_MALFORMED', { path, message, fix });
}
