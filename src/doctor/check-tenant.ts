// Whether our tokens are of a tenant whose tokens the parents take: their own, or that of the Bot Framework.

import { z } from 'zod';
import { requestService } from '../service-client.ts';
import { type Check, fine, fineSoFar, listParents, type Visit, wrong } from './check.ts';
import { tokenSettings } from './check-token.ts';

/** learn: azure/bot-service/skill-pva-update-skill-single-tenant; botframework-connector tokenValidationParameters.ts. */
const botFrameworkTenants = {
  public: 'd6d49420-f39b-4df7-a1dc-d59a935871db',
  usgov: 'cab8a31a-1906-4287-a0d8-4eef66b95f6e',
} as const;

const pageSchema = z.object({ items: z.array(z.object({ callerAppId: z.string(), tenantId: z.string() })) });

export const checkTenant: Check = {
  id: 'tenant',
  needs: [...tokenSettings, 'ALLOWED_TENANTS'],
  after: ['token'],
  look: async (visit) => {
    const { identity, cloud, allowedTenants } = visit.config;
    const isMulti = identity.appType === 'MultiTenant';
    const expected = isMulti ? botFrameworkTenants[cloud] : identity.tenantId;
    const parents = listParents(visit);
    const tenants = new Set(
      (await Promise.all(parents.map(visit.claimsFor))).map(({ tid }) => String(tid).toLowerCase()),
    );
    const [other] = [...tenants].filter((tenant) => tenant !== expected);
    if (other !== undefined) {
      return wrong(
        `Our tokens are of tenant ${other}, and ${isMulti ? 'the Bot Framework is' : 'MicrosoftAppTenantId says'} ${expected}.`,
        isMulti
          ? 'Set MicrosoftAppType to that of the registration: SingleTenant for one of a single tenant.'
          : `Set MicrosoftAppTenantId to ${other}, where the identity is at home, if that is the agent's tenant; else make the identity in the agent's.`,
      );
    }
    const ofParents = await findParentTenants(visit, parents);
    const [foreign] = ofParents.filter((tenant) => !isMulti && tenant !== expected);
    if (foreign !== undefined) {
      return wrong(
        `Our tokens are of tenant ${expected}, and an agent is of tenant ${foreign}: it answers every push with 401.`,
        "Register the skill in the agent's tenant, and set MicrosoftAppId, the secret and MicrosoftAppTenantId to that registration.",
      );
    }
    const [stranger] = ofParents.filter((tenant) => !allowedTenants.includes(tenant));
    if (stranger !== undefined) {
      return wrong(
        `An agent is of tenant ${stranger}, whose calls are refused with 401.`,
        'Add that tenant to ALLOWED_TENANTS.',
      );
    }
    const seen = `Our tokens are of tenant ${expected}`;
    if (ofParents.length > 0) return fine(`${seen}, which the agents take: they are of ${ofParents.join(', ')}.`);
    return fineSoFar(
      "the agent's tenant (--parent-tenant)",
      `${seen}. Whether that is the agent's is not known here: --parent-tenant, or --key of a service that has been called, tells.`,
    );
  },
};

/** As the user says, else as the running service has seen in verified tokens of these parents. */
async function findParentTenants(visit: Visit, parents: readonly string[]): Promise<string[]> {
  const { hints, target } = visit;
  if (hints.parentTenant !== undefined) return [hints.parentTenant.toLowerCase()];
  if (target.key === '') return [];
  try {
    const answer = await requestService(target, '/api/conversations?limit=200', {}, visit.fetch);
    const { items } = pageSchema.parse(await answer.json());
    return [
      ...new Set(items.filter(({ callerAppId }) => parents.includes(callerAppId)).map(({ tenantId }) => tenantId)),
    ];
  } catch {
    return [];
  }
}
