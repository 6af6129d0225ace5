// What the running service has stored of a conversation or a delivery, asked of its API as an operator.

import { z } from 'zod';
import { findKeyFault, requestService } from '../service-client.ts';
import { readFailure, type Visit } from './check.ts';

const conversationSchema = z.object({
  id: z.string(),
  callerAppId: z.string(),
  tenantId: z.string(),
  channelId: z.string(),
  serviceUrlHost: z.string(),
  deliveryMode: z.string(),
  reachability: z.string(),
  reachabilityReason: z.string(),
  waitingFor: z.string().nullable(),
});

const deliverySchema = z.object({
  id: z.string(),
  conversationId: z.string(),
  status: z.string(),
  reasonText: z.string().nullable(),
  attempts: z.array(
    z.object({
      number: z.number(),
      startedAt: z.string(),
      status: z.number().nullable(),
      errorClass: z.string().nullable(),
      detail: z.string().nullable(),
    }),
  ),
});

export type StoredConversation = z.infer<typeof conversationSchema>;
export type StoredDelivery = z.infer<typeof deliverySchema>;

type Asker = Pick<Visit, 'target' | 'fetch'>;
type Found<T> = { readonly value: T } | { readonly fault: string; readonly fix: string };

/** The conversation with this id, as an operator may see it. */
export function findConversation(asker: Asker, id: string): Promise<Found<StoredConversation>> {
  return find(asker, `/api/conversations/${encodeURIComponent(id)}`, conversationSchema, 'conversation');
}

/** The delivery with this id and its attempts. */
export function findDelivery(asker: Asker, id: string): Promise<Found<StoredDelivery>> {
  return find(asker, `/api/deliveries/${encodeURIComponent(id)}`, deliverySchema, 'delivery');
}

async function find<T>(
  { target, fetch: send }: Asker,
  path: string,
  schema: z.ZodType<T>,
  noun: string,
): Promise<Found<T>> {
  const keyFault = findKeyFault(target.key);
  if (keyFault !== undefined) return { fault: keyFault, fix: 'Give a key with the scope operate.' };
  try {
    const answer = await requestService(target, path, {}, send);
    if (answer.ok) return { value: schema.parse(await answer.json()) };
    await answer.body?.cancel();
    return { fault: `The service at ${target.url} answered ${answer.status}.`, fix: adviseStatus(answer.status, noun) };
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) {
      return { fault: `What answers at ${target.url} is not this service.`, fix: 'Name its address with --url.' };
    }
    const { words } = readFailure(error);
    return {
      fault: `No service answers at ${target.url}: ${words}.`,
      fix: 'Start it, or name its address with --url.',
    };
  }
}

function adviseStatus(status: number, noun: string): string {
  if (status === 404) return `There is no ${noun} with this id: it was forgotten or erased, or the id is another's.`;
  if (status === 401 || status === 403) return 'Give a key of this service with the scope operate.';
  return 'Look at the log of the service, or name its address with --url.';
}
