import type { World } from './world.ts';

/** As much of a program's name as the kernel keeps. */
const keptName = 15;

/** To a process of the node; what ends is started again. */
export async function signal(world: World, program: string, name: 'KILL' | 'STOP' | 'CONT'): Promise<void> {
  const found = await world.cluster.exec(['pgrep', '--exact', program.slice(0, keptName)]);
  await world.cluster.exec(['kill', `-${name}`, ...found.trim().split('\n')]);
}
