import { join } from 'node:path';
import type { Plugin } from 'esbuild';

const clientNode = /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]/;

/**
 * Lets esbuild leave out what of @kubernetes/client-node nobody uses: its modules only define things, but its package does
 * not say so. Its kubeconfig reader imports every generated API and an HTTP client, which are nine tenths of it.
 */
export const kubeconfigOnly: Plugin = {
  name: 'kubeconfig-only',
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, importer, resolveDir }) =>
      clientNode.test(importer) ? { path: join(resolveDir, path), sideEffects: false } : undefined,
    );
  },
};
