// Finds out what keeps the service from working, and why an attempt in the past was refused.

import { type CheckId, checkIds, type Hints } from '../doctor/check.ts';
import { explainDelivery, type Explanation } from '../doctor/explain-delivery.ts';
import { createVisit, type Diagnosis, type DoctorOptions, runDoctor } from '../doctor/run-doctor.ts';
import { findKeyFault } from '../service-client.ts';
import { printable } from './printable.ts';

export type DoctorArguments = {
  readonly json?: boolean | undefined;
  /** Comma separated ids of checks. */
  readonly only?: string | undefined;
  readonly conversation?: string | undefined;
  /** A status, with the id of a delivery as the word after it. */
  readonly explain?: string | undefined;
  readonly 'home-page'?: string | undefined;
  readonly 'publisher-domain'?: string | undefined;
  readonly 'parent-tenant'?: string | undefined;
};

type Surroundings = Pick<DoctorOptions, 'env' | 'readFile' | 'fetch' | 'now' | 'target'>;

export const doctorUsage = `Give one of:
  doctor [--only ID,ID] [--json] [--conversation ID] [--home-page URL] [--publisher-domain D] [--parent-tenant ID]
  doctor --explain STATUS ID-OF-DELIVERY [--json]
The checks: ${checkIds.join(', ')}.
`;

/** Does what the words say. Returns the exit code: 0 all is well or explained, 1 something is not, 2 wrong arguments. */
export async function consultDoctor(
  words: readonly string[],
  given: DoctorArguments,
  surroundings: Surroundings,
  write: (text: string) => void,
): Promise<number> {
  const hints: Hints = {
    homePageUrl: given['home-page'],
    publisherDomain: given['publisher-domain'],
    parentTenant: given['parent-tenant'],
    conversationId: given.conversation,
  };
  if (given.explain !== undefined) return explain(words, given, { ...surroundings, hints }, write);
  const only = given.only === undefined ? undefined : given.only.split(',').map((id) => id.trim());
  if (words.length > 0 || only?.some((id) => !isCheckId(id))) {
    write(doctorUsage);
    return 2;
  }
  const diagnosis = await runDoctor({ ...surroundings, hints, only: only?.filter(isCheckId) });
  write(given.json === true ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : describe(diagnosis));
  return diagnosis.ok ? 0 : 1;
}

async function explain(
  [deliveryId, ...others]: readonly string[],
  given: DoctorArguments,
  surroundings: Surroundings & { readonly hints: Hints },
  write: (text: string) => void,
): Promise<number> {
  const status = /^[1-5]\d\d$/.test(given.explain ?? '') ? Number(given.explain) : undefined;
  const keyFault = findKeyFault(surroundings.target.key);
  if (status === undefined || deliveryId === undefined || others.length > 0 || keyFault !== undefined) {
    const isKeyWanted = status !== undefined && deliveryId !== undefined && others.length === 0;
    write(isKeyWanted ? `${keyFault}\n` : doctorUsage);
    return 2;
  }
  const explanation = await explainDelivery(createVisit(surroundings), deliveryId, status);
  write(
    given.json === true
      ? `${JSON.stringify({ deliveryId, status, ...explanation }, undefined, 2)}\n`
      : describeExplanation(explanation),
  );
  return explanation.ok ? 0 : 1;
}

function isCheckId(id: string): id is CheckId {
  return (checkIds as readonly string[]).includes(id);
}

function describe({ ok, checks }: Diagnosis): string {
  const lines = checks.flatMap(({ id, ok: isFine, detail, fix }) => [
    `${isFine ? 'ok  ' : 'FAIL'}  ${id}`,
    `      ${printable(detail)}`,
    ...(fix === null ? [] : [`      Fix: ${printable(fix)}`]),
  ]);
  return [...lines, ok ? describeWell(checks) : describeFailed(checks), ''].join('\n');
}

function describeFailed(checks: Diagnosis['checks']): string {
  return `${checks.filter(({ ok }) => !ok).length} of ${checks.length} not well.`;
}

/** What was not compared stands in the last line too: many read no other. */
function describeWell(checks: Diagnosis['checks']): string {
  const open = checks.flatMap(({ notCompared }) => notCompared ?? []);
  return open.length === 0 ? 'All is well.' : `All is well, as far as was asked; not compared: ${open.join(', ')}.`;
}

function describeExplanation({ detail, cause, fix }: Explanation): string {
  const lines = [detail, ...(cause === null ? [] : [`Cause: ${cause}`]), `Fix: ${fix}`];
  return `${lines.map(printable).join('\n')}\n`;
}
