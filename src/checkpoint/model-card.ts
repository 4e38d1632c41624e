import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { StartupError } from '../core/errors';
import type { ModelCard } from '../core/model-card';
import { openCheckpoint } from './checkpoint';
import { configOfGguf } from './gguf/gguf-config';
import { readGguf } from './gguf/gguf-file';
import { isGgufPlace } from './gguf/locate';
import { readModelJson } from './model-files';
import { readSafetensors } from './safetensors';

/** Reads headers only: no weights. Whoever loads them says what is wrong with the files; here they count for nothing then. */
export function readModelCard(dir: string): ModelCard {
  const { config, files, tensors } = isGgufPlace(dir) ? ofGguf(dir) : ofFolder(dir);
  const stats = files.map((file) => fs.statSync(file));
  const quantization = objectOf(config['quantization_config']);
  return {
    format: isGgufPlace(dir) ? 'gguf' : 'safetensors',
    ...countOf(tensors, quantization),
    bytes: stats.reduce((sum, { size }) => sum + size, 0),
    modifiedAt: stats.reduce((newest, { mtimeMs }) => Math.max(newest, mtimeMs), 0),
    digest: digestOf(config, tensors),
    config: { ...config, ...objectOf(config['text_config']) },
  };
}

/** A tensor as far as it is counted. */
interface Counted {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

interface Facts {
  readonly config: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
  readonly tensors: readonly Counted[];
}

function ofGguf(file: string): Facts {
  const gguf = orNone(() => readGguf(file));
  const tensors = [...(gguf?.tensors.values() ?? [])].map(({ type, ...rest }) => ({
    ...rest,
    dtype: type.name,
  }));
  return {
    config: gguf === null ? {} : (orNone(() => configOfGguf(gguf)) ?? {}),
    files: gguf === null ? [] : [gguf.file],
    tensors,
  };
}

function ofFolder(dir: string): Facts {
  const files = orNone(() => filesOf(dir)) ?? [];
  return {
    config: orNone(() => readModelJson(dir, 'config.json')) ?? {},
    files,
    tensors: orNone(() => files.flatMap((file) => readSafetensors(file))) ?? [],
  };
}

function filesOf(dir: string): readonly string[] {
  const weights = openCheckpoint(dir);
  weights.close();
  return weights.files;
}

/** Quantized weights lie several in an integer. */
function countOf(
  tensors: readonly Counted[],
  quantization: Readonly<Record<string, unknown>>,
): Pick<ModelCard, 'parameters' | 'precision'> {
  const { bits, quant_method: method } = quantization;
  const perWord = typeof bits === 'number' && bits > 0 && bits <= 16 ? Math.floor(32 / bits) : 1;
  const byPrecision = new Map<string, number>();
  for (const { dtype, shape } of tensors) {
    const isPacked = dtype === 'I32' || dtype === 'U32';
    const count = shape.reduce((product, size) => product * size, isPacked ? perWord : 1);
    const name = isPacked && typeof method === 'string' ? method.toUpperCase() : dtype;
    byPrecision.set(name, (byPrecision.get(name) ?? 0) + count);
  }
  const [most] = [...byPrecision].sort(([, a], [, b]) => b - a);
  const parameters = [...byPrecision.values()].reduce((sum, count) => sum + count, 0);
  return { parameters, precision: most?.[0] ?? null };
}

/** To read all weights would take as long as loading them: what is hashed is what they are called, their shapes and places. */
function digestOf(config: object, tensors: readonly Counted[]): string {
  const places = tensors.map(({ name, dtype, shape, offset }) => [name, dtype, shape, offset]);
  return createHash('sha256')
    .update(JSON.stringify([config, places]))
    .digest('hex');
}

function orNone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof StartupError) return null;
    throw error;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
