// Loaded before a pod's own program: stands for the pod's network, in which whoever names no address listens on the pod's.
import { Server } from 'node:net';

const { listen } = Server.prototype;
const host = process.env.POD_IP;

Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  const [port, ...rest] = args;
  return Reflect.apply(listen, this, typeof port === 'number' ? [port, host, ...rest] : args);
} as typeof listen;
