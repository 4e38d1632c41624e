import * as path from 'node:path';
import type { TensorRef, WeightSource } from '../../checkpoint/checkpoint';
import { expand } from '../../checkpoint/hub-cache';
import { env } from '../../core/env';
import { Progress } from '../../logging/progress';
import { unquantized } from '../../models/layers/linear-method';
import type { GraphOptions, Model } from '../../models/model';
import type { Session } from '../../onnxruntime/session';
import type { Backend } from '../backends/backend';
import { loadModel } from '../load-model';
import { CopiedSource } from './copied-source';
import type { FileStamps, OpenWeights, WeightsPlace } from './weights-place';

/** What a graph is built for, but for what the model knows itself. */
export type GraphPurpose = Omit<GraphOptions, 'linear' | 'head' | 'kvType'>;

/** Weights in memory, ready to be computed with. */
export interface LoadedWeights {
  readonly place: WeightsPlace;
  readonly session: Session;
  /** Where each lies on disk, by the name that families give it. */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Of the files, as they were when they were read. */
  readonly stamps: FileStamps;
  /** Whether products round their inputs to few bits: 8, or 16. */
  readonly roundsInputs: boolean;
}

/**
 * Reads weights that are open.
 * @param copies whether files may be written meanwhile: they are copied first. Else they must stay as they are
 * @throws StartupError of one line that names the file and what is wrong
 */
export async function loadWeights(
  { place, source, stamps }: OpenWeights,
  model: Model,
  purpose: GraphPurpose,
  backend: Backend,
  copies: boolean,
): Promise<LoadedWeights> {
  const recorder = new RecordingSource(source);
  const progress = new Progress('Loading safetensors checkpoint shards', source.files.length);
  const files = copies && place.loadFormat !== 'dummy' ? await CopiedSource.of(recorder, stamps) : null;
  try {
    const cacheDir = place.loadFormat === 'dummy' ? null : quantizedDir();
    const session = await loadModel(model, files ?? recorder, purpose, backend, cacheDir);
    for (let shard = 0; shard < source.files.length; shard++) progress.step();
    return { place, session, tensors: recorder.tensors, stamps, roundsInputs: roundsInputs(model, backend) };
  } finally {
    progress.stop();
    files?.close();
  }
}

function roundsInputs({ linear }: Model, { elementType, floatInputs }: Backend): boolean {
  return elementType !== 'float32' || (linear !== unquantized && !floatInputs);
}

/** Where quantized weights are kept. */
function quantizedDir(): string {
  return path.join(expand(env('SGLANG_CACHE_DIR'), process.env), 'quantized');
}

/** Notes which tensors a model asks for. */
class RecordingSource implements WeightSource {
  readonly tensors = new Map<string, TensorRef>();

  constructor(private readonly source: WeightSource) {}

  get files(): readonly string[] {
    return this.source.files;
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const tensor = this.source.get(name, shape);
    this.tensors.set(name, tensor);
    return tensor;
  }

  close(): void {
    this.source.close();
  }
}
