// The routes without a credential: probes, and the manifests Copilot Studio imports with what they lead to.

import type { Request, Response } from 'restify';
import { AppError } from '../errors.ts';
import { requestContextOf } from './request-context.ts';
import { sendJson, sendText } from './respond.ts';

export type SkillFiles = (name: string) => { readonly type: string; readonly body: string | Uint8Array } | undefined;
export type Readiness = { readonly ready: boolean; readonly reason?: string };

/** GET /health/live: the process answers. Asks nothing else, so that a slow disk does not get it restarted. */
export function createLiveHandler() {
  return async (_req: Request, res: Response): Promise<void> => {
    sendJson(res, 200, { status: 'ok' });
  };
}

/** GET /health/ready: 503 with the reason while requests should go elsewhere. */
export function createReadyHandler(isReady: () => Promise<Readiness>) {
  return async (req: Request, res: Response): Promise<void> => {
    const readiness = await isReady().catch((error: unknown): Readiness => {
      requestContextOf(req).log.error({ err: error }, 'readiness check failed');
      return { ready: false, reason: 'The readiness check failed.' };
    });
    if (readiness.ready) return sendJson(res, 200, { status: 'ok' });
    sendJson(res, 503, { status: 'unavailable', reason: readiness.reason });
  };
}

/** GET /manifests/{file}: the manifests, the icon and the privacy page. */
export function createSkillFileHandler(skillFile: SkillFiles) {
  return async (req: Request, res: Response): Promise<void> => {
    const file = skillFile(String(req.params.file));
    if (file === undefined) throw new AppError('not_found', 'There is no file with this name.');
    sendText(res, 200, file.body, {
      'Content-Type': file.type,
      'Cache-Control': 'public, max-age=300',
      // For the page: no script, no frame, nothing from elsewhere.
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
  };
}
