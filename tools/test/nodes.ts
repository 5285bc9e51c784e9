/** Twice what a node takes with all that its tests start: 4 GiB, as a machine tells them that is sold with them. */
const nodeBytes = 3.75 * 2 ** 30;
/** Two keep two cores busy for two thirds of the time, and three for nearly all of it. */
const most = 3;

/** Pure: on how many nodes the end-to-end tests run: as asked for, else on as many as the memory is for, up to three. */
export function nodesOf(asked: string | undefined, memoryBytes: number): number {
  if (asked === undefined || asked === '') return Math.max(1, Math.min(most, Math.floor(memoryBytes / nodeBytes)));
  if (/^[1-9]$/.test(asked)) return Number(asked);
  throw new Error(`E2E_NODES is ${JSON.stringify(asked)}: make it a number from 1 to 9`);
}

/** Pure: a machine's memory, or what a container may take of it; without a limit that is said to be nothing, or more than there is. */
export function memoryOf(machineBytes: number, limitBytes: number): number {
  return limitBytes > 0 ? Math.min(machineBytes, limitBytes) : machineBytes;
}
