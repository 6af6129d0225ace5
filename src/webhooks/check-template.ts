// Whether a template can make a notification at all. Found while it is configured: at the first event nobody looks.

import { AppError, type FieldFault } from '../errors.ts';
import { parseNotifyRequest } from '../notifications/notify-request.ts';
import { fillWith } from './fill-template.ts';
import type { Template } from './parse-template.ts';

const hourMs = 3_600_000;

/** The faults that no event could make good, such as a field that a notification does not have. `now` in epoch ms. */
export function findTemplateFaults(template: Template, now: number): FieldFault[] {
  // What a placeholder stands for is not known: a fault is one of the template when none of these makes it good.
  const samples = ['x', 'https://example.com/', 'markdown', new Date(now + hourMs).toISOString()];
  const [first = [], ...others] = samples.map((sample) =>
    faultsOf(
      fillWith(template, () => sample),
      now,
    ),
  );
  return first.filter((fault) => others.every((faults) => faults.some((other) => isSame(fault, other))));
}

function faultsOf(body: Record<string, unknown>, now: number): readonly FieldFault[] {
  try {
    parseNotifyRequest(body, now, hourMs);
    return [];
  } catch (error) {
    if (error instanceof AppError) return error.faults;
    throw error;
  }
}

function isSame(a: FieldFault, b: FieldFault): boolean {
  return a.path === b.path && a.message === b.message;
}
