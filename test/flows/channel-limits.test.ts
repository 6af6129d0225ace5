// What a channel does not get: rooms, strangers, channels that are no longer allowed.

import { afterEach, describe, expect, it } from 'vitest';
import type { StandIn } from '../../standin/stand-in.ts';
import { countConversations, postActivity } from '../helpers/activities.ts';
import {
  channelSettings,
  listConversations,
  openOnTeams,
  person,
  postedToChannel,
  startForChannels,
  textsIn,
} from '../helpers/channels.ts';
import { countInFiles } from '../helpers/people.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';

let skill: Skill;
afterEach(() => skill.stop());

describe('rooms and strangers', () => {
  it('gives what is for a person to nobody else: a room is a user of its own', async () => {
    skill = await startForChannels('msteams');
    const room = skill.standIn.openChannelConversation({ user: { aadObjectId: person } });
    const group = { conversation: { id: room.id, conversationType: 'groupChat', isGroup: true } };
    await room.post({ ...group, text: 'hello' });
    expect(await listConversations(skill)).toMatchObject([{ userId: `msteams:${room.id}` }]);
    // Nothing of whoever wrote in it: to erase him would not find it.
    expect(countInFiles(skill.dataDir, person)).toBe(0);
    const forPerson = await skill.notify({ to: { userId: person }, message: { text: 'private' } });
    expect(forPerson.status).toBe(422);
    const forRoom = await skill.notify({ to: { userId: `msteams:${room.id}` }, message: { text: 'public' } });
    await skill.settled(String(forRoom.body['id']), 'delivered');
    expect(textsIn(room)).toEqual(['There is nothing new for you.', 'public']);
  });

  it('lets nobody on Web Chat name an object id of his own choice', async () => {
    skill = await startForChannels('webchat');
    const user = { id: 'client-chosen', aadObjectId: person };
    const conversation = skill.standIn.openChannelConversation({ channel: 'webchat', user });
    await conversation.say('hello');
    expect(await listConversations(skill)).toMatchObject([{ userId: 'webchat:client-chosen' }]);
    expect(await skill.notify({ to: { userId: person }, message: { text: 'secret' } })).toMatchObject({ status: 422 });
  });

  it('turns away users of a tenant that is not allowed', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    const tenantId = '99999999-9999-4999-8999-999999999999';
    const answer = await conversation.post({ conversation: { id: conversation.id, tenantId }, text: 'hello' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'channel_not_allowed' } });
    expect(await countConversations(skill)).toBe(0);
  });
});

// As in life: no host of Teams is a parent's.
const ofTeamsAlone = (standIn: StandIn): Record<string, string> => ({
  ...channelSettings(standIn, 'msteams'),
  ALLOWED_SERVICE_URLS: `msteams=${new URL(standIn.channelServiceUrl).origin}`,
});

describe('where an address is one of a channel alone', () => {
  it('its users are let in, saved and pushed to', async () => {
    skill = await startSkill({ env: ofTeamsAlone });
    const conversation = openOnTeams(skill);
    expect(await conversation.say('hello')).toMatchObject({ status: 200 });
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'now' } });
    await skill.settled(String(body['id']), 'delivered');
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.', 'now']);
  });

  it('no parent may name it', async () => {
    skill = await startSkill({ env: ofTeamsAlone });
    const posted = await postActivity(skill, await skill.standIn.signToken());
    expect(posted).toMatchObject({ status: 403, body: { code: 'service_url_not_allowed' } });
    expect(await countConversations(skill)).toBe(0);
  });
});

describe('expectReplies on a channel', () => {
  it('is answered in the turn and takes no push', async () => {
    skill = await startForChannels('directline');
    const conversation = skill.standIn.openChannelConversation({ channel: 'directline', user: { id: 'u' } });
    const answer = await conversation.post({ text: 'hello', deliveryMode: 'expectReplies' });
    expect(answer).toMatchObject({
      status: 200,
      body: { activities: [{ type: 'message', text: 'There is nothing new for you.' }] },
    });
    expect((answer.body as { activities: unknown[] }).activities).toHaveLength(1);
    const { body } = await skill.notify({ to: { userId: 'directline:u' }, message: { text: 'later' } });
    await skill.settled(String(body['id']), 'held');
    expect(postedToChannel(skill)).toEqual([]);
  });
});

describe('a turn that fails', () => {
  it('is told by the HTTP status: 502 when the channel refuses the answer, and no end is tried', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    const answer = await conversation.post({
      conversation: { id: 'of-nobody', conversationType: 'personal', tenantId: skill.standIn.tenantId },
    });
    expect(answer).toMatchObject({ status: 502, body: { code: 'reply_refused' } });
    expect(postedToChannel(skill)).toMatchObject([{ status: 404 }]);
  });
});

describe('with ALLOWED_CHANNELS emptied', () => {
  it('nothing more goes to the channel: what comes is held, with the setting in the reason', async () => {
    skill = await startForChannels('msteams');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    await skill.restart({ env: { ALLOWED_CHANNELS: '' } });
    const before = skill.standIn.wire.length;
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'too late' } });
    const held = await skill.settled(String(body['id']), 'held');
    expect(held.deliveries[0]).toMatchObject({
      reason: 'channel_not_allowed',
      reasonText: expect.stringContaining('ALLOWED_CHANNELS'),
    });
    expect(await conversation.say('hello?')).toMatchObject({ status: 401 });
    const since = skill.standIn.wire.slice(before);
    expect(since.filter((record) => record.direction === 'skill->channel')).toEqual([]);

    await skill.restart({ env: { ALLOWED_CHANNELS: 'msteams' } });
    await conversation.say('hello again');
    await skill.settled(String(body['id']), 'delivered');
    expect(textsIn(conversation).at(-1)).toBe('too late');
  });

  it('a conversation of a channel that is no longer named is not sent to, either', async () => {
    skill = await startForChannels('msteams,webchat');
    const conversation = openOnTeams(skill);
    await conversation.say('hello');
    await skill.restart({
      env: {
        ALLOWED_CHANNELS: 'webchat',
        ALLOWED_SERVICE_URLS: new URL(skill.standIn.agent.serviceUrl).origin,
      },
    });
    const { body } = await skill.notify({ to: { userId: person }, message: { text: 'too late' } });
    const held = await skill.settled(String(body['id']), 'held');
    expect(held.deliveries[0]?.reasonText).toContain('ALLOWED_CHANNELS');
    expect(textsIn(conversation)).toEqual(['There is nothing new for you.']);
  });
});
