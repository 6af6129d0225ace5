// A user who writes to the bot itself, on a channel of the Bot Framework: through real HTTP with authentication on.

import { afterEach, describe, expect, it } from 'vitest';
import { callbacksOf, countConversations } from '../helpers/activities.ts';
import {
  listConversations,
  openOnTeams,
  person,
  postedToChannel,
  startForChannels,
  textsIn,
} from '../helpers/channels.ts';
import { type Skill } from '../helpers/skill.ts';

let skill: Skill;
afterEach(() => skill.stop());

const connector = 'https://api.botframework.com';

describe('a user on Teams', () => {
  it('gets a short answer, then what is sent to him, as a push and at any time', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    expect(await conversation.say('hello')).toMatchObject({ status: 200 });
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.']);

    const accepted = await skill.notify({ to: { userId: person }, message: { text: 'shipped' } });
    expect(accepted).toMatchObject({ status: 202, body: { status: 'pending', recipients: 1 } });
    await conversation.until((received) => received.length === 2);
    const view = await skill.settled(String(accepted.body['id']), 'delivered');
    expect(view.deliveries[0]?.attempts).toMatchObject([{ via: 'push', step: 'message', outcome: 'delivered' }]);
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.', 'shipped']);

    skill.clock.advance(24 * 3_600_000);
    const later = await skill.notify({ to: { userId: person }, message: { text: 'a day later' } });
    await skill.settled(String(later.body['id']), 'delivered');
    expect(textsIn(conversation).at(-1)).toBe('a day later');
  });

  it('is sent no end of an action, as there is none', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'done' }, result: { parcels: 3 } });
    const view = await skill.settled(String(body['id']), 'delivered');
    expect(view.deliveries[0]?.attempts).toHaveLength(1);
    await conversation.say('hello again');
    expect(conversation.received.map((activity) => activity['type'])).toEqual(['message', 'message', 'message']);
  });

  it('is reached with a token for the Bot Framework, which no parent ever sees', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    const atParent = skill.standIn.openConversation({ user: { aadObjectId: person } });
    await atParent.callAction('waitForNotification', { subject: 's' });
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'to both' } });
    await skill.settled(String(body['id']), 'delivered');
    await conversation.until((received) => received.length === 2);
    expect(postedToChannel(skill).map(({ token }) => token?.['aud'])).toEqual([connector, connector]);
    const audiences = new Set(callbacksOf(skill).map(({ token }) => token?.['aud']));
    expect([...audiences]).toEqual([skill.standIn.agent.appId]);
  });

  it('is shown as a conversation of the channel, open to pushes', async () => {
    skill = await startForChannels('msteams');
    await openOnTeams(skill).say('hello');
    expect(await listConversations(skill)).toMatchObject([
      {
        callerAppId: connector,
        tenantId: '',
        channelId: 'msteams',
        userId: person,
        reachability: 'push',
        reachabilityReason: 'The channel takes messages at any time.',
      },
    ]);
  });

  it('shares no conversation with a parent that names the same ids', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    const atParent = skill.standIn.openConversation({ conversationId: conversation.id, user: { aadObjectId: person } });
    await atParent.callAction('subscribe', { subject: 's' });
    const both = await listConversations(skill);
    expect(new Set(both.map((one) => one['id'])).size).toBe(2);
    expect(new Set(both.map((one) => one['callerAppId']))).toEqual(new Set([connector, skill.standIn.agent.appId]));
  });

  it('opens no action and leaves nothing behind when an event bears the name of one', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    for (const name of ['waitForNotification', 'subscribe', 'getNotifications', 'unknown']) {
      const answer = await conversation.post({ type: 'event', name, value: { subject: 's' } });
      expect(answer.status).toBe(200);
    }
    expect(conversation.received).toEqual([]);
    expect(await countConversations(skill)).toBe(0);
    expect(await skill.notify({ subject: 's', text: 't' })).toMatchObject({ body: { recipients: 0 } });
  });

  it('calls no action with a message that has the inputs or the name of one', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    for (const fields of [{ value: { subject: 's' } }, { name: 'chatUntilNotified', value: { subject: 's' } }]) {
      await conversation.post({ type: 'message', text: 'hello', ...fields });
    }
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.', 'There is nothing new for you.']);
    expect(await skill.notify({ subject: 's', text: 't' })).toMatchObject({ body: { recipients: 0 } });
  });

  it('leaves nothing behind with what is neither a message nor the coming of the bot', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    for (const activity of [
      { type: 'typing' },
      { type: 'messageReaction', reactionsAdded: [{ type: 'like' }] },
      { type: 'endOfConversation' },
      { type: 'installationUpdate', action: 'remove' },
    ]) {
      expect(await conversation.post(activity)).toMatchObject({ status: 200 });
    }
    expect(conversation.received).toEqual([]);
    expect(await countConversations(skill)).toBe(0);
  });

  it('is reached as soon as the bot is installed, before a first message', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    expect(await conversation.post({ type: 'installationUpdate', action: 'add' })).toMatchObject({ status: 200 });
    expect(conversation.received).toEqual([]);
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'welcome' } });
    await skill.settled(String(body['id']), 'delivered');
    expect(textsIn(conversation)).toEqual(['welcome']);
  });
});

describe('a bot that was removed', () => {
  it.each([
    ['installationUpdate', () => ({ type: 'installationUpdate', action: 'remove' })],
    ['conversationUpdate', () => ({ type: 'conversationUpdate', membersRemoved: [{ id: `28:${skill.appId}` }] })],
  ])('is told by %s: what comes is held, and given when the user is back', async (_, removal) => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    expect(await conversation.post(removal())).toMatchObject({ status: 200 });
    expect(await listConversations(skill)).toMatchObject([
      { reachability: 'closed', reachabilityReason: 'The bot was removed from the conversation.' },
    ]);
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'missed' } });
    const held = await skill.settled(String(body['id']), 'held');
    expect(held.deliveries[0]).toMatchObject({ reason: 'not_reachable', attempts: [] });
    await conversation.say('hello again');
    await skill.settled(String(body['id']), 'delivered');
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.', 'missed']);
  });

  it('is still there when it was somebody else who left', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    await conversation.post({ type: 'conversationUpdate', membersRemoved: [{ id: '29:somebody' }] });
    expect(await listConversations(skill)).toMatchObject([{ reachability: 'push' }]);
  });
});
