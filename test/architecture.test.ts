import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const isGenerated = (file: string) => file.endsWith('_pb.ts');
const sources = filesBelow(join(root, 'src')).map((file) => relative(root, file));
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
const linesOf = (file: string) => textOf(file).split('\n').length - 1;

/** Folders and files whose code sees nothing but its parameters. */
const pure = [
  /^src\/operator\/(api|judge|network|workload)\//,
  /^src\/agentcard\//,
  /^src\/spiffe\/(id|result|x509)\.ts$/,
  /^src\/kube\/(objects|client\/(objects|kinds))\.ts$/,
  /^src\/spiffe\/x509\//,
  /^src\/operator\/inquiry\/(agenda|evidence|hold|moments|receive|recheck|restore)\.ts$/,
  /^src\/operator\/inquiry\/asking\/(frames|question|suspicion)\.ts$/,
  /^src\/operator\/reconcile\/(plan|plan-policy|plan-quarantine|policy-difference|policy-subject|status|patch|transitions)\.ts$/,
  /^src\/operator\/settings\/(settings|spiffe-id-template)\.ts$/,
  /^src\/operator\/watch\/quarantine-entries\.ts$/,
];
const isPure = (file: string) => pure.some((pattern) => pattern.test(file));
/** Of node:net only isIP is used, which the type checker cannot say but a reader can. */
const pureModules = new Set([
  'node:crypto',
  'node:util',
  'node:buffer',
  'node:net',
  'zod',
  'jose/jws/flattened/sign',
  'jose/jws/flattened/verify',
]);
/** The flags' shape may be named by pure code; it brings no client along. */
const harmless = new Set(['src/operator/settings/config.ts']);

const packages = ['wire', 'spiffe', 'agentcard', 'kube'] as const;
/** The doors of the packages: name by which they are imported → file. */
const doors = new Map(
  packages.flatMap((folder) => {
    const { name, exports } = JSON.parse(textOf(`src/${folder}/package.json`)) as Manifest;
    return Object.entries(exports).map(([door, file]) => [join(name, door), join('src', folder, file)] as const);
  }),
);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
}

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const statements = textOf(file).matchAll(
    /^(?:import|export)\s+(type\s+)?[^;]*?from\s+'([^']+)';|^import\s+'([^']+)';/gms,
  );
  return [...statements].map(([, type, from, bare]) => {
    const specifier = from ?? bare ?? '';
    const path = specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : specifier;
    return { from: doors.get(path) ?? path, typeOnly: type !== undefined };
  });
}

describe('the pure steps', () => {
  const pureFiles = sources.filter((file) => isPure(file) && !isGenerated(file));

  test('there are many of them, and the story is among them', () => {
    expect(pureFiles).toContain('src/operator/reconcile/plan.ts');
    expect(pureFiles.length).toBeGreaterThan(40);
  });

  test.each(pureFiles)('%s reaches no client, clock, logger, file or environment', (file) => {
    const reached = importsOf(file)
      .filter(({ typeOnly }) => !typeOnly)
      .map(({ from }) => from)
      .filter((from) => (from.startsWith('src/') ? !isPure(from) && !harmless.has(from) : !pureModules.has(from)));
    expect(reached).toEqual([]);
    const code = textOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(code).not.toMatch(
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bperformance\.|\bsetTimeout\b|\bfetch\(/,
    );
  });
});

describe('the size of things', () => {
  const own = sources.filter((file) => !isGenerated(file));
  const page = /^src\/cli\/ui\//;
  const code = (file: string) =>
    textOf(file)
      .split('\n')
      .filter((line) => !/^\s*(\/\/|\/?\*|$)/.test(line)).length;

  test('reconcile.ts tells the story in sixty lines', () => {
    expect(linesOf('src/operator/reconcile/reconcile.ts')).toBeLessThanOrEqual(60);
  });

  test.each(own)('%s has at most 250 lines', (file) => {
    expect(linesOf(file)).toBeLessThanOrEqual(250);
  });

  test.each([
    ['the watch runtime', 3_224, /^src\/kube\//],
    ['SPIFFE', 1_800, /^src\/spiffe\//],
    ['the A2A document', 1_650, /^src\/agentcard\//],
    ['the operator', 8_455, /^src\/operator\//],
    ['signer, command line and test agent', 2_834, /^src\/(signer|cli|agent)\//],
    ['the network probe', 100, /^src\/probe\//],
    ['sockets and buffers', 103, /^src\/wire\//],
  ])('%s has at most %d lines of code; comments and blank lines are free', (_, most, files) => {
    const lines = own.filter((file) => files.test(file) && !page.test(file)).reduce((sum, file) => sum + code(file), 0);
    expect(lines).toBeGreaterThan(0);
    expect(lines).toBeLessThanOrEqual(most);
  });

  test('the page has at most 1,800 lines of code, in the browser too', () => {
    const lines = own.filter((file) => page.test(file)).reduce((sum, file) => sum + code(file), 0);
    expect(lines).toBeGreaterThan(0);
    expect(lines).toBeLessThanOrEqual(1_800);
  });

  test('no folder holds more than 14 files', () => {
    const folders = Map.groupBy(own, (file) => dirname(file));
    expect([...folders].filter(([, files]) => files.length > 14).map(([folder]) => folder)).toEqual([]);
  });

  test('no file is named after nothing', () => {
    expect(own.filter((file) => /\/(utils?|helpers?|common|types|index)\.ts$/.test(file))).toEqual([]);
  });

  test.each(own)('%s has no function above 40 lines or 4 parameters', (file) => {
    expect(longFunctions(textOf(file))).toEqual([]);
  });
});

test('the operator makes no list the arguments of Math.min or Math.max: of many a call overflows the stack', () => {
  const spread = /Math\.(min|max)\([^;]*?\.\.\./;
  const ofOperator = sources.filter((file) => file.startsWith('src/operator/'));
  expect(
    ofOperator.filter((file) =>
      textOf(file)
        .split('\n')
        .some((line) => spread.test(line)),
    ),
  ).toEqual([]);
});

describe('a package', () => {
  const foreign = {
    wire: /operator|kubernetes|spiffe|svid|agent ?card/i,
    spiffe: /operator|kubernetes|\bpod\b|agent ?card|informer/i,
    agentcard: /operator|kubernetes|\bpod\b|informer/i,
    kube: /agentcard-operator|agent ?card|spiffe|svid|sandbox|quarantine/i,
  } as const;

  test.each(packages)('%s holds no word of those who stand on it', (folder) => {
    const words = sources
      .filter((file) => file.startsWith(`src/${folder}/`) && !isGenerated(file))
      .flatMap((file) =>
        textOf(file)
          .split('\n')
          .map((line) => `${file}: ${line.trim()}`),
      )
      .map((line) => line.replaceAll(/@agentcard-operator\/|src\/(agentcard|spiffe)\//g, ''))
      .filter((line) => foreign[folder].test(line.slice(line.indexOf(': '))));
    expect(words).toEqual([]);
  });

  test.each(packages)('%s is entered by its doors alone, from outside, and by paths from inside', (folder) => {
    const inside = (file: string) => file.startsWith(`src/${folder}/`);
    const faults = sources.flatMap((file) =>
      [...textOf(file).matchAll(/from '([^']+)'/g)].flatMap(([, specifier = '']) => {
        const byPath = specifier.startsWith('.') && inside(relative(root, join(root, dirname(file), specifier)));
        const byName = specifier.startsWith(`@agentcard-operator/${folder}`);
        return (byPath && !inside(file)) || (byName && inside(file)) ? [`${file}: ${specifier}`] : [];
      }),
    );
    expect(faults).toEqual([]);
  });
});

describe('the import graph', () => {
  test('has no circle of files, type-only imports included', () => {
    const graph = new Map(sources.map((file) => [file, importsOf(file).map(({ from }) => from)]));
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      for (const next of graph.get(file) ?? []) if (graph.has(next)) visit(next, [...path, file]);
      graph.set(file, []);
    };
    for (const file of sources) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('the program that asks agents reaches sockets and SPIFFE, and neither files, processes, the environment nor a client', () => {
    const reached = new Set(['src/operator/inquiry/asking/asker-main.ts']);
    for (const file of reached) {
      if (!sources.includes(file)) continue;
      for (const { from, typeOnly } of importsOf(file)) if (!typeOnly) reached.add(from);
    }
    const allowed =
      /^(src\/(spiffe\/(tls|x509)|wire|operator\/inquiry\/asking\/(asker-main|frames|question)\.ts)|src\/spiffe\/(id|result)\.ts)/;
    const modules = ['node:crypto', 'node:http', 'node:https', 'node:net', 'node:stream', 'node:tls'];
    expect([...reached].filter((from) => !allowed.test(from) && !modules.includes(from))).toEqual([]);
    expect(reached).toContain('src/spiffe/tls/connect.ts');
    for (const file of reached) {
      if (sources.includes(file))
        expect(textOf(file)).not.toMatch(/\bprocess\.(env|getBuiltinModule|binding)\b|\bimport\(/);
    }
  });

  test('client-node is imported for kubeconfigs alone', () => {
    const importers = sources.filter((file) => textOf(file).includes('@kubernetes/client-node'));
    expect(importers).toEqual(['src/kube/client/kubeconfig.ts']);
  });
});

describe('TLS', () => {
  const codeOf = (file: string) => textOf(file).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  /** `fetch` of the spiffe package: its sockets are those of tls.ts. */
  const namesOurFetch = (code: string) =>
    /\bfetch\b[^;]* from '@agentcard-operator\/spiffe\/tls'|export async function fetch\(/.test(code);
  /** Each brings a socket of its own; a context is none, nor is a type. */
  const opensTls = (code: string) =>
    [...code.matchAll(/^import\s+(type\s)?([^;]*?)from\s+'(?:node:)?(tls|https|http2|undici)';/gm)].some(
      ([, type, names = '']) =>
        type === undefined && /[\w*]/.test(names.replaceAll(/type \w+|createSecureContext/g, '')),
    ) ||
    (/\bfetch\(/.test(code) && !namesOurFetch(code)) ||
    /\bcreateSsl\(|\bimport\(\s*'(?:node:)?(tls|https|http2|undici)'/.test(code);

  test('is spoken by no socket but those of tls.ts', () => {
    // What the browser runs has no socket but the browser's.
    const ours = sources.filter((file) => !file.startsWith('src/cli/ui/page/'));
    expect(ours.filter((file) => opensTls(codeOf(file)))).toEqual(['src/wire/tls.ts']);
  });

  test('Node is asked for its description of a chain nowhere, and tls.ts answers for it', () => {
    const asking = sources.filter((file) => /getPeerCertificate|toLegacyObject/.test(codeOf(file)));
    expect(asking).toEqual(['src/wire/tls.ts']);
    expect(codeOf('src/wire/tls.ts')).not.toMatch(/getPeerCertificate\(|toLegacyObject/);
    const made = codeOf('src/wire/tls.ts').match(/(?<!function )\b(?:connect|createServer|super\.createConnection)\(/g);
    expect(made).toEqual(['connect(', 'createServer(', 'super.createConnection(']);
  });
});

/** Top-level and method bodies by their indentation, as the formatter writes them. */
function longFunctions(text: string): string[] {
  const lines = text.split('\n');
  const found: string[] = [];
  const opening = /^(\s*)(?:export )?(?:async )?(?:function\*? (\w+)|(?:async |static |\*)?(#?\w+)\(.*\).*\{$)/;
  lines.forEach((line, start) => {
    const match = opening.exec(line);
    const name = match?.[2] ?? match?.[3];
    if (match === null || name === undefined || /^(if|for|while|switch|catch|return)$/.test(name)) return;
    const end = lines.findIndex((later, index) => index > start && later.startsWith(`${match[1]}}`));
    if (end - start + 1 > 40) found.push(`${name}: ${end - start + 1} lines`);
    const head = lines.slice(start, start + 12).join('\n');
    const parameters = /\(([^()]*(?:\([^()]*\)[^()]*)*)\)/.exec(head)?.[1] ?? '';
    const count = topLevelCommas(parameters);
    if (line.includes('function') && count > 4) found.push(`${name}: ${count} parameters`);
  });
  return found;
}

function topLevelCommas(parameters: string): number {
  let depth = 0;
  let count = parameters.trim() === '' ? 0 : 1;
  const text = parameters.trimEnd().replace(/,$/, '').replaceAll('=>', '  ');
  for (const letter of text) {
    if ('{[(<'.includes(letter)) depth += 1;
    if ('}])>'.includes(letter)) depth -= 1;
    if (letter === ',' && depth === 0) count += 1;
  }
  return count;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
