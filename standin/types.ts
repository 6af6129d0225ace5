// The words of the stand-in: what is recorded on the wire, what a conversation with the agent looks like to a test.

import type { AppRegistration, Skill } from './directory.ts';
import type { ImportOptions } from './import-skill.ts';
import type { RotateOptions } from './key-ring.ts';
import type { ImportResult } from './manifest.ts';
import type { Switches } from './switches.ts';

export type Activity = Record<string, unknown>;

/** One request that crossed the wire, with the answer it got and, when refused, why. Never holds a signature. */
export type WireRecord = {
  readonly at: number;
  readonly direction:
    | 'agent->skill'
    | 'skill->agent'
    | 'skill->tenant'
    | 'agent->manifest'
    | 'page->standin'
    | 'channel->skill'
    | 'skill->channel';
  readonly method: string;
  readonly path: string;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly reason?: string;
  /** Claims of the presented or issued token: aud, iss, tid, appid or azp, ver. */
  readonly token?: Record<string, unknown>;
  readonly activity?: Activity;
  readonly scope?: string;
  readonly conversationId?: string;
};

export type SkillAnswer = {
  /** HTTP status of the skill; 0 when nothing was sent or no answer came. */
  readonly status: number;
  readonly body: unknown;
  /** An event action left without any reply or endOfConversation: the topic cannot go on. */
  readonly stuck?: boolean;
};

export type ActionView = {
  readonly name: string;
  /** `interrupted`: another topic has pushed it aside. */
  readonly state: 'open' | 'ended' | 'cancelled' | 'interrupted' | 'expired';
  readonly code?: string;
  readonly outputs?: Record<string, unknown>;
  readonly dropped?: string[];
};

export type TranscriptEntry = {
  readonly from: 'user' | 'agent' | 'skill';
  readonly text: string;
  /** The activity's; `finding` for what the agent has to complain of. */
  readonly type: string;
  readonly at: number;
  readonly activity?: Activity;
};

export type DeliveryMode = 'normal' | 'expectReplies';

export type ConversationOptions = {
  readonly channel?: 'msteams' | 'directline' | 'pva-studio';
  readonly deliveryMode?: DeliveryMode;
  readonly conversationId?: string;
  readonly user?: { readonly id?: string; readonly aadObjectId?: string; readonly name?: string };
  /** Which registered skill takes part; default the first. */
  readonly skillAppId?: string;
  /** What the activities name as service URL; default the agent's own, wherever it is at the time. */
  readonly serviceUrl?: string;
};

export type AgentConversation = {
  readonly id: string;
  readonly channelId: string;
  readonly deliveryMode: DeliveryMode;
  /** The action that was opened or closed last. */
  readonly action: ActionView | undefined;
  /** The last 500 entries. */
  readonly transcript: readonly TranscriptEntry[];
  /** Calls an action; type and activity name come from the imported manifest, else an event of that name. */
  callAction(name: string, inputs?: Record<string, unknown>): Promise<SkillAnswer>;
  /** The user types. It reaches the skill only while an action is open; else the answer has status 0. */
  say(text: string): Promise<SkillAnswer>;
  /** The topic is cancelled. Tells the skill with endOfConversation unless `tellSkill` is false. */
  cancel(options?: { tellSkill?: boolean }): Promise<SkillAnswer | undefined>;
  /** Another topic takes over and the action is dropped; the default of `tellSkill` is the switch's. */
  interrupt(options?: { text?: string; tellSkill?: boolean }): Promise<SkillAnswer | undefined>;
  /** Sends the conversation's usual activity with these fields laid over it; a field set to undefined is left out. */
  post(activity: Activity): Promise<SkillAnswer>;
  /** Resolves as soon as `done` holds; rejects with the transcript and the last refusals after `timeoutMs` (10 s). */
  until(done: (conversation: AgentConversation) => boolean, options?: { timeoutMs?: number }): Promise<void>;
};

/** A user's conversation with the bot itself, on a channel of the Bot Framework: no agent in between, and no action. */
export type ChannelConversationOptions = {
  /** Default `msteams`. The channel's key is endorsed for `msteams`, `webchat` and `directline`. */
  readonly channel?: string;
  readonly conversationId?: string;
  readonly user?: { readonly id?: string; readonly aadObjectId?: string };
};

export type ChannelConversation = {
  readonly id: string;
  readonly channelId: string;
  /** What the bot has posted here with a token for the Bot Framework, in order. */
  readonly received: readonly Activity[];
  say(text: string): Promise<SkillAnswer>;
  /** Sends the conversation's usual activity with these fields laid over it, and a channel's token for its service URL. */
  post(activity: Activity): Promise<SkillAnswer>;
  /** Resolves as soon as `done` holds; rejects after 10 s. */
  until(done: (received: readonly Activity[]) => boolean): Promise<void>;
};

type FaultAnswer = {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
};

/** What goes wrong with a callback. Where no `answer` is given the wire record has status 0. */
export type Fault =
  | ({ readonly kind: 'answer' } & FaultAnswer)
  /** No answer, until the client gives up or the stand-in stops. */
  | { readonly kind: 'hang' }
  /** The connection is reset (TCP RST). */
  | { readonly kind: 'reset' }
  /** The connection is closed without an answer. */
  | { readonly kind: 'close' }
  /** 200 at once, then one byte of the body at a time: `bytes` of them, or for ever. */
  | { readonly kind: 'drip'; readonly everyMs: number; readonly bytes?: number }
  /** 200 that promises one byte more than the `sendBytes` after which the connection is closed. */
  | { readonly kind: 'cut'; readonly sendBytes: number }
  /** 200 with a streamed body of this size. */
  | { readonly kind: 'huge'; readonly bytes: number }
  /** Handled as usual; only the answer comes later. */
  | { readonly kind: 'delay'; readonly ms: number };

export type FaultRule = {
  readonly fault: Fault;
  /** Only callbacks to this conversation; default every callback. */
  readonly conversationId?: string;
  /** How many callbacks it applies to; default all until it is taken away. */
  readonly times?: number;
  /** Only this share (0 to 1) of the callbacks, drawn from `random`, which must then be given: a seed makes runs repeatable. */
  readonly share?: number;
  /** Gives numbers from 0 up to but not 1, as Math.random does. */
  readonly random?: () => number;
  /** The callback is handled as usual first, only its answer is lost. Default: the activity is not taken. */
  readonly after?: boolean;
};

export type FaultSwitches = {
  /** The next `times` (default 1) callbacks get this answer; goes before every rule. */
  answerNext(answer: FaultAnswer, times?: number): void;
  /** Adds a rule; of several that apply, the oldest does. The function takes it away again. */
  set(rule: FaultRule): () => void;
  /** Takes the queue and all rules away; what hangs already goes on hanging. */
  clear(): void;
};

/** An activity that a conversation has taken, by a callback or in the body of an expectReplies answer. */
export type Receipt = { readonly conversationId: string; readonly activity: Activity; readonly at: number };

export type SignTokenOptions = {
  readonly key?: 'tenant' | 'foreign';
  readonly alg?: string;
  readonly kid?: string;
  readonly omit?: string[];
};

export type StandInOptions = Partial<Switches> & {
  /** Milliseconds since the epoch; token and idle expiry use it. */
  readonly now?: () => number;
  readonly port?: number;
  /** Loopback only. */
  readonly host?: string;
  readonly tenantId?: string;
  readonly agent?: {
    readonly appId?: string;
    readonly name?: string;
    readonly tokenVersion?: TokenVersion;
    /** An agent of before 2025: its tokens come from the Bot Framework's own tenant. */
    readonly multiTenant?: boolean;
  };
  /** Version of the tokens for apps whose registration names none. */
  readonly tokenVersion?: TokenVersion;
};

export type TokenVersion = '1.0' | '2.0';

export type MoveOptions = { readonly keepOld?: boolean };

export type AgentIdentity = { readonly appId: string; readonly name: string; readonly serviceUrl: string };

export type StandIn = {
  readonly url: string;
  readonly loginUrl: string;
  readonly openIdMetadataUrl: string;
  readonly tenantId: string;
  readonly agent: AgentIdentity;
  readonly chatPageUrl: string;
  /** The latest records, at least 20 000 before the oldest go. */
  readonly wire: readonly WireRecord[];
  onWire(listener: (record: WireRecord) => void): () => void;
  /** Called for each activity that a conversation takes, in order, before the answer to it goes out. */
  onReceive(listener: (receipt: Receipt) => void): () => void;
  registerApp(app: AppRegistration): void;
  /** Registers a skill without the import rules. */
  addSkill(skill: Skill): void;
  /** Fetches the manifest, applies the import rules and pings the endpoint, as Copilot Studio does. */
  importSkill(manifestUrl: string, options?: ImportOptions): Promise<ImportResult>;
  /** The same for a manifest in a file. */
  importSkillFile(path: string, options?: ImportOptions): Promise<ImportResult>;
  openConversation(options?: ConversationOptions): AgentConversation;
  /** Where a channel's keys are found, for CHANNEL_OPENID_METADATA_URL. */
  readonly channelOpenIdMetadataUrl: string;
  /** What a channel's activities name as service URL. */
  readonly channelServiceUrl: string;
  /** With the first skill as the bot. */
  openChannelConversation(options?: ChannelConversationOptions): ChannelConversation;
  /** A valid agent-to-skill token for the first skill, with claims laid over it; for tests with hostile tokens. */
  signToken(claims?: Record<string, unknown>, options?: SignTokenOptions): Promise<string>;
  /** What goes wrong with the skill's callbacks. The token is checked all the same, and first. */
  readonly faults: FaultSwitches;
  /** What may be set while it runs; a change counts from the next request on. */
  readonly switches: Switches;
  /** The tenant signs with a new key from now on. */
  rotateKeys(options?: RotateOptions): Promise<void>;
  /** From the next turn on the agent has another service URL; the old one answers 404 unless `keepOld`. */
  moveService(options?: MoveOptions): void;
  stop(): Promise<void>;
};
