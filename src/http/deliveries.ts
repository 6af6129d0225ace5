// The routes of operators: where deliveries are stuck and why, try them again, throw them away.

import type { Request, Response } from 'restify';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { DeliveryEngine } from '../notifications/delivery-engine.ts';
import type { DeliveryFilter } from '../notifications/delivery-view.ts';
import type { Authenticate } from './api-keys.ts';
import { firstFault } from './first-fault.ts';
import { parsePage, queryError } from './paging.ts';
import { readFields } from './read-fields.ts';
import { sendJson } from './respond.ts';

export type DeliveryServices = {
  readonly notifications: Pick<DeliveryEngine, 'findDelivery' | 'listDeliveries' | 'retry' | 'purge' | 'status'>;
};

type DeliveryOptions = { readonly services: DeliveryServices; readonly authenticate: Authenticate };

const states = ['pending', 'sending', 'delivered', 'held', 'dead', 'cancelled'] as const;
const maxBodyBytes = 4 * 1024;

const text = z.string().min(1, 'must not be empty').max(64, 'must have at most 64 characters');
const narrowing = { reason: text.optional(), notificationId: text.optional(), conversationId: text.optional() };
const listSchema = z.object({ status: z.enum(states).optional(), ...narrowing });
/** One state must be named: a filter that was forgotten must not mean everything. */
const retrySchema = z.strictObject({ status: z.enum(['dead', 'held']), ...narrowing });
const purgeSchema = z.strictObject({ status: z.enum(['dead', 'cancelled']), ...narrowing });

/** GET /api/deliveries?status&reason&notificationId&conversationId&limit&cursor. */
export function createListDeliveriesHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const query = new URLSearchParams(req.getQuery());
    const filter = listSchema.safeParse(Object.fromEntries(query));
    if (!filter.success) throw queryError(...firstFault(filter.error, 'a filter'));
    const page = parsePage(query, (cursor) => /^\d{1,15}$/.test(cursor));
    sendJson(res, 200, await services.notifications.listDeliveries(filter.data, page));
  };
}

/** GET /api/deliveries/{id}. */
export function createFindDeliveryHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const found = await services.notifications.findDelivery(String(req.params.id));
    if (found === undefined) throw unknownDelivery();
    sendJson(res, 200, found);
  };
}

/** POST /api/deliveries/{id}/retry. */
export function createRetryDeliveryHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const id = String(req.params.id);
    const retried = await services.notifications.retry({ id });
    const found = await services.notifications.findDelivery(id);
    if (found === undefined) throw unknownDelivery();
    if (retried === 0) {
      const words = 'only dead and held ones are tried again';
      throw new AppError('not_retryable', `The delivery is ${found.status}: ${words}.`);
    }
    sendJson(res, 200, found);
  };
}

/** POST /api/deliveries/retry with a filter: `{retried}`. */
export function createRetryDeliveriesHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const filter = await readFilter(req, retrySchema);
    sendJson(res, 200, { retried: await services.notifications.retry(filter) });
  };
}

/** POST /api/deliveries/purge with a filter: `{purged}`. */
export function createPurgeDeliveriesHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const filter = await readFilter(req, purgeSchema);
    sendJson(res, 200, { purged: await services.notifications.purge(filter) });
  };
}

/** GET /api/status: how many deliveries are where, how long they wait, and which parents are left alone and why. */
export function createStatusHandler({ services, authenticate }: DeliveryOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    await authenticate(req, 'operate');
    const { deliveries, waiting, oldestPendingAt, parents } = await services.notifications.status();
    sendJson(res, 200, {
      deliveries,
      waiting,
      oldestPendingAt: oldestPendingAt === undefined ? null : new Date(oldestPendingAt).toISOString(),
      parents: parents.map(({ parent, cause, words, openedAt, probeAt }) => {
        const [host, audience] = parent.split(' ');
        const [since, nextTryAt] = [openedAt, probeAt].map((time) => new Date(time).toISOString());
        return { host, audience, cause, detail: words, since, nextTryAt };
      }),
    });
  };
}

function readFilter(req: Request, schema: z.ZodType<DeliveryFilter>): Promise<DeliveryFilter> {
  return readFields(req, { schema, maxBytes: maxBodyBytes, noun: 'a filter', code: 'invalid_filter' });
}

function unknownDelivery(): AppError {
  return new AppError('not_found', 'There is no delivery with this id.');
}
