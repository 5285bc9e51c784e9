/** `make picture`: the README's picture of the page, of a small company that a real API server holds. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { clientFor, installKind, seedCompany } from '../test/browser/fleet.ts';
import { openPage, startBrowser, startUi } from '../test/browser/page.ts';
import { startApiServer } from '../test/cluster/api-server.ts';

const file = 'docs/page.png';

const server = await startApiServer();
const browser = await startBrowser();
try {
  const client = await clientFor(server.kubeconfig);
  await installKind(client);
  await seedCompany(client);
  const ui = await startUi(server.kubeconfig);
  const { page } = await openPage(browser, ui.url, { viewport: { width: 1100, height: 620 }, colorScheme: 'light' });
  await page.getByRole('row').nth(20).waitFor();
  await mkdir(dirname(file), { recursive: true });
  await page.screenshot({ path: file });
  await ui.stop();
} finally {
  await browser.close();
  await server.stop();
}
console.log(file);
