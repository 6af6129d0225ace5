// A doctor in front of a real service and the stand-in: what is wrong is in its settings, its clock, its hints, or in what
// stands in front of the service.

import { readFileSync } from 'node:fs';
import { type CheckId, checkIds, type Hints } from '../../src/doctor/check.ts';
import { type Diagnosis, runDoctor } from '../../src/doctor/run-doctor.ts';
import { apiKey, type Skill } from '../helpers/skill.ts';

export type Patient = {
  readonly env?: Readonly<Record<string, string>>;
  readonly hints?: Hints;
  /** Added to the clock of the doctor. */
  readonly clockMs?: number;
  readonly url?: string;
  readonly key?: string;
  readonly only?: readonly CheckId[];
};

export function examine(skill: Skill, patient: Patient = {}): Promise<Diagnosis> {
  return runDoctor({
    env: { ...skill.env, ...patient.env },
    readFile: (path) => readFileSync(path, 'utf8'),
    fetch,
    now: () => Date.now() + (patient.clockMs ?? 0),
    tokenDeadlineMs: 1_000,
    target: { url: patient.url ?? skill.url, key: patient.key ?? apiKey },
    ...(patient.hints && { hints: patient.hints }),
    ...(patient.only && { only: patient.only }),
  });
}

const isWaiting = ({ detail }: { readonly detail: string }): boolean => detail.startsWith('Not looked at: ');

/** Ids of the checks that failed for a reason of their own, and of those that waited for them. */
export function failuresOf({ checks }: Diagnosis): { readonly own: CheckId[]; readonly waiting: CheckId[] } {
  const failed = checks.filter(({ ok }) => !ok);
  return {
    own: failed.filter((check) => !isWaiting(check)).map(({ id }) => id),
    waiting: failed.filter(isWaiting).map(({ id }) => id),
  };
}

/** What this check has found. */
export function findingOf({ checks }: Diagnosis, id: CheckId) {
  const found = checks.find((check) => check.id === id);
  if (!found) throw new Error(`no check ${id} among ${checkIds.join()}`);
  return found;
}

/** What a check must say; `waiting` are those that wait for it. */
export type Words = { readonly detail: RegExp; readonly fix: RegExp; readonly waiting?: readonly CheckId[] };

/**
 * What is not as it should be; nothing, where the sick one has this check failed with these words and no other but those
 * that wait for it, and the mended one has all passed.
 */
export async function findMissed(
  skill: Skill,
  id: CheckId,
  { sick, mended = {} }: { readonly sick: Patient; readonly mended?: Patient },
  words: Words,
): Promise<unknown[]> {
  return listMissed(id, { before: await examine(skill, sick), after: await examine(skill, mended) }, words);
}

/** As findMissed, of what has been seen before and after. */
export function listMissed(
  id: CheckId,
  { before, after }: { readonly before: Diagnosis; readonly after: Diagnosis },
  { detail, fix, waiting = [] }: Words,
): unknown[] {
  const missed: unknown[] = [];
  const failures = failuresOf(before);
  const expected = JSON.stringify({ own: [id], waiting });
  if (JSON.stringify(failures) !== expected) missed.push({ failures, expected, checks: before.checks });
  const found = findingOf(before, id);
  if (!detail.test(found.detail)) missed.push({ detail: found.detail, expected: detail.source });
  if (!fix.test(found.fix ?? '')) missed.push({ fix: found.fix, expected: fix.source });
  if (before.ok) missed.push('the sick one passes');
  if (!after.ok || after.checks.some(({ ok }) => !ok)) missed.push({ mended: after.checks.filter(({ ok }) => !ok) });
  return missed;
}
