import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One file as the browser gets it. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** By path. */
export type PageFiles = Readonly<Record<string, PageFile>>;

/**
 * The page's own files. The plugin and the image hold them ready-made: their build puts the answer in the place of this
 * function (tools/embedded-page.ts). From a checkout they are made now.
 */
export function pageFiles(): Promise<PageFiles> {
  made ??= make();
  return made;
}

let made: Promise<PageFiles> | undefined;

async function make(): Promise<PageFiles> {
  const { build } = await import('esbuild');
  const folder = join(import.meta.dirname, 'page');
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'main.tsx'), join(folder, 'page.css')],
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const built = (name: string) => outputFiles.find(({ path }) => path.endsWith(name))?.text ?? '';
  return {
    '/': { type: 'text/html; charset=utf-8', body: await readFile(join(folder, 'page.html'), 'utf8') },
    '/main.js': { type: 'text/javascript; charset=utf-8', body: built('main.js') },
    '/page.css': { type: 'text/css; charset=utf-8', body: built('page.css') },
    '/icon.svg': { type: 'image/svg+xml', body: await readFile(join(folder, 'icon.svg'), 'utf8') },
  };
}
