import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type IdentitySnapshot, IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import { FakeWorkloadApi, svidMessage, type X509Message } from '../../pki/fake-workload-api.ts';
import { intermediate, root, svid } from '../../pki/mint.ts';

export const agentId = 'spiffe://a.test/ns/sys/sa/operator';
export const [a, a2, b] = [root('a.test'), root('a.test'), root('b.test')];
const between = intermediate(a, 'a.test');
export const chain = [svid(between, agentId), between];
export const message = (change: Partial<ReturnType<typeof svidMessage>> = {}, more: X509Message = {}): X509Message => ({
  svids: [{ ...svidMessage(agentId, chain, [a]), ...change }],
  ...more,
});

export const patience = { timeout: 10_000, interval: 5 };

/** Waits between attempts end when the test says so. */
export class Waits {
  readonly asked: number[] = [];
  #release: (() => void) | undefined;
  readonly wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      this.asked.push(milliseconds);
      this.#release = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  async next(): Promise<void> {
    await vi.waitFor(() => expect(this.#release).toBeDefined(), patience);
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

export let api: FakeWorkloadApi;
export let waits: Waits;
export let identity: IdentitySource;
export let stopping: AbortController;
export let running: Promise<void>;

/** A new fake Workload API and an identity that follows it, before each test of the file that calls this. */
export function followBeforeEach(): void {
  beforeEach(async () => {
    api = new FakeWorkloadApi();
    await api.start();
    waits = new Waits();
    stopping = new AbortController();
    identity = new IdentitySource({
      workloadApi: { address: api.address, random: () => 0.5, wait: waits.wait },
      clock: Date.now,
    });
    running = identity.start(stopping.signal);
  });

  afterEach(async () => {
    stopping.abort();
    await running;
    api.stop();
  });
}

export const becomes = (check: (now: IdentitySnapshot) => boolean): Promise<IdentitySnapshot> =>
  vi.waitFor(() => {
    const now = identity.current();
    expect(check(now), `${now.state} ${now.lastError?.code}`).toBe(true);
    return now;
  }, patience);
export const ready = (): Promise<IdentitySnapshot> => becomes(({ state }) => state === 'ready');
export const failing = (code: string): Promise<IdentitySnapshot> =>
  becomes(({ lastError }) => lastError?.code === code);
