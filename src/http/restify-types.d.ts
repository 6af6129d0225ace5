// What @types/restify 8 does not know of restify 12 (lib/server.js).

import 'restify';
import type { IncomingMessage, ServerResponse } from 'node:http';

declare module 'restify' {
  interface ServerOptions {
    /** Characters of a parameter in the path. */
    maxParamLength?: number;
  }
  interface Server {
    /** Runs synchronously before anything else; `false` means: answered, do not go on. */
    first(...handlers: ((req: IncomingMessage, res: ServerResponse) => boolean)[]): this;
  }
}
