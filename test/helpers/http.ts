// HTTP requests as the service makes them, without a thread of their own. Idle connections keep no process alive.

import { createUndiciClient } from '../../src/outbound/undici-client.ts';

export const http = createUndiciClient();
