// The tenant's app registrations and the skills that the agent knows.

import type { SkillManifest } from '../src/manifest/skill-manifest.ts';
import { botFrameworkTenantId } from './tokens.ts';
import type { TokenVersion } from './types.ts';

/** An Entra app registration. `tenantId` 'botframework.com' (or its id) makes it a multi-tenant registration. */
export type AppRegistration = {
  readonly appId: string;
  readonly secret: string;
  readonly tenantId?: string;
  readonly publisherDomain?: string;
  readonly homePageUrl?: string;
  /** Of the tokens for this app: its own registration decides that (accessTokenAcceptedVersion). */
  readonly tokenVersion?: TokenVersion;
};

export type Skill = {
  readonly appId: string;
  readonly endpointUrl: string;
  readonly name?: string;
  readonly manifest?: SkillManifest;
};

export type Directory = {
  readonly tenantId: string;
  registerApp(app: AppRegistration): void;
  findApp(appId: string): AppRegistration | undefined;
  /** The app, if this tenant knows it: registered there, or a multi-tenant registration. */
  findAppInTenant(appId: string, tenantId: string): AppRegistration | undefined;
  /** Tenant id of a path segment (`common` is no tenant for app-only tokens), or undefined when unknown. */
  findTenant(segment: string): string | undefined;
  addSkill(skill: Skill): void;
  readonly skills: readonly Skill[];
  findSkill(appId: string): Skill | undefined;
};

/** A directory that holds the agent's own registration. App ids and tenants are compared without case. */
export function createDirectory(tenantId: string): Directory {
  const apps = new Map<string, AppRegistration>();
  const skills = new Map<string, Skill>();
  const homeOf = (app: AppRegistration): string => normalizeTenant(app.tenantId ?? tenantId);
  return {
    tenantId,
    registerApp: (app) => void apps.set(app.appId.toLowerCase(), app),
    findApp: (appId) => apps.get(appId.toLowerCase()),
    findAppInTenant(appId, tenant) {
      const app = apps.get(appId.toLowerCase());
      if (app === undefined) return undefined;
      return homeOf(app) === tenant || homeOf(app) === botFrameworkTenantId ? app : undefined;
    },
    findTenant(segment) {
      const wanted = normalizeTenant(segment);
      const known = [normalizeTenant(tenantId), botFrameworkTenantId, ...[...apps.values()].map(homeOf)];
      return known.find((tenant) => tenant === wanted);
    },
    addSkill: (skill) => void skills.set(skill.appId.toLowerCase(), skill),
    get skills() {
      return [...skills.values()];
    },
    findSkill: (appId) => skills.get(appId.toLowerCase()),
  };
}

function normalizeTenant(tenant: string): string {
  const lower = tenant.toLowerCase();
  return lower === 'botframework.com' ? botFrameworkTenantId : lower;
}
