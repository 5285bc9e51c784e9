const release = process.env.MATRIX_VERSION || '1.37';

/** Of the API server that the tests start: `make matrix` starts others. */
export const kubeVersion = `${release}.0`;
export const kubeMinor = Number(release.split('.')[1]);
