import { once } from 'node:events';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startStandIn, type StandIn } from '../../standin/stand-in.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { type FakeSkill, startFakeSkill } from './fake-skill.ts';

let browser: Browser;
let standIn: StandIn;
let skill: FakeSkill;
let page: Page;
let pageErrors: string[];

beforeAll(async () => {
  browser = await launchBrowser();
}, 60_000);

afterAll(() => browser.close());

beforeEach(async () => {
  skill = await startFakeSkill();
  standIn = await startStandIn();
  standIn.registerApp({ appId: skill.appId, secret: skill.secret, homePageUrl: skill.url });
  skill.manifest = () => ({ body: describeSkill() });
  await standIn.importSkill(`${skill.url}/manifest.json`);
  page = await browser.newPage();
  pageErrors = [];
  page.on('pageerror', (error) => pageErrors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && pageErrors.push(message.text()));
  await page.goto(standIn.chatPageUrl);
});

afterEach(async () => {
  await page.close();
  await standIn.stop();
  await skill.stop();
  // Also what the policy blocks ends up here.
  if (pageErrors.length > 0) throw new Error(`errors in the page: ${pageErrors.join('; ')}`);
});

function describeSkill(): unknown {
  const text = { type: 'string' };
  return {
    $schema: 'https://schemas.botframework.com/schemas/skills/v2.2/skill-manifest.json',
    $id: 'notify',
    name: 'Order news',
    version: '1.0',
    publisherName: 'Contoso',
    endpoints: [{ name: 'e', protocol: 'BotFrameworkV3', endpointUrl: skill.endpointUrl, msAppId: skill.appId }],
    activities: {
      waitForNotification: {
        type: 'event',
        name: 'waitForNotification',
        description: 'Waits for news',
        value: { type: 'object', properties: { subject: text, timeoutMinutes: { type: 'integer' } } },
        resultValue: { type: 'object', properties: { status: text, text } },
      },
    },
  };
}

async function startWait(): Promise<string> {
  await page.click('#new-teams');
  await page.fill('input[name=subject]', 'order/42');
  await page.click('#action-form button');
  await page.waitForSelector('#action-state[data-state=open]');
  return readConversationId();
}

function readConversationId(): string {
  const conversation = skill.received.at(-1)?.activity['conversation'] as { id: string };
  return conversation.id;
}

describe('the chat page', () => {
  it('starts an action, shows the message that comes later and the outputs of the action', async () => {
    const id = await startWait();
    expect(skill.received.at(-1)?.activity).toMatchObject({
      name: 'waitForNotification',
      value: { subject: 'order/42', timeoutMinutes: 10 },
    });
    await skill.callBack(standIn, id, { type: 'message', text: 'Your order has been shipped.' });
    await page.waitForSelector('.bubble.skill >> text=Your order has been shipped.');
    await skill.callBack(standIn, id, { type: 'endOfConversation', value: { status: 'notified' } });
    await page.waitForSelector('#action-state[data-state=ended]');
    expect(await page.textContent('.outputs')).toBe('statusnotified');
  });

  it('sends what is typed and cancels the topic', async () => {
    await startWait();
    await page.fill('#message-text', 'any news?');
    await page.press('#message-text', 'Enter');
    await page.waitForSelector('.bubble.user >> text=any news?');
    await expect.poll(() => skill.received.at(-1)?.activity['text']).toBe('any news?');
    await page.click('#cancel');
    await page.waitForSelector('#action-state[data-state=cancelled]');
    await expect.poll(() => skill.received.at(-1)?.activity['type']).toBe('endOfConversation');
  });

  it('uses expectReplies in the test pane and says when the topic would be stuck', async () => {
    await page.click('#new-pane');
    await page.click('#action-form button');
    await page.waitForSelector('#composer-note[data-state=bad] >> text=could not go on');
    expect(skill.received.at(-1)?.activity).toMatchObject({ channelId: 'pva-studio', deliveryMode: 'expectReplies' });
  });

  it('shows what was started while the skill has not answered yet', async () => {
    const gate = new AbortController();
    skill.onActivity = async () => {
      await once(gate.signal, 'abort');
      return { body: { activities: [{ type: 'endOfConversation', value: { status: 'pushUnavailable' } }] } };
    };
    await page.click('#new-pane');
    await page.click('#action-form button');
    await page.waitForSelector('#action-state[data-state=open]');
    expect(await page.textContent('#transcript')).toContain('calls waitForNotification');
    gate.abort();
    await page.waitForSelector('#action-state[data-state=ended]');
  });

  it('shows the reason of each refusal beside the chat', async () => {
    const id = await startWait();
    const token = await skill.fetchToken(standIn, { scope: 'https://api.botframework.com/.default' });
    await skill.callBack(standIn, id, { type: 'message', text: 'x' }, { token });
    await page.waitForSelector('#wire .reason >> text=token audience is api.botframework.com');
    await page.check('#only-refused');
    expect(await page.locator('#wire > li:visible').count()).toBe(1);
  });

  it('shows text from others as text', async () => {
    const id = await startWait();
    const text = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    await skill.callBack(standIn, id, { type: 'message', text });
    await page.waitForSelector('.bubble.skill');
    expect(await page.textContent('.bubble.skill p')).toBe(text);
    expect(await page.locator('#transcript img, #transcript script').count()).toBe(0);
  });
});

describe('the API behind the page', () => {
  it('serves the page under a strict policy', async () => {
    const response = await fetch(standIn.chatPageUrl);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect((await fetch(`${standIn.url}/package.json`)).status).toBe(404);
    expect((await fetch(`${standIn.url}/other.js`)).status).toBe(404);
  });

  it('refuses pages of other sites, forms and bodies that are no object', async () => {
    const url = `${standIn.url}/standin/conversations`;
    const json = { 'Content-Type': 'application/json' };
    const post = (headers: Record<string, string>, body: string): Promise<Response> =>
      fetch(url, { method: 'POST', headers, body });
    expect((await post({ ...json, Origin: 'https://evil.example' }, '{}')).status).toBe(403);
    expect((await post({ 'Content-Type': 'text/plain' }, '{}')).status).toBe(415);
    expect((await post(json, '[')).status).toBe(400);
    expect((await post(json, '[]')).status).toBe(400);
    expect((await fetch(`${url}/unknown/cancel`, { method: 'POST', headers: json })).status).toBe(404);
  });
});
