// What must be known to set a service up: asked one after the other, or given as options.

type AppType = 'SingleTenant' | 'UserAssignedMSI';

export type Answers = {
  readonly appType: AppType;
  readonly tenant: string;
  /** Comma separated app ids. */
  readonly callers: string;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** Of the app registration and the Azure Bot. */
  readonly name: string;
  readonly resourceGroup: string;
  readonly appId: string;
  /** Undefined for a managed identity. */
  readonly secret: string | undefined;
};

/** Options of the command line, by their names. */
export type Given = {
  readonly 'app-type'?: string | undefined;
  readonly tenant?: string | undefined;
  readonly callers?: string | undefined;
  readonly 'public-url'?: string | undefined;
  readonly name?: string | undefined;
  readonly 'resource-group'?: string | undefined;
  readonly 'app-id'?: string | undefined;
};

type Field = keyof Given;

type Question = {
  readonly text: string;
  readonly standard?: string;
  readonly pattern: RegExp;
  /** What an answer must be. */
  readonly form: string;
};

const guid = String.raw`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`;
const host = String.raw`[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?`;
const loopback = String.raw`(?:localhost|127\.0\.0\.1)(?::\d{1,5})?`;

/** In the order in which they are asked. What is taken may stand in a command of a shell as it is. */
const questions: Readonly<Record<Field, Question>> = {
  'app-type': {
    text: 'Does the skill prove itself with a secret (SingleTenant) or as a managed identity of Azure (UserAssignedMSI)?',
    standard: 'SingleTenant',
    pattern: /^(?:SingleTenant|UserAssignedMSI)$/,
    form: 'SingleTenant or UserAssignedMSI',
  },
  tenant: {
    text: "Tenant id of the agent's directory (Entra ID > Overview)",
    pattern: new RegExp(`^${guid}$`, 'i'),
    form: 'a GUID',
  },
  callers: {
    text: 'App id of the agent (Copilot Studio: Settings > Advanced > Metadata > Agent app ID); of several, with commas',
    pattern: new RegExp(`^${guid}(?:, *${guid})*$`, 'i'),
    form: 'a GUID, or several with commas',
  },
  'public-url': {
    text: 'https address under which Copilot Studio will reach this service',
    pattern: new RegExp(`^(?:https://${host}|http://${loopback})/?$`, 'i'),
    form: 'https://host, without a path (http for localhost alone)',
  },
  name: {
    text: 'Name for the registration and the Azure Bot',
    standard: 'copilot-notify',
    pattern: /^[a-z\d][\w-]{3,41}$/i,
    form: '4 to 42 letters, digits, - and _',
  },
  'resource-group': {
    text: 'Resource group for what is made in Azure (the identity; the Azure Bot, which only ALLOWED_CHANNELS needs)',
    standard: 'copilot-notify',
    pattern: /^[a-z\d](?:[\w.-]{0,88}[\w-])?$/i,
    form: 'at most 90 letters, digits, - . and _',
  },
  'app-id': {
    text: 'App id of the skill, as that command has printed it',
    pattern: new RegExp(`^${guid}$`, 'i'),
    form: 'a GUID',
  },
};

/** Asks for one line; undefined when there is no more to come. */
export type Ask = (text: string, options?: { readonly isSecret?: boolean }) => Promise<string | undefined>;

export type Gathering = {
  readonly given: Given;
  /** From a file or the environment. */
  readonly secret: string | undefined;
  /** Absent: nobody is there to be asked. */
  readonly ask?: Ask | undefined;
  readonly write: (text: string) => void;
  /** Told before the app id and the secret are asked for: what makes them. */
  readonly beforeAppId: (known: Omit<Answers, 'appId' | 'secret'>) => string;
  readonly beforeSecret: (known: Omit<Answers, 'secret'>) => string;
};

/** All answers, or what is missing or wrong. */
export async function gatherAnswers(gathering: Gathering): Promise<Answers | { readonly faults: readonly string[] }> {
  const faults = listFaults(gathering);
  if (faults.length > 0) return { faults };
  const appType = (await find('app-type', gathering)) as AppType | undefined;
  const tenant = await find('tenant', gathering);
  const callers = await find('callers', gathering);
  const publicUrl = (await find('public-url', gathering))?.replace(/\/$/, '').toLowerCase();
  const name = await find('name', gathering);
  const resourceGroup = await find('resource-group', gathering);
  if (!appType || !tenant || !callers || !publicUrl || !name || !resourceGroup) return ended;
  const known = { appType, tenant, callers: callers.replaceAll(' ', ''), publicUrl, name, resourceGroup };
  if (gathering.given['app-id'] === undefined) gathering.write(gathering.beforeAppId(known));
  const appId = await find('app-id', gathering);
  if (!appId) return ended;
  const secret = appType === 'SingleTenant' ? await findSecret({ ...known, appId }, gathering) : undefined;
  if (appType === 'SingleTenant' && !secret) return ended;
  return { ...known, appId, secret };
}

const ended = { faults: ['The questions were not answered to the end: nothing was written.'] };

function listFaults({ given, secret, ask }: Gathering): string[] {
  const faults: string[] = [];
  for (const [name, { pattern, form, standard }] of Object.entries(questions) as [Field, Question][]) {
    const text = given[name]?.trim();
    if (text !== undefined && !pattern.test(text)) faults.push(`--${name} must be ${form}.`);
    if (text === undefined && standard === undefined && !ask) faults.push(`Give --${name}: ${form}.`);
  }
  const isManaged = given['app-type'] === 'UserAssignedMSI';
  if (secret === undefined && !ask && !isManaged) {
    faults.push('Give --secret-file FILE with the client secret, or set MicrosoftAppPassword in the environment.');
  }
  return faults;
}

async function find(name: Field, { given, ask, write }: Gathering): Promise<string | undefined> {
  const { text, standard, pattern, form } = questions[name];
  const known = given[name]?.trim();
  if (known !== undefined) return known;
  if (!ask) return standard;
  for (;;) {
    const answer = await ask(`${text}${standard === undefined ? '' : ` [${standard}]`}: `);
    if (answer === undefined) return undefined;
    const trimmed = answer.trim() === '' ? (standard ?? '') : answer.trim();
    if (pattern.test(trimmed)) return trimmed;
    write(`It must be ${form}.\n`);
  }
}

async function findSecret(known: Omit<Answers, 'secret'>, gathering: Gathering): Promise<string | undefined> {
  const { secret, ask, write, beforeSecret } = gathering;
  if (secret !== undefined || !ask) return secret;
  write(beforeSecret(known));
  for (;;) {
    const answer = await ask('Client secret of the skill, as that command has printed it: ', { isSecret: true });
    if (answer === undefined || answer.trim() !== '') return answer?.trim();
  }
}
