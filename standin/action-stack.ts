// The actions of one conversation. An interrupting topic may call a second action while the first is still open, and
// an endOfConversation names no action: it ends the one that was opened last.

import type { ActionView } from './types.ts';

type Action = {
  readonly name: string;
  readonly type: string;
  state: ActionView['state'];
  activeAt: number;
  result?: Pick<ActionView, 'code' | 'outputs' | 'dropped'>;
};

export type ActionStack = {
  open(name: string, type: string): void;
  /** The action that the next activity belongs to; closes what has been idle too long first. */
  findOpen(): { readonly name: string; readonly type: string } | undefined;
  /** Resets the idle time of everything that is open. */
  touch(): void;
  endOpen(result: Pick<ActionView, 'code' | 'outputs' | 'dropped'>): void;
  closeAll(state: 'cancelled' | 'interrupted'): void;
  /** The action whose state changed last. */
  viewLast(): ActionView | undefined;
};

/** An empty stack; `now` drives the idle expiry, which is checked whenever the stack is asked. */
export function createActionStack(now: () => number, idleLimitMs: () => number): ActionStack {
  /** The open ones, in order. */
  const actions = new Set<Action>();
  let last: Action | undefined;
  const close = (action: Action, state: ActionView['state']): void => {
    action.state = state;
    last = action;
    actions.delete(action);
  };
  const listOpen = (): Action[] => {
    for (const action of actions) if (now() - action.activeAt > idleLimitMs()) close(action, 'expired');
    return [...actions];
  };
  return {
    open(name, type) {
      last = { name, type, state: 'open', activeAt: now() };
      actions.add(last);
    },
    findOpen: () => listOpen().at(-1),
    touch() {
      for (const action of listOpen()) action.activeAt = now();
    },
    endOpen(result) {
      const action = listOpen().at(-1);
      if (action === undefined) return;
      action.result = result;
      close(action, 'ended');
    },
    closeAll(state) {
      for (const action of listOpen()) close(action, state);
    },
    viewLast() {
      listOpen();
      return last && { name: last.name, state: last.state, ...last.result };
    },
  };
}
