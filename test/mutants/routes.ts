// Every route that asks for a credential, without asking.

import type { Group } from './mutant.ts';

const tests = ['test/http/each-route-scope.test.ts'];
const operate = "await authenticate(req, 'operate');";
const operateWebhooks = "await options.authenticate(req, 'operate');";
/** Takes the place of the sender that was asked for. */
const anybody = "{ name: 'anybody', scopes: ['notify:send', 'notify:read', 'operate'] } as const";

/** The line that asks is gone; the one after it tells which of them it was. */
const unasked = (ask: string, next: string) => [`${ask}\n    ${next}`, next] as const;

/** As `unasked`, where the line after it is the same everywhere. */
const unaskedOfPeople = (next: string) => {
  const log = 'const { log } = requestContextOf(req);';
  return [
    `const { name: sender } = await authenticate(req, 'operate');\n    ${log}\n    ${next}`,
    `const sender = 'anybody';\n    ${log}\n    ${next}`,
  ] as const;
};

export const routes: readonly Group[] = [
  {
    file: 'src/http/backup.ts',
    tests,
    rows: [
      [
        'anybody makes a backup',
        "const { name: sender } = await authenticate(req, 'operate');",
        "const sender = 'anybody';",
      ],
    ],
  },
  {
    file: 'src/http/notifications.ts',
    tests,
    rows: [
      ['anybody notifies', "await authenticate(req, 'notify:send');\n    requireJson", `${anybody};\n    requireJson`],
      [
        'anybody finds a notification',
        "await authenticate(req, 'notify:read');\n    const polled",
        `${anybody};\n    const polled`,
      ],
      [
        'anybody lists notifications',
        "await authenticate(req, 'notify:read');\n    const page",
        `${anybody};\n    const page`,
      ],
      [
        'anybody cancels a notification',
        "await authenticate(req, 'notify:send');\n    const found",
        `${anybody};\n    const found`,
      ],
      ['anybody lists conversations', ...unasked(operate, 'const { items, nextCursor }')],
    ],
  },
  {
    file: 'src/http/keys.ts',
    tests,
    rows: [
      ['anybody makes a key', ...unasked(operate, 'const { expiresAt')],
      ['anybody lists keys', ...unasked(operate, 'sendJson(res, 200, { items')],
      ['anybody rotates a key', ...unasked(operate, 'const { overlapHours')],
      ['anybody revokes a key', ...unasked(operate, 'const view')],
    ],
  },
  {
    file: 'src/http/deliveries.ts',
    tests,
    rows: [
      ['anybody lists deliveries', ...unasked(operate, 'const query')],
      ['anybody finds a delivery', ...unasked(operate, 'const found')],
      ['anybody retries a delivery', ...unasked(operate, 'const id')],
      ['anybody retries deliveries', ...unasked(operate, 'const filter = await readFilter(req, retrySchema)')],
      ['anybody purges deliveries', ...unasked(operate, 'const filter = await readFilter(req, purgeSchema)')],
      ['anybody sees the status', ...unasked(operate, 'const { deliveries')],
    ],
  },
  {
    file: 'src/http/webhooks.ts',
    tests,
    rows: [
      ['anybody makes a webhook', ...unasked(operateWebhooks, 'const made')],
      ['anybody lists webhooks', ...unasked(operateWebhooks, 'const items')],
      ['anybody changes a webhook', ...unasked(operateWebhooks, 'const change')],
      ['anybody rotates a webhook', ...unasked(operateWebhooks, 'const { secret')],
      ['anybody revokes a webhook', ...unasked(operateWebhooks, 'const revoked')],
    ],
  },
  {
    file: 'src/http/people.ts',
    tests,
    rows: [
      ['anybody sees a person', ...unaskedOfPeople('const id = String(req.params.id);\n    const person')],
      ['anybody erases a person', ...unaskedOfPeople('const id = String(req.params.id);\n    const line')],
      ['anybody erases a conversation', ...unaskedOfPeople('const conversationId')],
    ],
  },
];
