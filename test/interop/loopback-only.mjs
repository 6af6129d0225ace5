// node --import …/loopback-only.mjs program.js: the program reaches this machine alone and is reached from it alone. What
// it wants elsewhere is refused before the name is looked up, and printed.

import { Server, Socket } from 'node:net';

const { connect } = Socket.prototype;
const { listen } = Server.prototype;
const loopback = ['localhost', '127.0.0.1', '::1'];

Socket.prototype.connect = function connectHere(...parameters) {
  // Node's own callers give one array of what they were given.
  const [target, second] = parameters.flat();
  const host = (typeof target === 'object' ? target.host : second) ?? 'localhost';
  if (typeof host !== 'string' || loopback.includes(host)) return connect.apply(this, parameters);
  console.error(`refused to connect to ${host}`);
  // Later, as a real refusal: now nobody listens for the error yet, and the program would end.
  this.connecting = true;
  setImmediate(() => this.destroy(new Error(`refused to connect to ${host}`)));
  return this;
};

Server.prototype.listen = function listenHere(...parameters) {
  const [port, host, ...rest] = parameters;
  if (typeof port !== 'number' || typeof host === 'string') return listen.apply(this, parameters);
  return listen.call(this, port, '127.0.0.1', host, ...rest);
};
