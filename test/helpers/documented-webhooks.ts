// The webhooks of docs/webhooks.md, as they stand there, and an event for each as its source sends it.

import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');

function blocks(kind: 'template' | 'when'): Record<string, unknown>[] {
  return [...page.matchAll(new RegExp(`^\`\`\`json ${kind}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => JSON.parse(text) as Record<string, unknown>,
  );
}

const templates = blocks('template');
const conditions = blocks('when');

/** What POST /api/webhooks is given for the n-th example of the page. */
function documented(index: number, scheme: string) {
  return { name: `documented-${scheme}`, scheme, template: templates[index], when: conditions[index] };
}

export const documentedWebhooks = {
  github: documented(0, 'github'),
  standard: documented(1, 'standard'),
  cloudevents: documented(2, 'cloudevents'),
};

/** docs.github.com, "Webhook events and payloads", pull_request closed: the part that matters, and more. */
export const mergedPullRequest = {
  action: 'closed',
  number: 2,
  pull_request: {
    html_url: 'https://github.com/octo/hello/pull/2',
    title: 'Update the README',
    merged: true,
    labels: [],
  },
  repository: { full_name: 'octo/hello', private: false },
  sender: { login: 'octocat' },
};

export const answeredTicket = {
  type: 'ticket.answered',
  timestamp: '2026-11-28T10:00:00Z',
  data: { ticket: { id: 77 }, agent: { name: 'Kim' }, answer: 'Please try again.' },
};

/** learn.microsoft.com, "Azure Blob Storage as an Event Grid source", in the CloudEvents schema. */
export const createdBlob = {
  source:
    '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/Storage/providers/Microsoft.Storage/storageAccounts/acc',
  subject: '/blobServices/default/containers/in/blobs/a.txt',
  type: 'Microsoft.Storage.BlobCreated',
  time: '2017-06-26T18:41:00.9584103Z',
  id: '831e1650-001e-001b-66ab-eeb76e069631',
  data: { api: 'PutBlockList', contentType: 'text/plain', url: 'https://acc.blob.core.windows.net/in/a.txt' },
  specversion: '1.0',
};
