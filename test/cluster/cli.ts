#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allTools, nodeTools, type ToolName } from './catalogue.ts';
import { CommandError } from './command.ts';
import { down, launch } from './launch.ts';
import { mustFit } from './preflight.ts';
import { seconds, terminalProgress } from './progress.ts';
import { busyMessage, nodeRoots, places, readState } from './state.ts';
import { ensureTools } from './tools.ts';

const helpText = `A real Kubernetes node with real SPIRE on this machine, in namespaces of its own.

  cli.ts build [tool…]   build the node's tools, or the named ones, into the cache
  cli.ts up              build what is missing, start the node, and leave it running
  cli.ts down            stop it, and those that tests started beside it; nothing stays behind but logs and the cache
  cli.ts status          say whether one runs (exit code 0) or not (1)
  cli.ts kubectl …       kubectl as its administrator
  cli.ts logs [part]     list the logs, or print one

The cache is ~/.cache/agentcard-operator, or $AGENTCARD_CACHE. Tools: ${allTools.join(', ')}.
`;

const at = places();
const progress = terminalProgress();
const print = (text: string) => void process.stdout.write(`${text}\n`);

async function build(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !allTools.includes(name as ToolName));
  if (unknown.length > 0)
    throw new CommandError(`no such tool: ${unknown.join(', ')}; there are ${allTools.join(', ')}`);
  const wanted = names.length > 0 ? (names as readonly ToolName[]) : nodeTools;
  const paths = await ensureTools(wanted, progress);
  for (const name of wanted) print(`${name} ${paths[name]}`);
  return 0;
}

async function up(): Promise<number> {
  const begin = Date.now();
  const running = await readState(at);
  if (running?.life === 'tied') throw new CommandError(busyMessage(at, running));
  if (running === undefined) {
    const launched = await launch(at, progress);
    await launched.keep();
    print(`The node is up after ${seconds(Date.now() - begin)}. Stop it with "make cluster-down".`);
  } else {
    print('The node is already up.');
  }
  print(`\nexport KUBECONFIG=${at.kubeconfig}\n${at.kubectl} get pods --all-namespaces`);
  return 0;
}

async function stop(): Promise<number> {
  const begin = Date.now();
  const stopped: boolean[] = [];
  for (const root of await nodeRoots()) stopped.push(await down(places(root)));
  print(stopped.includes(true) ? `The node is stopped (${seconds(Date.now() - begin)}).` : 'No node was running.');
  return 0;
}

async function status(): Promise<number> {
  const state = await readState(at);
  if (state === undefined) {
    print('No node is running.');
    return 1;
  }
  print(
    `The node is ${state.phase} and ${state.life === 'kept' ? 'stays until it is stopped' : 'ends with its test run'}.`,
  );
  print(`API server: https://127.0.0.1:${state.port}\nKUBECONFIG: ${at.kubeconfig}\nLogs: ${at.log}`);
  return 0;
}

async function logs([part]: readonly string[]): Promise<number> {
  if (part === undefined) {
    const names = await readdir(at.log).catch(() => []);
    for (const name of names.sort()) print(join(at.log, name));
    return 0;
  }
  return spawnSync('cat', [join(at.log, `${part}.log`)], { stdio: 'inherit' }).status ?? 1;
}

async function kubectl(args: readonly string[]): Promise<number> {
  if ((await readState(at)) === undefined) throw new CommandError('no node is running: start one with "make cluster"');
  return spawnSync(at.kubectl, args, { stdio: 'inherit' }).status ?? 1;
}

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === 'build') return build(rest);
  if (command === 'up' || command === 'down') mustFit(at);
  if (command === 'up') return up();
  if (command === 'down') return stop();
  if (command === 'status') return status();
  if (command === 'kubectl') return kubectl(rest);
  if (command === 'logs') return logs(rest);
  print(helpText);
  return command === undefined || command === 'help' || command === '--help' ? 0 : 2;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
