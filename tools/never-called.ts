import type { Plugin } from 'esbuild';

/** What a package asks for in calls that nobody makes here. */
const neverCalled = [
  // Its own requests and WebSockets: connections and proxies are src/kube's.
  {
    by: /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/]/,
    what: /^(undici|hpagent|socks|socks-proxy-agent)$/,
  },
  // Services that report on load and channels; the Workload API's messages are read by @bufbuild/protobuf.
  { by: /[\\/]@grpc[\\/]grpc-js[\\/]build[\\/]/, what: /^@grpc\/proto-loader$/ },
];

/** Puts an empty module in the place of each. */
export const withoutNeverCalled: Plugin = {
  name: 'without-never-called',
  setup({ onLoad, onResolve }) {
    for (const { by, what } of neverCalled) {
      onResolve({ filter: what }, ({ path, importer }) =>
        by.test(importer) ? { path, namespace: 'never-called' } : undefined,
      );
    }
    onLoad({ filter: /.*/, namespace: 'never-called' }, () => ({ contents: 'module.exports = {};' }));
  },
};
