/** A Workload API in this process, on a Unix socket, that says exactly what a test tells it to. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import { X509SVIDResponseSchema } from '../../src/spiffe/workload-api/workloadapi_pb.ts';
import type { Minted } from './mint.ts';

type Call = ServerWritableStream<Buffer, Buffer>;
export type X509Message = MessageInitShape<typeof X509SVIDResponseSchema>;

export class FakeWorkloadApi {
  readonly folder = mkdtempSync(join(tmpdir(), 'workload-api-'));
  readonly address: string;
  /** One entry per stream that was ever opened: the values of its security header. */
  readonly headers: unknown[][] = [];
  #server: Server | undefined;
  #open = new Set<Call>();
  /** What every new stream gets at once; a number is a status to end it with. */
  #greeting: Buffer | number | undefined;

  constructor() {
    this.address = `unix://${join(this.folder, 'agent.sock')}`;
  }

  async start(): Promise<void> {
    const server = new Server({ 'grpc.max_send_message_length': -1 });
    const same = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        FetchX509SVID: {
          path: '/SpiffeWorkloadAPI/FetchX509SVID',
          requestStream: false,
          responseStream: true,
          requestSerialize: same,
          requestDeserialize: same,
          responseSerialize: same,
          responseDeserialize: same,
        },
      },
      { FetchX509SVID: (call: Call) => this.#accept(call) },
    );
    this.#server = server;
    await this.#bind(this.address);
  }

  /** How many are open. */
  get streams(): number {
    return this.#open.size;
  }

  /** Returns the port. */
  listenOnTcp(): Promise<number> {
    return this.#bind('127.0.0.1:0');
  }

  #bind(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const insecure = ServerCredentials.createInsecure();
      this.#server?.bindAsync(address, insecure, (error, port) => (error ? reject(error) : resolve(port)));
    });
  }

  /** Ends every stream the hard way, as a killed agent does. */
  kill(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#open.clear();
  }

  stop(): void {
    this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** To all open streams, and to every one that opens later. */
  send(message: X509Message): void {
    this.sendBytes(Buffer.from(toBinary(X509SVIDResponseSchema, create(X509SVIDResponseSchema, message))));
  }

  sendBytes(bytes: Buffer): void {
    this.#greeting = bytes;
    for (const call of this.#open) call.write(bytes);
  }

  /** Ends all open streams with this status, and every later one; `status.OK` is a clean end. */
  end(code: number): void {
    this.#greeting = code;
    for (const call of this.#open) endCall(call, code);
    this.#open.clear();
  }

  #accept(call: Call): void {
    this.headers.push(call.metadata.get('workload.spiffe.io'));
    call.on('cancelled', () => this.#open.delete(call));
    if (typeof this.#greeting === 'number') {
      endCall(call, this.#greeting);
      return;
    }
    this.#open.add(call);
    if (this.#greeting) call.write(this.#greeting);
  }
}

function endCall(call: Call, code: number): void {
  if (code === status.OK) call.end();
  else call.emit('error', { code, details: 'said the test' });
}

/** One SVID as the Workload API spells it. */
export function svidMessage(id: string, chain: readonly Minted[], authorities: readonly Minted[], hint = '') {
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('an SVID needs a leaf');
  return {
    spiffeId: id,
    x509Svid: Buffer.concat(chain.map(({ der }) => der)),
    x509SvidKey: leaf.privateKey.export({ type: 'pkcs8', format: 'der' }),
    bundle: Buffer.concat(authorities.map(({ der }) => der)),
    hint,
  };
}
