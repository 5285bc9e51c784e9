/** One process that is every agent, and the SPIFFE Workload API. Started by `startFleet`, led by messages. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { FakeWorkloadApi, svidMessage } from '../pki/fake-workload-api.ts';
import { keyPemOf, type Minted, pemOf, root, svid } from '../pki/mint.ts';
import { cardOf } from './cards.ts';
import type { FleetMessage, FleetReport } from './fleet-messages.ts';
import type { Part } from './parameters.ts';
import { type Member, spiffeId, trustDomain } from './population.ts';

interface Actor {
  readonly member: Member;
  part: Part;
  /** Goes into the card: another one is another card. */
  version: number;
  context: SecureContext | undefined;
  askedAt: number;
  waited: number;
}

const operatorId = `spiffe://${trustDomain}/ns/agentcard-system/sa/agentcard-operator`;
const delays: Readonly<Partial<Record<Part, number>>> = { slow: 1_000, tardy: 4_900 };

const workloadApi = new FakeWorkloadApi();
const actors = new Map<string, Actor>();
/** All are in the bundle. */
let authorities: Minted[] = [root(trustDomain)];
let signer = newest();
let operator = svid(signer, operatorId);
let cardBytes = 3_000;
let newcomer: Actor | undefined;
const counts = { dials: 0, cards: 0 };
/** Of good agents, since it is measured. */
let ended: number[] = [];
const lag = monitorEventLoopDelay({ resolution: 20 });
lag.enable();

function newest(): Minted {
  const last = authorities.at(-1);
  if (last === undefined) throw new Error('no authority');
  return last;
}

function actorOf(member: Member): Actor {
  return { member, part: member.part, version: 1, context: undefined, askedAt: Date.now(), waited: 0 };
}

function contextOf(actor: Actor): SecureContext {
  if (actor.context === undefined) {
    const id = actor.part === 'lying' ? `spiffe://${trustDomain}/ns/elsewhere/sa/liar` : spiffeId(actor.member);
    const leaf = svid(signer, id);
    actor.context = createSecureContext({ cert: pemOf(leaf), key: keyPemOf(leaf), ca: pemOf(...authorities) });
  }
  return actor.context;
}

function actorAt({ localAddress = '' }: Socket): Actor | undefined {
  return actors.get(localAddress) ?? newcomer;
}

const http = createServer((request: IncomingMessage, response: ServerResponse) => {
  const actor = actorAt(request.socket);
  if (actor === undefined || request.url !== '/.well-known/agent-card.json') {
    response.writeHead(404).end();
    return;
  }
  counts.cards += 1;
  actor.waited = waitOf(actor);
  if (actor.part === 'good') ended.push(Date.now() - actor.askedAt);
  actor.askedAt = Date.now();
  const answer = () => {
    response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(cardOf(actor.member, actor.version, cardBytes)));
  };
  if (actor.part === 'changing') actor.version += 1;
  const delay = delays[actor.part];
  if (delay === undefined) answer();
  else setTimeout(answer, delay);
});

function accept(socket: Socket): void {
  socket.on('error', () => {});
  const actor = actorAt(socket);
  counts.dials += 1;
  if (actor === undefined || actor.part === 'resetting') socket.resetAndDestroy();
  else if (actor.part === 'silent') socket.resume();
  else {
    const secure = new TLSSocket(socket, {
      isServer: true,
      requestCert: true,
      rejectUnauthorized: true,
      secureContext: contextOf(actor),
      ALPNProtocols: ['http/1.1'],
    });
    secure.on('error', () => socket.destroy());
    secure.once('secure', () => http.emit('connection', secure));
  }
}

function waitOf({ askedAt, waited }: Actor): number {
  return Math.max(waited, Date.now() - askedAt);
}

function serveIdentity(): void {
  const bundle = [...authorities];
  workloadApi.send({ svids: [svidMessage(operatorId, [operator], bundle)] });
}

function report(): FleetReport {
  return {
    ...counts,
    ended,
    lagMs: lag.max / 1e6,
    waits: Object.fromEntries(
      [...actors.values()].flatMap((actor) => (actor.part === 'good' ? [[actor.member.name, waitOf(actor)]] : [])),
    ),
    workloadApi: workloadApi.address,
    operator: { certPem: pemOf(operator), keyPem: keyPemOf(operator), bundlePem: pemOf(...authorities) },
  };
}

function rotate(step: 'prepare' | 'activate' | 'drop'): void {
  if (step === 'prepare') authorities = [...authorities, root(trustDomain)];
  else if (step === 'drop') authorities = authorities.slice(-1);
  else signer = newest();
  if (step === 'activate') operator = svid(signer, operatorId);
  for (const actor of actors.values()) actor.context = undefined;
  serveIdentity();
}

async function obey(message: FleetMessage): Promise<void> {
  switch (message.kind) {
    case 'members':
      cardBytes = message.cardBytes;
      for (const [address, member] of message.members) {
        actors.set(address, actorOf(member));
      }
      // Made before anybody measures.
      for (const actor of actors.values()) contextOf(actor);
      break;
    case 'change':
      for (const address of message.addresses) {
        const actor = actors.get(address);
        if (actor === undefined) continue;
        if (message.version !== undefined) actor.version = message.version;
        if (message.part === undefined || message.part === actor.part) continue;
        actor.part = message.part;
        actor.context = undefined;
      }
      break;
    case 'moves':
      actors.delete(message.from);
      newcomer = actorOf(message.member);
      contextOf(newcomer);
      break;
    case 'workload-api':
      if (message.up) await workloadApi.start().then(serveIdentity);
      else workloadApi.kill();
      break;
    case 'rotate':
      rotate(message.step);
      break;
    case 'measure':
      for (const actor of actors.values()) Object.assign(actor, { askedAt: Date.now(), waited: 0 });
      ended = [];
      lag.reset();
      break;
    case 'report':
      break;
  }
  process.send?.(report());
}

process.on('message', (message: FleetMessage) => void obey(message));
process.on('disconnect', () => process.exit(0));
await workloadApi.start();
serveIdentity();
createTcpServer(accept).listen({ port: 8443, host: '0.0.0.0', backlog: 4_096 }, () => process.send?.(report()));
