// node --import …/preload.js skill.js: a skill on Microsoft's SDK for JavaScript asks the stand-in instead of Entra,
// without a change of its code. STANDIN_URL says where that is. A process that is started so trusts the stand-in's keys.

import { redirectEntra } from './redirect-entra.ts';

const url = process.env['STANDIN_URL'] ?? '';
if (!URL.canParse(url)) {
  throw new Error('STANDIN_URL must be the address of the stand-in, such as http://127.0.0.1:3979');
}
redirectEntra(url);
