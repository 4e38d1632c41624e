/** How long many small pieces of work are done in one go before other work gets its turn. */
const SLICE_MS = 20;

/** Does the work for each item in turn; between slices of it the process goes on with other things. */
export async function inSlices<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let sliceStart = performance.now();
  for (const item of items) {
    results.push(await work(item));
    if (performance.now() - sliceStart < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    sliceStart = performance.now();
  }
  return results;
}
