import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import { isStarved, type Turn, turnOf } from './turn.ts';

/**
 * What runs in a process of its own, because strangers' bytes reach it. It speaks frames over descriptor 3, answers
 * `{ ping: true }` with `{ pong: true }`, says so once as soon as it is up, and ends when the pipe does.
 */
export interface ExposedProgram {
  readonly file: string;
  /** All that it may read of the file system; it may open sockets, and nothing else. */
  readonly reads: readonly string[];
}

export interface Watching {
  /** Of one frame from the child. */
  readonly maxFrame: number;
  /** A fault that is thrown ends the child. Pongs are not told. */
  readonly onFrame: (frame: Frame) => void;
  /** Now and again while the child lives; true is a reason to end it. */
  readonly isStuck: () => boolean;
  readonly onEnd: (end: End) => void;
}

export type Cause = 'exit' | 'hang' | 'malformed' | 'closed';

export interface End {
  readonly cause: Cause;
  /** It had come up before. */
  readonly wasUp: boolean;
  /** For the log: signal, exit code, last words. */
  readonly detail: string;
}

const beatMs = 500;
/** Counted in beats, not in time: after we stood still ourselves, the child's pongs wait in the pipe. */
const mostUnanswered = 5;
const mostBeatsToStart = 40;
/** On a machine with more work than processors its silence is not its own doing, for so long. */
const mostStarved = 40;
/** Of what it writes as it ends; more is not read. */
const mostWords = 1_024;
/** Small, since it holds a few answers at a time: one malloc arena, whose free memory goes back at once. */
const flags = ['--max-old-space-size=64', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
const env = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' };

/** One life of such a program, which ends at the first fault and with its parent. */
export class ExposedProcess {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pipe: Socket;
  readonly #watching: Watching;
  readonly #beat: NodeJS.Timeout;
  readonly #killWithUs = () => void this.#child.kill('SIGKILL');
  readonly #turnOf: typeof turnOf;
  #turn: Turn | undefined;
  #starved = 0;
  #cause: Cause = 'exit';
  #up = false;
  #unanswered = 0;
  #said = '';

  constructor({ file, reads }: ExposedProgram, watching: Watching, look = turnOf) {
    this.#turnOf = look;
    const rights = ['--permission', '--allow-net', ...reads.map((path) => `--allow-fs-read=${path}`)];
    const stdio = ['ignore', 'ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(process.execPath, [...rights, ...flags, file], { env, cwd: '/', stdio: [...stdio] });
    // Without descriptors left there is none, and the error follows.
    this.#pipe = (this.#child.stdio?.[3] as Socket | undefined) ?? new Socket();
    this.#watching = watching;
    const reader = new FrameReader(watching.maxFrame);
    this.#pipe.on('data', (piece: Buffer) => this.#receive(reader, piece));
    // What breaks the pipe is told by the end of the process.
    this.#pipe.on('error', () => {});
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#said = (this.#said + text.toString('latin1')).slice(0, mostWords);
      if (this.#said.length === mostWords) this.#child.stderr?.destroy();
    });
    this.#beat = setInterval(() => this.#pulse(), beatMs);
    process.once('exit', this.#killWithUs);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(this.#bury(error.message)));
      this.#child.once('exit', (code, signal) => resolve(this.#bury(`${signal ?? code}`)));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(header: object): void {
    this.#pipe.write(encodeFrame(header));
  }

  end(cause: Cause): void {
    if (this.#cause === 'exit') this.#cause = cause;
    this.#child.kill('SIGKILL');
  }

  #receive(reader: FrameReader, piece: Buffer): void {
    if (this.#cause !== 'exit') return;
    try {
      for (const frame of reader.read(piece)) {
        if ((frame.header as { pong?: unknown } | null)?.pong === true) this.#hearPong();
        else this.#watching.onFrame(frame);
      }
    } catch {
      this.end('malformed');
    }
  }

  #hearPong(): void {
    if (this.#up && this.#unanswered === 0) throw new Error('a pong without a ping');
    this.#unanswered = this.#up ? this.#unanswered - 1 : 0;
    this.#up = true;
    this.#starved = 0;
  }

  #pulse(): void {
    const before = this.#turn;
    this.#turn = this.#turnOf(this.pid);
    if (this.#up && isStarved(before, this.#turn, beatMs) && this.#starved++ < mostStarved) return;
    const most = this.#up ? mostUnanswered : mostBeatsToStart;
    const isHung = this.#unanswered >= most || this.#watching.isStuck();
    this.#unanswered += 1;
    if (isHung) this.end('hang');
    else if (this.#up) this.send({ ping: true });
  }

  #bury(how: string): void {
    clearInterval(this.#beat);
    process.off('exit', this.#killWithUs);
    this.#pipe.destroy();
    this.#child.stderr?.destroy();
    const said = this.#said.replaceAll(/[^\x20-\x7e]+/g, ' ').trim();
    this.#watching.onEnd({ cause: this.#cause, wasUp: this.#up, detail: said === '' ? how : `${how}: ${said}` });
  }
}
