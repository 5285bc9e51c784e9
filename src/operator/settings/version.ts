import manifest from '../../../package.json' with { type: 'json' };

/** Of everything that is built from this checkout: operator, plugin, chart and image have one version. */
export const version: string = manifest.version;

/** The answer to --version. */
export const versionLine = (program: string): string => `${program} ${version} (Node ${process.version})\n`;
