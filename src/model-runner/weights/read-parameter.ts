import { openCheckpoint, type TensorRef } from '../../checkpoint/checkpoint';
import { isGgufPlace } from '../../checkpoint/gguf/locate';
import { readFloats } from '../../checkpoint/safetensors';
import { StartupError } from '../../core/errors';
import type { LoadedWeights } from './load-weights';

/** The first rows of a weight, as float32. */
export interface Parameter {
  /** Of `values`: the first size is that of the rows asked for, as far as there are so many. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** Values that one answer holds at most: as JSON some 20 bytes each. */
const MAX_VALUES = 4 * 2 ** 20;
const EMBEDDING = 'model.embed_tokens.weight';

/**
 * Reads a weight from the files that the weights in memory came of.
 * @param name that the checkpoint or its family gives it; a tied `lm_head.weight` is the embedding
 * @param limit rows at most, from the first one on
 * @returns null for a name that the model has no use for
 * @throws StartupError when the files are not what they were, and for more values than an answer may hold
 */
export function readParameter(
  { place, tensors, stamps }: Pick<LoadedWeights, 'place' | 'tensors' | 'stamps'>,
  name: string,
  limit: number,
): Parameter | null {
  const [key, stored] =
    entryOf(tensors, (own) => own === name) ??
    entryOf(tensors, (_, tensor) => tensor.name === name) ??
    entryOf(tensors, (own) => name === 'lm_head.weight' && own === EMBEDDING) ??
    [];
  if (key === undefined || stored === undefined) return null;
  if (place.loadFormat === 'dummy') {
    throw new StartupError(`${name}: weights of --load-format dummy are random, and kept nowhere`);
  }
  const [size = 1, ...rest] = stored.shape;
  const count = Math.min(limit, size);
  const rowValues = rest.reduce((product, one) => product * one, 1);
  if (count * rowValues > MAX_VALUES) {
    throw new StartupError(
      `${name}: ${count} rows are ${count * rowValues} values, more than ${MAX_VALUES}: ask for a smaller truncate_size`,
    );
  }
  stamps.check();
  const shape = [count, ...rest];
  const rows = (tensor: TensorRef): Parameter => {
    const byteLength = size === 0 ? 0 : (tensor.byteLength / size) * count;
    return { shape, values: readFloats({ ...tensor, shape, byteLength }) };
  };
  if (!isGgufPlace(place.modelDir)) return rows(stored);
  // What was made of it when it was loaded has gone since.
  const source = openCheckpoint(place.modelDir);
  try {
    return rows(source.get(key, stored.shape));
  } finally {
    source.close();
  }
}

function entryOf(
  tensors: ReadonlyMap<string, TensorRef>,
  isIt: (key: string, tensor: TensorRef) => boolean,
): [key: string, tensor: TensorRef] | undefined {
  return [...tensors].find(([key, tensor]) => isIt(key, tensor));
}
