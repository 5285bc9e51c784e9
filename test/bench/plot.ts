/** Small SVG plots, drawn by hand. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from './report.ts';

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

interface Axes {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly logX?: boolean;
}

const [width, height, margin] = [480, 280, 48];
const colours = ['#1668b8', '#c2571a', '#3b8132', '#8a3ba8'];

/** Name of each file → SVG: the way to Ready, CPU and memory of this run, and the cost per agent over all runs so far. */
export async function plots(folder: string, report: Report): Promise<ReadonlyMap<string, string>> {
  const { coldStart, bare, parameters } = report;
  const curve = (name: string, seconds: readonly number[]): Line => ({
    name,
    points: seconds.map((at, index) => [at, index + 1]),
  });
  const ready = [curve('operator', coldStart.readySeconds)];
  if (bare !== undefined) ready.push(curve('bare loop', bare.whole.readySeconds));
  const cpu = coldStart.points.map(({ at, cpuSeconds }): readonly [number, number] => [at, cpuSeconds]);
  const memory = coldStart.points.map(({ at, rssMiB }): readonly [number, number] => [at, rssMiB]);
  const { n } = parameters;
  return new Map([
    [`ready-${n}.svg`, draw(ready, { title: `Ready agents, N = ${n}`, x: 'seconds since the start', y: 'agents' })],
    [`cpu-${n}.svg`, draw([{ name: 'operator', points: cpu }], { title: 'CPU', x: 'seconds', y: 'CPU seconds' })],
    [`memory-${n}.svg`, draw([{ name: 'operator', points: memory }], { title: 'Memory', x: 'seconds', y: 'MiB' })],
    [
      'per-agent.svg',
      draw(await perAgent(folder, report), { title: 'CPU per agent until Ready', x: 'agents', y: 'ms', logX: true }),
    ],
  ]);
}

async function perAgent(folder: string, report: Report): Promise<readonly Line[]> {
  const files = (await readdir(folder)).filter((name) => /^n-\d+\.json$/.test(name));
  const earlier = await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))));
  const runs = new Map([...(earlier as Report[]), report].map((run) => [run.parameters.n, run]));
  const sorted = [...runs.values()].sort((a, b) => a.parameters.n - b.parameters.n);
  const line = (name: string, cpu: (run: Report) => number | undefined): Line => ({
    name,
    points: sorted.flatMap((run) => {
      const seconds = cpu(run);
      return seconds === undefined ? [] : [[run.parameters.n, (seconds * 1000) / run.parameters.n] as const];
    }),
  });
  return [line('operator', (run) => run.coldStart.cpuSeconds), line('bare loop', (run) => run.bare?.whole.cpuSeconds)];
}

/** Pure. */
export function draw(lines: readonly Line[], { title, x, y, logX = false }: Axes): string {
  const all = lines.flatMap(({ points }) => points);
  const [maxX, maxY] = [Math.max(1, ...all.map((point) => point[0])), Math.max(1, ...all.map((point) => point[1]))];
  const minX = logX ? Math.min(...all.map((point) => point[0])) : 0;
  const scale = (value: number) => (logX ? Math.log(value / minX) / Math.log(maxX / minX || 2) || 0 : value / maxX);
  const place = ([px, py]: readonly [number, number]) => {
    const left = margin + scale(px) * (width - 2 * margin);
    const top = height - margin - (py / maxY) * (height - 2 * margin);
    return `${left.toFixed(1)},${top.toFixed(1)}`;
  };
  const text = (left: number, top: number, content: string, anchor = 'middle') =>
    `<text x="${left}" y="${top}" text-anchor="${anchor}">${content}</text>`;
  const paths = lines.map(({ name, points }, index) => {
    const colour = colours[index % colours.length];
    const path = `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(place).join(' ')}"/>`;
    const dots = points.length > 6 ? '' : points.map((point) => dot(place(point), colour)).join('');
    return `${path}${dots}<g fill="${colour}">${text(width - margin, margin + 14 * index, name, 'end')}</g>`;
  });
  const frame = `<path fill="none" stroke="#888" d="M${margin},${margin}V${height - margin}H${width - margin}"/>`;
  const labels = [
    text(width / 2, 20, title),
    text(width / 2, height - 12, x),
    text(width - margin, height - margin + 16, String(Number(maxX.toPrecision(3)))),
    text(margin, height - margin + 16, String(Number(minX.toPrecision(3)))),
    text(margin - 6, margin + 4, String(Number(maxY.toPrecision(3))), 'end'),
    text(margin, margin - 10, y),
  ];
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${frame}${labels.join('')}${paths.join('')}</svg>\n`;
}

function dot(at: string, colour: string | undefined): string {
  const [left, top] = at.split(',');
  return `<circle cx="${left}" cy="${top}" r="3" fill="${colour}"/>`;
}
