/**
 * Matrix products take their rows in blocks; how large these are depends on the shapes, but each size that was seen is a multiple
 * of 16. A last block of a single row goes through another routine, which rounds in another way. So a row has the same bits in every
 * run that leaves no single row, however a prompt is cut and whoever runs beside it.
 */
const BLOCK = 16;

/** Whether a run of so many rows gives each of them the bits that it has in every other such run. */
export function isExact(rows: number): boolean {
  return rows % BLOCK !== 1;
}

/** How many of the next `tokens` of one prompt to run at once, so that as few as can be have bits of their own. */
export function exactRun(tokens: number): number {
  return isExact(tokens) || tokens === 1 ? tokens : tokens - 2;
}
