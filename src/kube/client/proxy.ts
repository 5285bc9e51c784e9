import http from 'node:http';
import type { RequestOptions } from 'node:https';
import { isIP, isIPv6, type Socket } from 'node:net';
import { TlsAgent } from '@agentcard-operator/wire/tls';

/** Where an agent wants to go. */
type Target = Readonly<{ host: string; port: number }>;

const connectMs = 15_000;

/** The schemes that kubectl takes. Names are resolved by the proxy. */
export function parseProxy(text: string): URL {
  const proxy = URL.parse(text);
  if (proxy !== null && /^(https?|socks5h?):$/.test(proxy.protocol)) return proxy;
  throw new Error('the proxy-url of the kubeconfig is no address of a proxy: write http://, https:// or socks5://');
}

/** Makes an agent connect through a proxy. TLS is spoken with the server itself, as it is without one. */
export function throughProxy(agent: http.Agent, proxy: URL): http.Agent {
  const direct = agent.createConnection.bind(agent);
  const isTls = agent instanceof TlsAgent;
  const open = proxy.protocol.startsWith('socks') ? openBySocks : openByConnect;
  agent.createConnection = (options, created) => {
    const settle = created as (error: Error | null, socket?: unknown) => void;
    open(proxy, { host: options.host ?? '', port: Number(options.port) }).then(
      (socket) => settle(null, isTls ? direct({ ...options, socket } as http.ClientRequestArgs) : socket),
      settle,
    );
    return undefined;
  };
  return agent;
}

function openByConnect(proxy: URL, { host, port }: Target): Promise<Socket> {
  const path = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const { hostname, username, password } = partsOf(proxy);
  const credentials = Buffer.from(`${username}:${password}`).toString('base64');
  const authorization = username === '' ? {} : { 'proxy-authorization': `Basic ${credentials}` };
  const isTls = proxy.protocol === 'https:';
  const options: RequestOptions = {
    ...{ method: 'CONNECT', protocol: proxy.protocol, host: hostname, port: proxy.port || (isTls ? 443 : 80), path },
    ...{ agent: isTls ? new TlsAgent({ maxCachedSessions: 0 }) : new http.Agent(), timeout: connectMs },
    headers: { host: path, ...authorization },
    servername: isIP(hostname) ? '' : hostname,
  };
  const request = http.request(options);
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode }, socket: Socket) => {
      request.setTimeout(0);
      if (statusCode === 200) return resolve(socket.setKeepAlive(true, 30_000));
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode} instead of connecting to ${path}`));
    });
    request.once('timeout', () => request.destroy(new Error(`the proxy ${proxy.host} does not answer`)));
    request.once('error', reject).end();
  });
}

async function openBySocks(proxy: URL, destination: Target): Promise<Socket> {
  const { SocksClient } = await import('socks');
  const { hostname: host, username: userId, password } = partsOf(proxy);
  const { socket } = await SocksClient.createConnection({
    proxy: { host, port: Number(proxy.port) || 1080, type: 5, userId, password },
    ...{ command: 'connect', destination, timeout: connectMs },
  });
  return socket.setKeepAlive(true, 30_000);
}

function partsOf({ hostname, username, password }: URL) {
  return {
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}
