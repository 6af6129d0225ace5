// What the command line does with a service that is not what it should be.

import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { sendNotification } from '../../src/cli/notify.ts';

async function listen(handle: RequestListener): Promise<number> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function send(url: string, key: string) {
  let out = '';
  const code = await sendNotification({ url, key }, { subject: 's', text: 't' }, (text) => {
    out += text;
  });
  return { code, out };
}

it('does not take the API key along to where a redirect points', async () => {
  const received: IncomingHttpHeaders[] = [];
  const other = await listen((request, response) => {
    received.push(request.headers);
    response.end('{}');
  });
  const port = await listen((_, response) => {
    response.writeHead(307, { location: `http://localhost:${other}/` }).end();
  });
  const { code, out } = await send(`http://127.0.0.1:${port}`, 'the-key');
  expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('307') });
  expect(received).toEqual([]);
});

it.each(['the-key\nwith a second line', 'the-këy', 'the key'])(
  'refuses the key %j without repeating it',
  async (key) => {
    const { code, out } = await send('http://127.0.0.1:9', key);
    expect(code).toBe(2);
    expect(out).toContain('printable ASCII');
    expect(out).not.toContain(key.slice(0, 5));
  },
);

it('says so when the answer is not JSON', async () => {
  const port = await listen((_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
  expect(await send(`http://127.0.0.1:${port}`, 'the-key')).toEqual({ code: 1, out: '502 <h1>Bad gateway</h1>\n' });
});

it('says so when the address is none', async () => {
  expect(await send('not a url', 'the-key')).toMatchObject({ code: 1, out: expect.stringContaining('not a url') });
});
