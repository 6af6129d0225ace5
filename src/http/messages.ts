// POST /api/messages: what a parent sends. In this order: content type, token, body, shape, turn.

import type { Request, Response } from 'restify';
import { type InboundActivity, parseInboundActivity } from './inbound-activity.ts';
import { readJsonObject, requireJsonContentType } from './json-body.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson } from './respond.ts';

type TurnAnswer = {
  readonly status: number;
  readonly body?: unknown;
  /** Called once the answer has been written completely; never when the parent has left before. */
  readonly answered?: () => Promise<void>;
  /** Called instead when the parent has left before the answer was complete. */
  readonly abandoned?: () => Promise<void>;
};

export type MessageServices = {
  /** Throws AppError 401, 403 or 503. What it returns is handed to processTurn as it is. */
  readonly verifyCaller: (authorization: string | undefined) => Promise<unknown>;
  /** May throw AppError. */
  readonly processTurn: (caller: unknown, activity: InboundActivity) => Promise<TurnAnswer>;
};

const maxBodyBytes = 256 * 1024;
/** More than senders get: an activity carries what other programs have put into it, such as cards. */
const nesting = { maxDepth: 64, maxKeys: 2000 };

/** `track` is given the work done after an answer, so that a stop can wait for it. */
export function createMessagesHandler(services: MessageServices, track: (work: Promise<void>) => void) {
  return async (req: Request, res: Response): Promise<void> => {
    requireJsonContentType(req);
    const caller = await services.verifyCaller(req.headers.authorization);
    const activity = parseInboundActivity(await readJsonObject(req, maxBodyBytes, nesting));
    const { status, body, answered, abandoned } = await services.processTurn(caller, activity);
    // Its logger is made when it is asked for, which is hardly ever.
    const context = requestContextOf(req);
    const finish = async (): Promise<void> => {
      await (res.writableFinished ? answered : abandoned)?.().catch((error: unknown) => {
        context.log.error({ err: error }, 'work after a turn failed');
      });
    };
    // A response whose client has left emits nothing more.
    if (res.destroyed) track(finish());
    else res.once('close', () => track(finish()));
    sendJson(res, status, body);
  };
}
