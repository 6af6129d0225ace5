// What the page is shown: the whole state, bounded. Nothing in it is a secret.

import { resolveSchema, type SkillManifest } from '../src/manifest/skill-manifest.ts';
import type { OpenedConversation } from './conversation.ts';
import type { Core } from './core.ts';
import { listFaultPresets } from './fault-presets.ts';
import { listSettings } from './settings.ts';
import type { TranscriptEntry } from './types.ts';

const shownRecords = 200;
const shownEntries = 300;
const shownConversations = 40;

/** The state as JSON. */
export function describeState(core: Core): Record<string, unknown> {
  const { agent, directory, wire, switches, faults, lastImport } = core;
  return {
    agent,
    settings: listSettings(core),
    skills: directory.skills.map((skill) => ({
      appId: skill.appId,
      name: skill.name ?? 'Skill',
      endpointUrl: skill.endpointUrl,
      actions: describeActions(skill.manifest),
    })),
    conversations: core.conversations.slice(-shownConversations).map(describeConversation),
    switches,
    faults: listFaultPresets(core.url).map(({ name, title }) => ({ name, title, left: faults.countLeft(name) })),
    import: lastImport === undefined ? null : { ok: lastImport.ok, findings: lastImport.findings },
    wire: wire.records.slice(-shownRecords),
    wireTotal: wire.count(),
  };
}

function describeConversation(one: OpenedConversation): Record<string, unknown> {
  return {
    id: one.id,
    channelId: one.channelId,
    deliveryMode: one.deliveryMode,
    skillAppId: one.skillAppId,
    action: one.action ?? null,
    isOpen: one.hasOpenAction(),
    transcript: one.transcript.slice(-shownEntries).map(describeEntry),
  };
}

/** Of an activity the page needs only what it draws: the values that came back, and how many cards. */
function describeEntry({ activity, ...entry }: TranscriptEntry): Record<string, unknown> {
  const value = entry.type === 'endOfConversation' ? activity?.['value'] : undefined;
  const attachments = activity?.['attachments'];
  return {
    ...entry,
    ...(typeof value === 'object' && value !== null && !Array.isArray(value) && { value }),
    ...(Array.isArray(attachments) && attachments.length > 0 && { attachments: attachments.map(nameAttachment) }),
  };
}

function nameAttachment(attachment: unknown): string {
  const isNamed = typeof attachment === 'object' && attachment !== null && 'contentType' in attachment;
  return isNamed ? String(attachment.contentType) : 'attachment';
}

function describeActions(manifest: SkillManifest | undefined): unknown[] {
  return Object.entries(manifest?.activities ?? {}).map(([name, activity]) => ({
    name,
    type: activity.type,
    description: activity.description ?? '',
    inputs: Object.entries(resolveSchema(manifest, activity.value).properties ?? {}).map(([input, schema]) => ({
      name: input,
      type: resolveSchema(manifest, schema).type ?? 'string',
      description: schema.description ?? schema.title ?? '',
    })),
  }));
}
