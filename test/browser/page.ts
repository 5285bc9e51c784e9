import { spawn } from 'node:child_process';
import { type Browser, type ConsoleMessage, chromium, type Page } from 'playwright-core';
import { which } from '../cluster/command.ts';
import { need } from '../cluster/packages.ts';
import { silent } from '../cluster/progress.ts';

/** `kubectl agentcard ui` as its own process, and the URL that it printed. */
export interface Ui {
  readonly url: string;
  readonly port: number;
  stop(): Promise<number | null>;
}

export async function startUi(kubeconfig: string, ...args: string[]): Promise<Ui> {
  const words = ['src/cli/main.ts', 'ui', '--no-browser', '--kubeconfig', kubeconfig, ...args];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const stop = () => {
    child.kill('SIGINT');
    return ended;
  };
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  for await (const chunk of child.stdout) {
    const url = String(chunk).trim();
    return { url, port: Number(new URL(url).port), stop };
  }
  throw new Error(`kubectl agentcard ui ended: ${err}`);
}

/** Debian's, installed where it is missing; in a sandbox of its own only where that is possible. */
export async function startBrowser(): Promise<Browser> {
  await need(['chromium', 'dejavu-fonts'], silent);
  const executablePath = await which('chromium');
  if (executablePath === undefined) throw new Error('chromium is installed, and not on the PATH');
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args: [...args, '--disable-dev-shm-usage'] });
}

/** The browser's word of an agent that had gone when the page asked for it. */
const isOfOneGone = (message: ConsoleMessage) =>
  message.text().includes('status of 404') && new URL(message.location().url).pathname.startsWith('/api/');

/** A new window; what the page does wrong (an exception, a breach of its policy) is collected. */
export async function openPage(
  browser: Browser,
  url: string,
  options: object = {},
): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isOfOneGone(message)) faults.push(`${message.location().url} ${message.text()}`);
  });
  await page.goto(url);
  // The first page only hands over the cookie, and leads on.
  await page.locator('.bar').waitFor();
  return { page, faults };
}
