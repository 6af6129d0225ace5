// What both baselines are told, by their environment.

export type BaselineSettings = {
  readonly port: number;
  readonly appId: string;
  readonly secret: string;
  readonly tenantId: string;
  readonly agentAppId: string;
  readonly loginUrl: string;
};

export function readSettings(): BaselineSettings {
  return JSON.parse(process.env['BENCH_BASELINE'] ?? '{}') as BaselineSettings;
}

/** A notify request, and what a sender is told. */
export type NotifyBody = { readonly subject: string; readonly text: string };

/** What the action getNotifications gives when there is nothing: the one reply of a turn. */
export const emptyOutputs = { count: 0, text: '', notificationsJson: '[]' };
