/** Names of the files that weights are in. */

/** All weights in one file. */
export const SINGLE_WEIGHTS = 'model.safetensors';
/** Says in which file each tensor is. */
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** Shards that may stand without an index: which one, of how many. */
export const SHARD_NAME = /^model-(\d{5})-of-(\d{5})\.safetensors$/;

export const MAX_INDEX_BYTES = 32 * 2 ** 20;

/** Whether these are all shards of one set; false for none. */
export function isWholeSet(shards: readonly string[]): boolean {
  const counts = new Set(shards.map((name) => Number(SHARD_NAME.exec(name)?.[2])));
  return counts.size === 1 && counts.has(shards.length);
}

/** The files that an index names, each once; entries that are no names are the loader's to complain about. */
export function filesOfIndex(index: Readonly<Record<string, unknown>>): string[] {
  const map = index['weight_map'];
  const values: unknown[] = typeof map === 'object' && map !== null ? Object.values(map) : [];
  return [...new Set(values.filter((value) => typeof value === 'string'))];
}
