import { join } from 'node:path';
import type { Plugin } from 'esbuild';

const clientNode = /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]/;

/** Behind its own calls and WebSockets, which nobody makes here: connections and proxies are src/kube's. */
const unused = /^(undici|hpagent|socks|socks-proxy-agent)$/;

/**
 * Lets esbuild leave out what of @kubernetes/client-node nobody uses: its modules only define things, but its package does
 * not say so. Its kubeconfig reader imports every generated API and an HTTP client, which are nine tenths of it.
 */
export const kubeconfigOnly: Plugin = {
  name: 'kubeconfig-only',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ path, importer, resolveDir }) =>
      clientNode.test(importer) ? { path: join(resolveDir, path), sideEffects: false } : undefined,
    );
    build.onResolve({ filter: unused }, ({ path, importer }) =>
      clientNode.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};
