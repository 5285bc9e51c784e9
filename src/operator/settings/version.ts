import manifest from '../../../package.json' with { type: 'json' };

/** Of everything that is built from this checkout: operator, plugin, chart and image have one version. */
export const version: string = manifest.version;
