// T6, the heads: request lines, headers and paths that no client of ours would send.

type OddRequest = readonly [name: string, status: number, text: string];

const host = 'Host: localhost\r\n';
const end = 'Connection: close\r\n\r\n';
const get = (target: string, headers = ''): string => `GET ${target} HTTP/1.1\r\n${host}${headers}${end}`;

const startLines: OddRequest[] = [
  ['HTTP/0.9', 400, 'GET /health/live\r\n\r\n'],
  ['HTTP/1.0 without Host', 200, `GET /health/live HTTP/1.0\r\n\r\n`],
  ['HTTP/1.2', 400, `GET /health/live HTTP/1.2\r\n${host}${end}`],
  ['HTTP/2.0', 400, `GET /health/live HTTP/2.0\r\n${host}${end}`],
  ['HTTP/9.9', 400, `GET /health/live HTTP/9.9\r\n${host}${end}`],
  ['http in small letters', 400, `GET /health/live http/1.1\r\n${host}${end}`],
  ['the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['the hello of TLS', 400, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ['a method that nobody knows', 400, `FETCH /health/live HTTP/1.1\r\n${host}${end}`],
  ['a method in small letters', 400, `get /health/live HTTP/1.1\r\n${host}${end}`],
  ['two blanks, which Node forgives', 200, `GET  /health/live HTTP/1.1\r\n${host}${end}`],
  ['CONNECT', 0, `CONNECT example.com:443 HTTP/1.1\r\n${host}${end}`],
  ['TRACE', 405, `TRACE /api/messages HTTP/1.1\r\n${host}${end}`],
  ['TRACE of nothing', 404, `TRACE /nowhere HTTP/1.1\r\n${host}${end}`],
  ['OPTIONS *', 200, `OPTIONS * HTTP/1.1\r\n${host}${end}`],
  ['GET *', 404, get('*')],
  ['PROPFIND', 405, `PROPFIND /api/notify HTTP/1.1\r\n${host}${end}`],
  ['REPORT with a body', 405, `REPORT /api/notify HTTP/1.1\r\n${host}Content-Length: 2\r\n${end}{}`],
];

const headers: OddRequest[] = [
  ['no Host', 400, `GET /health/live HTTP/1.1\r\n${end}`],
  ['two Hosts', 400, get('/health/live', 'Host: other\r\n')],
  ['the same Host twice', 400, get('/health/live', host)],
  ...[
    '[',
    'foo|bar',
    'a:99999',
    'a b',
    '%',
    '::1',
    'x@y:z',
    'user:word@localhost',
    'a/b',
    'a\\b',
    'a?b',
    'a#b',
    'localhost/health/live?',
    '<b>',
  ].map((value): OddRequest => [`Host: ${value}`, 400, `GET /health/live HTTP/1.1\r\nHost: ${value}\r\n${end}`]),
  ['one header of 17 KB', 431, get('/health/live', `X-Long: ${'x'.repeat(17_000)}\r\n`)],
  ['190 headers', 200, get('/health/live', 'a: 1\r\n'.repeat(190))],
  ['201 headers', 400, get('/health/live', 'a: 1\r\n'.repeat(199))],
  ['900 headers', 400, get('/health/live', 'a: 1\r\n'.repeat(900))],
  ['a blank before the colon', 400, get('/health/live', 'X-A : 1\r\n')],
  ['a header without a name', 400, get('/health/live', ': 1\r\n')],
  ['a header without a colon', 400, get('/health/live', 'nonsense\r\n')],
  ['a NUL in a header', 400, get('/health/live', 'X-A: a\u0000b\r\n')],
  ['a NUL in the name of a header', 400, get('/health/live', 'X\u0000A: a\r\n')],
  ['a bare CR in a header', 400, get('/health/live', 'X-A: a\rX-B: b\r\n')],
  ['an umlaut in the name of a header', 400, get('/health/live', 'X-\u00c4: a\r\n')],
  ['Upgrade: websocket', 200, get('/health/live', 'Upgrade: websocket\r\n')],
  ['Upgrade: websocket to the adapter', 405, get('/api/messages', 'Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n')],
  ['Upgrade: h2c to notify', 405, get('/api/notify', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n')],
  ['a range', 200, get('/health/live', 'Range: bytes=0-1\r\n')],
];

const targets: OddRequest[] = [
  ['an absolute URL', 200, get('http://localhost/health/live')],
  ['an absolute URL of another host', 200, get('http://example.com/health/live')],
  ['an absolute URL of another scheme', 404, get('ftp://example.com/nowhere')],
  ['a URL with a name and password', 400, get('http://a:b@localhost/health/live')],
  ['a URL of 100 KB', 431, get(`/${'x'.repeat(100_000)}`)],
  ['a query of 100 KB', 431, get(`/health/live?${'x'.repeat(100_000)}`)],
  ['a path of 15 KB', 404, get(`/${'x'.repeat(15_000)}`)],
  ['/../../etc/passwd', 404, get('/../../etc/passwd')],
  ['/manifests/../../package.json', 404, get('/manifests/../../package.json')],
  ['/manifests/%2e%2e%2fpackage.json', 404, get('/manifests/%2e%2e%2fpackage.json')],
  ['/manifests/..%5c..%5cpackage.json', 404, get('/manifests/..%5c..%5cpackage.json')],
  ['/manifests/%252e%252e%252fpackage.json', 404, get('/manifests/%252e%252e%252fpackage.json')],
  ['/manifests/skill.json%00.txt', 404, get('/manifests/skill.json%00.txt')],
  ['/health/live%00', 404, get('/health/live%00')],
  ['/%', 400, get('/%')],
  ['/health/%zz', 400, get('/health/%zz')],
  ['/manifests/%c3%28', 400, get('/manifests/%c3%28')],
  ['/manifests/%ff', 400, get('/manifests/%ff')],
  ['//example.com/health/live', 404, get('//example.com/health/live')],
  ['/health/live;a=b', 404, get('/health/live;a=b')],
  ['a control character in the path', 400, get('/health/\u0001live')],
];

export const oddRequests: readonly OddRequest[] = [...startLines, ...headers, ...targets];
