// The rules for what an action takes and gives: how many values, and of which types.

import { type ImportCode, type ImportFinding, refuse, warn } from './import-finding.ts';
import { followReference, isObject } from './skill-manifest.ts';

const maxValues = 25;
/** "Simple data types (integer, boolean, string) and complex data types (as JSON strings)": advanced-use-skills. */
const documentedTypes = ['string', 'integer', 'boolean', 'object'];

type Json = Readonly<Record<string, unknown>>;

/** The inputs and outputs of the action at this path. */
export function checkValues(manifest: Json, path: string, activity: Json): ImportFinding[] {
  return [
    ...checkSide(manifest, `${path}.value`, activity['value'], 'INPUTS'),
    ...checkSide(manifest, `${path}.resultValue`, activity['resultValue'], 'OUTPUTS'),
  ];
}

function checkSide(manifest: Json, path: string, schema: unknown, side: 'INPUTS' | 'OUTPUTS'): ImportFinding[] {
  if (schema === undefined) return [];
  const resolved = followReference(manifest, schema);
  if (resolved === undefined) return [refuseReference(path, schema)];
  if (resolved.type === 'array') return [refuseArray(path)];
  const findings: ImportFinding[] = [];
  const { properties, required } = resolved;
  if (properties !== undefined && !isObject(properties)) {
    const fix = 'Make it an object with a schema for each value.';
    return [malformed(`${path}.properties`, 'properties is not an object.', fix)];
  }
  const values = Object.entries(properties ?? {});
  if (values.length > maxValues) {
    const code: ImportCode = `LIMITS_TOO_MANY_${side}`;
    const message = `There are ${values.length} values; at most ${maxValues} are taken.`;
    findings.push(refuse(code, { path, message, fix: 'Put what belongs together into one text of JSON.' }));
  }
  if (required !== undefined && isObject(schema) && schema['$ref'] === undefined) {
    const message = 'required is refused in definitions; whether it is taken here is not known.';
    const fix = 'Take it out: the skill itself checks what it is given.';
    findings.push(warn('REQUIRED_NOT_PROVEN', { path: `${path}.required`, message, fix }));
  }
  return [...findings, ...values.flatMap(([name, value]) => checkType(manifest, `${path}.${name}`, value))];
}

function checkType(manifest: Json, path: string, value: unknown): ImportFinding[] {
  const resolved = followReference(manifest, value);
  if (resolved === undefined) return [refuseReference(path, value)];
  const type: unknown = resolved.type;
  if (type === 'array') return [refuseArray(path)];
  if (typeof type === 'string' && documentedTypes.includes(type)) return [];
  const found = typeof type === 'string' ? `Type ${type}` : 'A value without one type';
  const message = `${found} is not among the documented string, integer, boolean and JSON object.`;
  return [warn('TYPE_NOT_DOCUMENTED', { path, message, fix: 'Make it string, integer or boolean.' })];
}

function refuseArray(path: string): ImportFinding {
  return malformed(path, 'Arrays are not supported.', 'Make it a string that holds the list as JSON.');
}

function refuseReference(path: string, schema: unknown): ImportFinding {
  const isReference = isObject(schema);
  return malformed(
    path,
    isReference ? '$ref leads nowhere in definitions.' : 'This is not a schema.',
    'Write the schema out in this place: { "type": …, "properties": … }.',
  );
}

function malformed(path: string, message: string, fix: string): ImportFinding {
  return refuse('MANIFEST_MALFORMED', { path, message, fix });
}
