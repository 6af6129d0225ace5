// Who may import whom: the description of the architecture.

/**
 * Left: a folder or file of src. `values`: what it may import; `types`: what it may import with `import type` besides.
 * A name is a folder (with everything in it) or a file without its ending. A folder may always import from itself.
 */
export const parts: Readonly<Record<string, { values: readonly string[]; types?: readonly string[] }>> = {
  main: { values: ['app', 'config', 'logger', 'outbound/threaded-client'] },
  app: {
    values: [
      'http',
      'bot',
      'keys',
      'notifications',
      'conversations',
      'manifest',
      'readiness',
      'storage',
      'webhooks',
      'channels',
      'clock',
      'config',
      'logger',
    ],
    types: ['outbound/http-client'],
  },
  // What is sent to others leaves from a thread of its own, which alone loads the client: see the packages below.
  outbound: { values: [] },
  readiness: { values: ['storage'], types: ['http/open-routes'] },
  http: {
    values: [
      'bag',
      'ip-network',
      'keys/api-key',
      'notifications/idempotency',
      'notifications/notify-request',
      'webhooks',
    ],
    types: ['keys', 'notifications', 'storage/backup'],
  },
  keys: { values: ['rotation', 'signed-token', 'storage'] },
  rotation: { values: [] },
  'signed-token': { values: [] },
  // The shape of a notification is what an action gives; how notifications are kept and sent comes as an argument.
  bot: {
    values: [
      'channels',
      'conversations',
      'notifications/notification',
      'outbound/http-client',
      'signed-token',
      'storage/locks',
      'storage/together',
      'storage/transact',
    ],
    types: ['notifications', 'storage'],
  },
  notifications: { values: ['bag', 'conversations', 'storage'], types: ['config-delivery'] },
  conversations: { values: ['channels', 'storage'] },
  storage: { values: [] },
  manifest: { values: [] },
  webhooks: { values: ['notifications/notify-request', 'rotation', 'storage/transact'], types: ['storage'] },
  // A copy of the data is for a service that does not run; all else goes through one that does, over HTTP.
  cli: {
    values: ['config', 'doctor', 'init', 'main', 'manifest', 'notifications/lane-store', 'service-client', 'storage'],
    types: ['setting-reader'],
  },
  // Looks at the parts as they are used: the same tokens, the same rules of the import, the same drivers.
  doctor: {
    values: [
      'bot/credentials',
      'bot/explain-token-failure',
      'channels',
      'config',
      'manifest',
      'outbound/undici-client',
      'service-client',
      'signed-token',
      'storage/postgres',
      'storage/sqlite',
    ],
    types: ['setting-reader'],
  },
  init: { values: [] },
  'service-client': { values: [] },
  config: {
    values: [
      'config-channels',
      'config-delivery',
      'config-identity',
      'config-senders',
      'service-url-rule',
      'setting-reader',
    ],
    types: ['channels'],
  },
  'config-channels': { values: ['channels'], types: ['setting-reader'] },
  'config-delivery': { values: [], types: ['setting-reader'] },
  'config-identity': { values: ['setting-reader'] },
  'config-senders': { values: ['ip-network'], types: ['config-identity', 'setting-reader'] },
  'ip-network': { values: [] },
  'service-url-rule': { values: ['channels', 'setting-reader'] },
  'setting-reader': { values: [] },
  channels: { values: [] },
  bag: { values: [] },
  logger: { values: [] },
  clock: { values: [] },
  errors: { values: [] },
};
export const forAll = { values: ['errors'], types: ['config', 'logger', 'clock'] };

/** Packages that only some parts know: paths in src. Everywhere else not even their types are known. */
export const packages: Readonly<Record<string, { values: readonly RegExp[]; types?: readonly RegExp[] }>> = {
  botbuilder: { values: [/^bot\//u], types: [/^conversations\//u, /^app\.ts$/u] },
  'botframework-connector': { values: [/^bot\//u] },
  'botframework-schema': { values: [/^bot\//u], types: [/^conversations\//u, /^app\.ts$/u] },
  restify: { values: [/^http\//u] },
  kysely: { values: [/^storage\//u, /-store\.ts$/u] },
  libsql: { values: [/^storage\//u] },
  undici: { values: [/^outbound\/undici-client\.ts$/u] },
  dotenv: { values: [/^main\.ts$/u, /^cli\//u] },
};
