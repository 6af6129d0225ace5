// Whether the settings are complete, and skill and parents are different apps.

import { type Check, fine, wrong } from './check.ts';

/** Every fault of the settings by its name, never a value. */
export const checkSettings: Check = {
  id: 'settings',
  needs: [],
  after: [],
  look: ({ faults, warnings }) => {
    const hints = warnings.map((warning) => ` Warning: ${warning}`).join('');
    if (faults.length === 0) return fine(`The settings are complete.${hints}`);
    const list = faults.map(({ setting, message }) => `${setting}: ${message}`).join('; ');
    return wrong(
      `${list}.${hints}`,
      'Mend them in .env or the environment (see .env.example): the service does not start.',
    );
  },
};

/**
 * A caller with the skill's own app id is none: its tokens are those that the skill itself has, which the gate refuses
 * (BotBuilder-Samples#3395 is the same failure with the SDK).
 */
export const checkAppId: Check = {
  id: 'app-id',
  needs: ['MicrosoftAppId', 'AllowedCallers'],
  after: [],
  look: ({ config: { identity, allowedCallers } }) => {
    if (!allowedCallers.includes(identity.appId)) {
      return fine(`The skill is app ${identity.appId}; the allowed callers are others: ${allowedCallers.join(', ')}.`);
    }
    return wrong(
      `AllowedCallers has the skill's own app id ${identity.appId}: with one app registration for both, the agent's calls get 401.`,
      "Register the skill as an app of its own. MicrosoftAppId is the skill's; AllowedCallers has the agent's app id, from Copilot Studio's Settings > Advanced > Metadata.",
    );
  },
};
