import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPage, startBrowser, startUi, type Ui } from '../browser/page.ts';
import { Agent } from './kit/agent.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let weather: Agent;
let planner: Agent;
let browser: Browser;
let ui: Ui;
let page: Page;
let faults: readonly string[];

beforeAll(async () => {
  world = await World.open();
  await world.install({ replicas: 1 });
  namespace = await world.namespace('page');
  [browser, weather, planner] = await Promise.all([
    startBrowser(),
    Agent.deploy(world, namespace, 'weather', { spec: { callers: [{ agentCard: { name: 'planner' } }] } }),
    Agent.deploy(world, namespace, 'planner', { tls: false }),
  ]);
  ui = await startUi(world.cluster.kubeconfig);
  ({ page, faults } = await openPage(browser, ui.url));
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await ui?.stop();
  await world?.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const go = (path: string) => page.goto(`http://127.0.0.1:${ui.port}${path}`);
const shows = (words: string | RegExp) => {
  const text = expect.poll(() => page.locator('main').innerText(), patience);
  return typeof words === 'string' ? text.toContain(words) : text.toMatch(words);
};

describe('the page follows what the operator judges', () => {
  test('who is trusted, and who is not and why', async () => {
    await go(`/fleet?q=${namespace}`);
    await shows(new RegExp(`${namespace}/weather\\s+\\S*\\s*Ready`));
    await shows(new RegExp(`${namespace}/planner[\\s\\S]*NotVerified`));
  });

  test('how an agent was proven, by which pods and which policy', async () => {
    await go(`/agent/${namespace}/weather`);
    await shows(`spiffe://example.org/ns/${namespace}/sa/weather`);
    await shows('Served over mutual TLS by');
    await shows('weather-signature-policy');
    for (const { metadata } of await weather.pods()) await shows(metadata.name);
  });

  test('an agent that fails, and that comes back', async () => {
    await weather.play('silent');
    await shows('EvidenceHeld');
    await weather.play('good');
    await shows('mTLSVerified');
  });

  test('an agent that begins to prove itself', async () => {
    await go(`/agent/${namespace}/planner`);
    await shows('NotVerified');
    await world.apply(planner.service(true));
    await shows('mTLSVerified');
  });

  test('who may call whom', async () => {
    await go('/map');
    await shows(`${namespace}/planner may call ${namespace}/weather`);
  });
});

test('a quarantine by the page cuts the agent off, and a release lets it back', async () => {
  await go(`/agent/${namespace}/planner`);
  await page.getByRole('button', { name: 'Quarantine …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('drill');
  await dialog.getByRole('button', { name: 'Quarantine' }).click();
  await planner.says({ Ready: 'False Quarantined', Enforced: 'True PolicyApplied' });
  await dialog.getByRole('button', { name: 'Close' }).click();
  await shows('Quarantined');
  await page.getByRole('button', { name: 'Release …' }).click();
  await dialog.getByRole('button', { name: 'Release' }).click();
  await planner.says({ Ready: 'True ReadyToServe' });
  await dialog.getByRole('button', { name: 'Close' }).click();
  await shows('ReadyToServe');
});

test('an agent that is removed is gone from the page, which did nothing that its own policy forbids', async () => {
  await go(`/fleet?q=${namespace}`);
  await shows(`${namespace}/planner`);
  await world.kubectl('-n', namespace, 'delete', 'deployment,service,agentcard', 'planner');
  await expect.poll(() => page.locator('main').innerText(), patience).not.toContain(`${namespace}/planner`);
  expect(faults).toEqual([]);
});
