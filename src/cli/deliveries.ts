// What an operator asks a running service: where deliveries are stuck and why, try them again, take a notification back.

import { z } from 'zod';
import type { Target } from '../service-client.ts';
import { callService } from './notify.ts';

/** What deliveries are chosen by. */
export type FilterOptions = { readonly status?: string | undefined; readonly reason?: string | undefined };

const mostShown = 200;

const pageSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      reason: z.string().nullable(),
      reasonText: z.string().nullable(),
      nextAttemptAt: z.string().nullable(),
      attempts: z.array(z.object({ status: z.number().nullable(), errorClass: z.string().nullable() })),
    }),
  ),
  nextCursor: z.string().nullable(),
});

type Page = z.infer<typeof pageSchema>;

/** Writes a list of deliveries, those accepted last first. Returns the exit code: 0 found, 1 refused, 2 wrong key. */
export async function listDeliveries(
  target: Target,
  { status, reason }: FilterOptions,
  write: (text: string) => void,
): Promise<number> {
  const query = new URLSearchParams({ limit: String(mostShown) });
  if (status !== undefined) query.set('status', status);
  if (reason !== undefined) query.set('reason', reason);
  return callService(target, `/api/deliveries?${query.toString()}`, write, { show: showPage });
}

/**
 * Tries one delivery again, or all that the filter names, and writes the answer. Returns the exit code: 0 tried again,
 * 1 refused, 2 wrong arguments.
 */
export async function retryDeliveries(
  target: Target,
  id: string | undefined,
  { status, reason }: FilterOptions,
  write: (text: string) => void,
): Promise<number> {
  const isOne = id !== undefined && status === undefined && reason === undefined;
  const isMany = id === undefined && status !== undefined;
  if (!isOne && !isMany) {
    write('Give the id of a delivery, or --status dead or held, with --reason or without.\n');
    return 2;
  }
  if (isOne) return callService(target, `/api/deliveries/${encodeURIComponent(id)}/retry`, write, { body: '{}' });
  return callService(target, '/api/deliveries/retry', write, { body: JSON.stringify({ status, reason }) });
}

/** Forgets what the filter names, and writes how many. Returns the exit code: 0 done, 1 refused, 2 wrong arguments. */
export async function purgeDeliveries(
  target: Target,
  { status, reason }: FilterOptions,
  write: (text: string) => void,
): Promise<number> {
  if (status === undefined) {
    write('Give --status dead or cancelled, with --reason or without.\n');
    return 2;
  }
  return callService(target, '/api/deliveries/purge', write, { body: JSON.stringify({ status, reason }) });
}

/** Takes a notification back, and writes what it is then. Returns the exit code: 0 found, 1 refused, 2 wrong arguments. */
export async function cancelNotification(
  target: Target,
  id: string | undefined,
  write: (text: string) => void,
): Promise<number> {
  if (id === undefined) {
    write('Give the id of the notification.\n');
    return 2;
  }
  return callService(target, `/api/notifications/${encodeURIComponent(id)}/cancel`, write, { body: '{}' });
}

/** Another service may answer at this address: what is no page of deliveries is shown as it came. */
function showPage(text: string): string {
  const page = pageSchema.safeParse(parseJson(text));
  if (!page.success) return text;
  if (page.data.items.length === 0) return 'There are none.';
  const more =
    page.data.nextCursor === null ? [] : [`Only the last ${mostShown}: narrow it down by status and reason.`];
  return [...formatTable(page.data), ...more].join('\n');
}

function formatTable({ items }: Page): string[] {
  const heads = ['id', 'status', 'reason', 'attempts', 'last', 'next attempt', 'why'];
  const rows = items.map(({ id, status, reason, reasonText, nextAttemptAt, attempts }) => {
    const last = attempts.at(-1);
    const answer = last?.status?.toString() ?? last?.errorClass ?? '-';
    return [id, status, reason ?? '-', String(attempts.length), answer, nextAttemptAt ?? '-', reasonText ?? '-'];
  });
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
