// A real browser for tests: headless Chromium whose binary ships inside an npm package, so nothing has to be installed.

import sparticuz from '@sparticuz/chromium';
import { chromium, type Browser } from 'playwright-core';

/** Keeps the browser from calling home: tests touch nothing but loopback. */
const quietArgs = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];

/** Starts the browser; the caller closes it. The first start on a machine unpacks the binary to the temp folder. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await sparticuz.executablePath(),
    args: [...sparticuz.args, ...quietArgs],
    headless: true,
  });
}
