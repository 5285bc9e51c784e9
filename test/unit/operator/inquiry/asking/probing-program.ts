/** An exposed program that tries what it may not, as whoever took it over by JavaScript would, and reports. */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { encodeFrame } from '../../../../../src/operator/inquiry/asking/frames.ts';

const pipe = new Socket({ fd: 3 });
pipe.write(encodeFrame({ pong: true }));

function fate(attempt: () => unknown): string {
  try {
    attempt();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

pipe.once('data', (frame: Buffer) => {
  const { token } = JSON.parse(frame.toString('utf8', 8));
  pipe.write(
    encodeFrame({
      'reads the token': fate(() => readFileSync(token)),
      "reads its parent's environment": fate(() => readFileSync(`/proc/${process.ppid}/environ`)),
      'writes a file': fate(() => writeFileSync(`${token}.copy`, '')),
      'starts a process': fate(() => spawnSync('/bin/true').error && Promise.reject()),
      'starts a thread': fate(() => new Worker('', { eval: true })),
    }),
  );
});
