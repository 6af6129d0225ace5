import { once } from 'node:events';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { type FakeSkill, startFakeSkill } from './fake-skill.ts';
import { manifestOf } from './manifests.ts';

let browser: Browser;
let standIn: StandIn;
let skill: FakeSkill;
let page: Page;
let pane: Locator;
let teams: Locator;
let pageErrors: string[];

beforeAll(async () => {
  browser = await launchBrowser();
}, 60_000);

afterAll(() => browser.close());

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: skill.url });
  const text = { type: 'string' };
  const value = { type: 'object', properties: { subject: text, timeoutMinutes: { type: 'integer' } } };
  const resultValue = { type: 'object', properties: { status: text, text } };
  const activities = {
    waitForNotification: { type: 'event', name: 'waitForNotification', description: 'Waits', value, resultValue },
  };
  skill.manifest = () => ({ body: manifestOf(skill, { name: 'Order news', activities }) });
  await standIn.importSkill(`${skill.url}/manifest.json`);
  await openPage();
});

afterEach(async () => {
  await page.close();
  await standIn.stop();
  await skill.stop();
  // Also what the policy blocks ends up here.
  if (pageErrors.length > 0) throw new Error(`errors in the page: ${pageErrors.join('; ')}`);
});

async function openPage(viewport = { width: 1280, height: 800 }): Promise<void> {
  page = await browser.newPage({ viewport });
  pageErrors = [];
  page.on('pageerror', (error) => pageErrors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && pageErrors.push(message.text()));
  await page.goto(standIn.chatPageUrl);
  pane = page.locator('#pane');
  teams = page.locator('#channel');
}

/** Starts the wait in this chat; gives the id of its conversation. */
async function startWait(chat: Locator): Promise<string> {
  await chat.locator('input[name=subject]').fill('order/42');
  await chat.locator('.action-form button').click();
  await chat.locator('.pill[data-state=open]').waitFor();
  return standIn.wire.findLast(({ direction }) => direction === 'agent->skill')?.conversationId ?? 'none';
}

describe('the chats', () => {
  it('start an action, show the message that comes later and the outputs of the action', async () => {
    const id = await startWait(teams);
    expect(skill.received.at(-1)?.activity).toMatchObject({
      name: 'waitForNotification',
      channelId: 'msteams',
      value: { subject: 'order/42', timeoutMinutes: 10 },
    });
    await skill.callBack(standIn, id, { type: 'message', text: 'Your order has been shipped.' });
    await teams.locator('.bubble.skill >> text=Your order has been shipped.').waitFor();
    const end = { type: 'endOfConversation', value: { status: 'notified', other: 1 } };
    await skill.callBack(standIn, id, end);
    await teams.locator('.pill[data-state=ended]').waitFor();
    expect(await teams.locator('.outputs').textContent()).toBe('statusnotifiedother1');
    const finding = teams.locator('.finding >> text=an output was dropped: other: not declared in the manifest');
    expect(await finding.count()).toBe(1);
    expect(await pane.locator('.bubble').count()).toBe(0);
  });

  it('send what is typed, interrupt the action and cancel the topic', async () => {
    await startWait(teams);
    await teams.locator('.message-text').fill('any news?');
    await teams.locator('.message-text').press('Enter');
    await teams.locator('.bubble.user >> text=any news?').waitFor();
    await expect.poll(() => skill.received.at(-1)?.activity['text']).toBe('any news?');
    await teams.locator('.interrupt').click();
    await teams.locator('.pill[data-state=interrupted]').waitFor();
    await startWait(teams);
    await teams.locator('.cancel').click();
    await teams.locator('.pill[data-state=cancelled]').waitFor();
    await expect.poll(() => skill.received.at(-1)?.activity['type']).toBe('endOfConversation');
  });

  it('stand side by side: the test pane takes replies in the answer and says when the topic would be stuck', async () => {
    await startWait(teams);
    await pane.locator('.action-form button').click();
    await pane.locator('.note[data-state=bad] >> text=could not go on').waitFor();
    expect(skill.received.at(-1)?.activity).toMatchObject({ channelId: 'pva-studio', deliveryMode: 'expectReplies' });
    await pane.locator('.finding >> text=neither a reply nor an endOfConversation').waitFor();
  });

  it('show what was started while the skill has not answered yet', async () => {
    const gate = new AbortController();
    skill.onActivity = async () => {
      await once(gate.signal, 'abort');
      return { body: { activities: [{ type: 'endOfConversation', value: { status: 'pushUnavailable' } }] } };
    };
    await startWait(pane);
    expect(await pane.locator('.transcript').textContent()).toContain('calls waitForNotification');
    gate.abort();
    await pane.locator('.pill[data-state=ended]').waitFor();
  });

  it('hold several conversations, on Teams and on the web', async () => {
    const first = await startWait(teams);
    await teams.locator('button[data-channel=directline]').click();
    await teams.locator('h2 >> text=Web chat').waitFor();
    expect(await startWait(teams)).not.toBe(first);
    expect(skill.received.at(-1)?.activity).toMatchObject({ channelId: 'directline', deliveryMode: 'normal' });
    await teams.locator('.conversation-choice').selectOption(first);
    await teams.locator('h2 >> text=Teams').waitFor();
  });

  it('show text from others as text', async () => {
    const id = await startWait(teams);
    const text = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await skill.callBack(standIn, id, { type: 'message', text, attachments: [{ contentType: text }] });
    await teams.locator('.bubble.skill').waitFor();
    expect(await teams.locator('.bubble.skill p').allTextContents()).toEqual([text, text]);
    await skill.callBack(standIn, id, { type: 'endOfConversation', value: { [text]: text } });
    await teams.locator('.finding').waitFor();
    await page.click('#wire summary >> nth=0');
    expect(await page.locator(':is(main) :is(img, script)').count()).toBe(0);
  });
});

describe('the log and the switches', () => {
  it('show the reason of each refusal', async () => {
    const id = await startWait(teams);
    const token = await skill.fetchToken(standIn, { scope: 'https://api.botframework.com/.default' });
    await skill.callBack(standIn, id, { type: 'message', text: 'x' }, { token });
    await page.waitForSelector('#wire .reason >> text=token audience is api.botframework.com');
    await page.check('#only-refused');
    expect(await page.locator('#wire > li:visible').count()).toBe(1);
  });

  it('a fault is set for the next callback, then for all, and is off again', async () => {
    const id = await startWait(teams);
    await page.click('.tabs [data-tab=faults]');
    const press = (name: string, text: string): Locator => page.locator(`[data-fault=${name}] .press >> text=${text}`);
    await press('throttled', 'Next one').click();
    await page.waitForSelector('#active-faults >> text=1 fault is on');
    const first = await skill.callBack(standIn, id, { type: 'message', text: 'a' });
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '5']);
    await page.waitForSelector('#active-faults', { state: 'hidden' });
    await press('failed-after', 'Every one').click();
    await page.waitForSelector('#active-faults:visible');
    for (const text of ['b', 'c']) {
      expect((await skill.callBack(standIn, id, { type: 'message', text })).status).toBe(502);
    }
    await press('failed-after', 'Every one').click();
    await page.waitForSelector('#active-faults', { state: 'hidden' });
    expect((await skill.callBack(standIn, id, { type: 'message', text: 'd' })).status).toBe(200);
    await teams.locator('.bubble.skill >> text="d"').waitFor();
    expect(await teams.locator('.bubble.skill p').allTextContents()).toEqual(['b', 'c', 'd']);
  });

  it('a switch counts at once, and a faulty value is named', async () => {
    const { serviceUrl } = standIn.agent;
    await page.click('.tabs [data-tab=faults]');
    await page.selectOption('select[name=closedStatus]', '410');
    await page.check('input[name=entraAgentId]');
    await expect.poll(() => standIn.switches).toMatchObject({ closedStatus: 410, entraAgentId: true });
    await page.fill('input[name=idleMinutes]', '0');
    await page.press('input[name=idleMinutes]', 'Enter');
    await page.waitForSelector('#tab-faults .note >> text=idleMinutes must be a whole number');
    // The browser's own word for the answer 400.
    expect(pageErrors.splice(0)).toEqual([expect.stringContaining('400')]);
    await page.click('.buttons button >> text="Move service URL"');
    await expect.poll(() => standIn.agent.serviceUrl).not.toBe(serviceUrl);
  });

  it('a skill is imported anew, with what the import has to say', async () => {
    skill.onStranger = () => ({ status: 200 });
    await page.click('.tabs [data-tab=skill]');
    await page.fill('#manifest-url', `${skill.url}/manifest.json`);
    await page.click('#import-form button');
    await page.waitForSelector('.import-finding.warning >> text=ENDPOINT_PROBE_NOT_CHALLENGED');
    expect(await page.textContent('#import-state')).toBe('The last import went well: 1 finding.');
    expect(await page.textContent('#settings')).toContain(standIn.tenantId);
    expect(await page.textContent('#tab-skill')).not.toContain(skill.secret);
  });

  it('on a narrow screen one of them is shown at a time, without scrolling sideways', async () => {
    await page.close();
    await openPage({ width: 420, height: 800 });
    await startWait(pane);
    expect(await teams.isVisible()).toBe(false);
    await page.click('.views [data-view=channel]');
    await startWait(teams);
    expect(await pane.isVisible()).toBe(false);
    await page.click('.views [data-view=rail]');
    await page.waitForSelector('#wire li');
    expect(await page.locator('html').evaluate(({ scrollWidth }) => scrollWidth)).toBe(420);
  });
});
