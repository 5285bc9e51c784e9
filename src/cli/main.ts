#!/usr/bin/env node
import { run } from './run.ts';

// A reader that stops early, such as `head`, is no error.
process.stdout.on('error', () => process.exit());

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  stdin: () => process.stdin,
  now: () => new Date(),
});
