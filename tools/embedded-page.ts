import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';
import { pageFiles } from '../src/cli/ui/assets.ts';

/** Puts the files of the page of `kubectl agentcard ui` into a bundle, which so needs no bundler to serve them. */
export const embeddedPage: Plugin = {
  name: 'embedded-page',
  setup({ onLoad }) {
    onLoad({ filter: /src\/cli\/ui\/assets\.ts$/ }, async ({ path }) => ({
      contents: `export const pageFiles = async () => (${JSON.stringify(await pageFiles())});`,
      loader: 'ts',
      resolveDir: dirname(path),
    }));
  },
};
