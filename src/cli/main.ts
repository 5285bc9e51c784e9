#!/usr/bin/env node
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
};
// No top-level await: the plugin is one CommonJS file, which even an old Node can read far enough to say what it needs.
void run(process.argv.slice(2), io).then((status) => {
  process.exitCode = status;
});
