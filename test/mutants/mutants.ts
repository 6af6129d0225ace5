// Every check that guards the service, switched off one by one. Each mutant must be killed: a check whose absence no
// test sees can be lost without a word.

import { bodies } from './bodies.ts';
import { channels } from './channels.ts';
import { credentials } from './credentials.ts';
import { gate } from './gate.ts';
import { idempotency } from './idempotency.ts';
import { listMutants, type Mutant } from './mutant.ts';
import { log } from './log.ts';
import { notifications } from './notifications.ts';
import { people } from './people.ts';
import { routes } from './routes.ts';
import { serviceUrl } from './service-url.ts';
import { settings } from './settings.ts';
import { webhooks } from './webhooks.ts';

export const mutants: readonly Mutant[] = [
  ...listMutants('gate', gate),
  ...listMutants('channels', channels),
  ...listMutants('service URL', serviceUrl),
  ...listMutants('credentials', credentials),
  ...listMutants('routes', routes),
  ...listMutants('webhooks', webhooks),
  ...listMutants('idempotency', idempotency),
  ...listMutants('bodies', bodies),
  ...listMutants('notifications', notifications),
  ...listMutants('people', people),
  ...listMutants('log', log),
  ...listMutants('settings', settings),
];
