// The routes of operators for people's rights: show what is stored about somebody, and erase it. Who asked is in the log,
// under `sender`; of whom it was, only a hash.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import type { PeopleDesk } from '../notifications/people-desk.ts';
import type { Authenticate } from './api-keys.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson } from './respond.ts';
import { streamJson } from './stream-json.ts';

export type PeopleServices = { readonly people: PeopleDesk };

type PeopleOptions = { readonly services: PeopleServices; readonly authenticate: Authenticate };

/** GET /api/users/{id}: everything, page by page. */
export function createExportHandler({ services: { people }, authenticate }: PeopleOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const { name: sender } = await authenticate(req, 'operate');
    const { log } = requestContextOf(req);
    const id = String(req.params.id);
    const person = await people.show(id);
    if (!person) throw new AppError('not_found', 'Nobody is known by this id.');
    log.info({ audit: 'export', person: await people.hash(id), sender }, 'a person is shown');
    try {
      await streamJson(res, person);
    } catch (error) {
      // The connection is cut: nothing more can be answered.
      log.warn({ err: error }, 'an export was cut off');
    }
  };
}

/** DELETE /api/users/{id}: 200 with how much it was, which may be nothing. */
export function createEraseHandler({ services: { people }, authenticate }: PeopleOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const { name: sender } = await authenticate(req, 'operate');
    const { log } = requestContextOf(req);
    const id = String(req.params.id);
    const line = { audit: 'erase', person: await people.hash(id), sender };
    // Before, too: what ends half way has erased something all the same.
    log.info(line, 'a person is to be erased');
    const erased = await people.erase(id);
    log.info({ ...line, ...erased }, 'a person is erased');
    sendJson(res, 200, erased);
  };
}

/** DELETE /api/conversations/{id}: 200 with how much it was. */
export function createEraseConversationHandler({ services: { people }, authenticate }: PeopleOptions) {
  return async (req: Request, res: Response): Promise<void> => {
    const { name: sender } = await authenticate(req, 'operate');
    const { log } = requestContextOf(req);
    const conversationId = String(req.params.id);
    const erased = await people.eraseConversation(conversationId);
    if (!erased) throw new AppError('not_found', 'There is no conversation with this id.');
    log.info({ audit: 'eraseConversation', conversationId, sender, ...erased }, 'a conversation is erased');
    sendJson(res, 200, erased);
  };
}
