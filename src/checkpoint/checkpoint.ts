import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../core/errors';
import { findModelFile, quote, readModelText } from './model-files';
import { readSafetensors, type TensorRef } from './safetensors';
import { parseStrictJson } from './strict-json';
import type { WeightSource } from './weight-source';

export { dummyWeights } from './dummy';
export type { TensorDtype, TensorRef } from './safetensors';
export type { WeightSource } from './weight-source';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * Opens a folder's `model.safetensors`, or the shards that `model.safetensors.index.json` names. Only headers are read.
 * @throws StartupError of one line for anything wrong with the files
 */
export function openCheckpoint(dir: string): WeightSource {
  const single = findModelFile(dir, SINGLE);
  if (single !== null) {
    const shown = path.join(dir, SINGLE);
    return new Checkpoint(shown, readSafetensors(single, shown));
  }
  const index = readModelText(dir, INDEX, 32 * 2 ** 20);
  if (index !== null) return new Checkpoint(path.join(dir, INDEX), readShards(dir, index));
  throw new StartupError(describeMissing(dir));
}

class Checkpoint implements WeightSource {
  readonly files: readonly string[];
  private readonly tensors: ReadonlyMap<string, TensorRef>;

  /** @param shown the file that lists the tensors, for errors */
  constructor(
    private readonly shown: string,
    tensors: readonly TensorRef[],
  ) {
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.files = [...new Set(tensors.map((tensor) => tensor.file))];
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new StartupError(`${this.shown}: tensor ${quote(name)} is missing`);
    if (tensor.shape.length !== shape.length || shape.some((size, axis) => tensor.shape[axis] !== size)) {
      throw new StartupError(
        `${this.shown}: tensor ${quote(name)} has shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
    }
    return tensor;
  }

  close(): void {
    // ONNX Runtime opens the files by path; nothing is held here.
  }
}

function readShards(dir: string, index: string): TensorRef[] {
  const shown = path.join(dir, INDEX);
  const map = parseStrictJson(index, shown)['weight_map'];
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new StartupError(`${shown}: 'weight_map' must be an object`);
  }

  const shards = new Map<string, Map<string, TensorRef>>();
  return Object.entries(map).map(([name, shard]: [string, unknown]) => {
    if (typeof shard !== 'string') throw new StartupError(`${shown}: tensor ${quote(name)} has no file name`);
    let tensors = shards.get(shard);
    if (tensors === undefined) {
      tensors = readShard(dir, shard, shown);
      shards.set(shard, tensors);
    }
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new StartupError(
        `${path.join(dir, shard)}: tensor ${quote(name)} is missing (the index says it is here)`,
      );
    }
    return tensor;
  });
}

function readShard(dir: string, shard: string, shown: string): Map<string, TensorRef> {
  const file = findModelFile(dir, shard);
  if (file === null) throw new StartupError(`${shown}: shard ${quote(shard)} is missing`);
  return new Map(readSafetensors(file, path.join(dir, shard)).map((tensor) => [tensor.name, tensor]));
}

function describeMissing(dir: string): string {
  const names = fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory() ? fs.readdirSync(dir) : [];
  const other = names.filter((name) => /\.(bin|pt|pth|gguf|onnx|safetensors)$/.test(name)).sort()[0];
  const found = other === undefined ? '' : ` (found ${quote(other)})`;
  return `${dir}: no ${SINGLE} or ${INDEX}${found}; weights in safetensors format are needed`;
}
