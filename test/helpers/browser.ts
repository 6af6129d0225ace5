// A real browser for tests: headless Chromium whose binary ships inside an npm package, so nothing has to be installed.

import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

/** Keeps the browser from calling home, and a page that is not ours too: tests touch nothing but loopback. */
const quietArgs = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-proxy-server',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/**
 * Made for one short page in a cloud function: a single process dies with its first page, and the others switch off
 * checks of the browser that the tests rely on.
 */
const unwantedArgs = ['--single-process', '--no-zygote', '--disable-web-security', '--allow-running-insecure-content'];

/** Starts the browser; the caller closes it. The first start on a machine unpacks the binary to the temp folder. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: [...sparticuz.args.filter((arg) => !unwantedArgs.includes(arg)), ...quietArgs],
    headless: true,
  });
}
