import type { TensorDtype, TensorRef, WeightSource } from '../../checkpoint/checkpoint';
import { Progress } from '../../logging/progress';
import type { GraphOptions, Model } from '../../models/model';
import type { Session } from '../../onnxruntime/session';
import type { Backend } from '../backends/backend';
import { loadModel } from '../load-model';
import { FileStamps, openWeights, type WeightsPlace } from './weights-place';

/** What a graph is built for, but for what the model knows itself. */
export type GraphPurpose = Omit<GraphOptions, 'linear' | 'head'>;

/** Weights in memory, ready to be computed with. */
export interface LoadedWeights {
  readonly place: WeightsPlace;
  readonly session: Session;
  /** Where each lies on disk, by the name that families give it. */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Of the files, as they were when they were read. */
  readonly stamps: FileStamps;
}

/**
 * Reads the weights of a model. The files must stay as they are until it resolves.
 * @throws StartupError of one line that names the file and what is wrong
 */
export async function loadWeights(
  place: WeightsPlace,
  model: Model,
  purpose: GraphPurpose,
  backend: Backend,
): Promise<LoadedWeights> {
  const source = openWeights(place);
  try {
    return await loadFrom(source, place, model, purpose, backend);
  } finally {
    source.close();
  }
}

/** The same from files that are open. */
export async function loadFrom(
  source: WeightSource,
  place: WeightsPlace,
  model: Model,
  purpose: GraphPurpose,
  backend: Backend,
): Promise<LoadedWeights> {
  const recorder = new RecordingSource(source);
  const stamps = new FileStamps(place, source.files);
  const progress = new Progress('Loading safetensors checkpoint shards', source.files.length);
  try {
    const session = await loadModel(model, recorder, purpose, backend);
    for (let shard = 0; shard < source.files.length; shard++) progress.step();
    return { place, session, tensors: recorder.tensors, stamps };
  } finally {
    progress.stop();
  }
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

  convert(name: string, dtype: TensorDtype, shape: readonly number[], make: () => Uint8Array): TensorRef {
    return this.source.convert(name, dtype, shape, make);
  }

  close(): void {
    this.source.close();
  }
}
