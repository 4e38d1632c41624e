import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../core/errors';
import { isGgufPlace } from './gguf/locate';
import { GgufWeights } from './gguf/gguf-weights';
import { findModelFile, quote, readModelText } from './model-files';
import { readSafetensors, type TensorRef } from './safetensors';
import { parseStrictJson } from './strict-json';
import { isWholeSet, MAX_INDEX_BYTES, SHARD_NAME, SINGLE_WEIGHTS, WEIGHTS_INDEX } from './weight-files';
import type { WeightSource } from './weight-source';

export { dummyWeights } from './dummy';
export type { TensorRef } from './safetensors';
export type { WeightSource } from './weight-source';

/**
 * Opens a folder's `model.safetensors`, the shards that `model.safetensors.index.json` names, `model-0000x-of-0000n` shards
 * without an index, or a GGUF file. Only headers are read.
 * @param dir the folder, or the file
 * @throws StartupError of one line for anything wrong with the files
 */
export function openCheckpoint(dir: string): WeightSource {
  if (isGgufPlace(dir)) return GgufWeights.open(dir);
  const single = findModelFile(dir, SINGLE_WEIGHTS);
  if (single !== null) {
    const shown = path.join(dir, SINGLE_WEIGHTS);
    return new Checkpoint(shown, readSafetensors(single, shown));
  }
  const index = readModelText(dir, WEIGHTS_INDEX, MAX_INDEX_BYTES);
  if (index !== null) return readIndexed(dir, index);
  const shards = listShards(dir);
  if (shards.length > 0) {
    return new Checkpoint(
      dir,
      shards.flatMap((shard) => [...readShard(dir, shard, dir).values()]),
    );
  }
  throw new StartupError(describeMissing(dir));
}

class Checkpoint implements WeightSource {
  readonly files: readonly string[];
  private readonly tensors: ReadonlyMap<string, TensorRef>;
  private readonly prefix: string;

  /**
   * @param shown the file that lists the tensors, for errors
   * @param absent tensors that the index has in a shard that lacks them, with what to say when one is needed
   */
  constructor(
    private readonly shown: string,
    tensors: readonly TensorRef[],
    private readonly absent: ReadonlyMap<string, string> = new Map(),
  ) {
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.files = [...new Set(tensors.map((tensor) => tensor.file))];
    this.prefix = bodyPrefix(this.tensors);
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const stored = this.storedName(name);
    const tensor = this.tensors.get(stored);
    if (tensor === undefined) {
      throw new StartupError(this.absent.get(stored) ?? `${this.shown}: tensor ${quote(stored)} is missing`);
    }
    if (tensor.shape.length !== shape.length || shape.some((size, axis) => tensor.shape[axis] !== size)) {
      throw new StartupError(
        `${this.shown}: tensor ${quote(stored)} has shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
    }
    return tensor;
  }

  close(): void {
    // ONNX Runtime opens the checkpoint's files by path; nothing of them is held here.
  }

  private storedName(name: string): string {
    if (name.startsWith(BODY)) return this.normName(this.prefix + name.slice(BODY.length));
    const nested = `language_model.${name}`;
    return !this.tensors.has(name) && this.tensors.has(nested) ? nested : name;
  }

  private normName(name: string): string {
    const [norm, kind] = name.split('.LayerNorm.');
    if (this.tensors.has(name) || (kind !== 'weight' && kind !== 'bias')) return name;
    const old = `${norm}.LayerNorm.${OLD_NORM_NAMES[kind]}`;
    return this.tensors.has(old) ? old : name;
  }
}

/** What older tools called the weights of a layer norm. */
const OLD_NORM_NAMES = { weight: 'gamma', bias: 'beta' } as const;

/** What the names of a body's tensors begin with, for those who ask. */
const BODY = 'model.';
/** What they begin with in files: of a bare body nothing, of a multimodal model the way to its language model. */
const BODY_PREFIXES = [BODY, 'language_model.model.', 'model.language_model.', 'bert.', 'roberta.', ''];
/** Tensors of which every body has one. */
const WITNESSES = ['embed_tokens.weight', 'embeddings.word_embeddings.weight'];

function bodyPrefix(tensors: ReadonlyMap<string, unknown>): string {
  return BODY_PREFIXES.find((prefix) => WITNESSES.some((name) => tensors.has(prefix + name))) ?? BODY;
}

/** Tensors that the index names wrongly are an error only when they are needed: tied models may list a `lm_head.weight`. */
function readIndexed(dir: string, index: string): WeightSource {
  const shown = path.join(dir, WEIGHTS_INDEX);
  const map = parseStrictJson(index, shown)['weight_map'];
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new StartupError(`${shown}: 'weight_map' must be an object`);
  }
  const shards = new Map<string, Map<string, TensorRef>>();
  const found: TensorRef[] = [];
  const absent = new Map<string, string>();
  for (const [name, shard] of Object.entries(map) as [string, unknown][]) {
    if (typeof shard !== 'string') throw new StartupError(`${shown}: tensor ${quote(name)} has no file name`);
    let tensors = shards.get(shard);
    if (tensors === undefined) {
      tensors = readShard(dir, shard, shown);
      shards.set(shard, tensors);
    }
    const tensor = tensors.get(name);
    if (tensor) found.push(tensor);
    else {
      const file = path.join(dir, shard);
      absent.set(name, `${file}: tensor ${quote(name)} is missing (the index says it is here)`);
    }
  }
  return new Checkpoint(shown, found, absent);
}

/** @throws StartupError when some are missing */
function listShards(dir: string): string[] {
  const names = fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory() ? fs.readdirSync(dir).sort() : [];
  const shards = names.filter((name) => SHARD_NAME.test(name));
  if (shards.length > 0 && !isWholeSet(shards)) {
    throw new StartupError(
      `${dir}: the shards ${shards.map(quote).join(', ')} are not complete (interrupted download?)`,
    );
  }
  return shards;
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
  return `${dir}: no ${SINGLE_WEIGHTS} or ${WEIGHTS_INDEX}${found}; weights in safetensors format are needed`;
}
