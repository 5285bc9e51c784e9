#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from './run.ts';
import { wantsColor } from './screen.ts';

// A reader that stops early, such as `head`, is no error.
process.stdout.on('error', () => process.exit());

const io = {
  out: (text: string) => process.stdout.write(text),
  err: (text: string) => process.stderr.write(text),
  stdin: () => process.stdin,
  now: () => new Date(),
  ...(process.stdout.isTTY ? { width: process.stdout.columns } : {}),
  color: wantsColor(process.stdout.isTTY === true, process.env),
  browse,
  enough: () => Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]),
};
// No top-level await: the plugin is one CommonJS file, which even an old Node can read far enough to say what it needs.
void run(process.argv.slice(2), io).then((status) => {
  process.exitCode = status;
});

/** As well as can be: who has no browser here has the URL. */
function browse(url: string): void {
  const child = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => {}).unref();
}
