import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle, bundledFiles } from '../../../tools/bundle.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agentcard-bundle-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** What of Node a program has loaded by its end. */
async function loadedBy(file: string): Promise<string> {
  return (await promisify(execFile)(process.execPath, [file])).stdout;
}

describe('a bundle', () => {
  test("takes Node's modules without what they make on demand: of fetch nothing comes with HTTP", async () => {
    const source = join(folder, 'speaks-http.mjs');
    await writeFile(
      source,
      `import http, { request } from 'node:http';
       import { once } from 'node:events';
       if (http.request !== request || typeof once !== 'function') throw new Error('another module');
       process.stdout.write(process.moduleLoadList.join('\\n'));`,
    );
    await bundle({ bundled: source }, folder);
    const [plain, bundled] = [await loadedBy(source), await loadedBy(join(folder, 'bundled.mjs'))];
    expect(bundled).toContain('_http_client');
    // Without a bundle it does, or this test shows nothing.
    expect(plain).toContain('undici');
    expect(bundled).not.toContain('undici');
  });

  test('holds nothing of what its packages would ask for in calls that nobody makes, nor other languages', async () => {
    const files = await bundledFiles();
    expect(files.some((file) => file.includes('node_modules/@grpc/grpc-js/'))).toBe(true);
    expect(files.some((file) => file.includes('node_modules/zod/'))).toBe(true);
    const needless = /node_modules\/(undici|hpagent|protobufjs|@grpc\/proto-loader)\/|zod\/v4\/locales\/(?!en\.)/;
    expect(files.filter((file) => needless.test(file))).toEqual([]);
  });
});
