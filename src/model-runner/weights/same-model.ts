import { createHash } from 'node:crypto';
import type { TensorRef, WeightSource } from '../../checkpoint/checkpoint';
import { QuantizationPlan } from '../../checkpoint/quantization/quantization-plan';
import { StartupError } from '../../core/errors';
import type { ModelConfig } from '../../models/config/model-config';
import { GraphBuilder } from '../../models/graph/graph-builder';
import type { Model } from '../../models/model';
import type { GraphPurpose } from './load-weights';

/**
 * Whether two checkpoints are the same model but for the values of their weights. What counts is what they compute: the
 * graphs that their families write, with all weights taken for float32 ones of one file.
 */

/** What a model computes, whatever its weights are, and how many numbers it has. */
export interface Computation {
  readonly digest: string;
  readonly parameters: number;
}

/**
 * @param weights asked for every tensor the model needs; null asks nobody
 * @throws StartupError for a tensor that is missing or of another shape
 */
export function computationOf(
  model: Model,
  purpose: GraphPurpose,
  weights: WeightSource | null,
): Computation {
  const shapes = new ShapeSource(weights);
  const graph = new GraphBuilder(shapes, new QuantizationPlan());
  model.build(graph, { ...purpose, kvType: 'float32', linear: model.linear, head: model.head });
  return { digest: createHash('sha256').update(graph.build()).digest('hex'), parameters: shapes.parameters };
}

/** The numbers that say most of what a model is, under their names in config.json. */
const SIZES = [
  ['vocab_size', 'vocabSize'],
  ['hidden_size', 'hiddenSize'],
  ['num_hidden_layers', 'numLayers'],
  ['num_attention_heads', 'numHeads'],
  ['num_key_value_heads', 'numKvHeads'],
  ['head_dim', 'headDim'],
] as const satisfies readonly (readonly [string, keyof ModelConfig])[];

/** @throws StartupError naming what sets a checkpoint's config.json apart from the model that is served */
export function refuseOtherConfig(file: string, other: ModelConfig, served: ModelConfig): void {
  if (other.architecture !== served.architecture) {
    throw new StartupError(
      `${file}: its architecture is ${other.architecture}, and the model that is served is ${served.architecture}`,
    );
  }
  for (const [name, key] of SIZES) {
    if (other[key] === served[key]) continue;
    throw new StartupError(
      `${file}: '${name}' is ${other[key]}, and the model that is served has ${served[key]}`,
    );
  }
}

/** Answers with the same place for every tensor, so that graphs can be compared. */
class ShapeSource implements WeightSource {
  readonly files: readonly string[] = [];
  private readonly counts = new Map<string, number>();

  constructor(private readonly source: WeightSource | null) {}

  get parameters(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  get(name: string, shape: readonly number[]): TensorRef {
    this.source?.get(name, shape);
    const count = shape.reduce((product, size) => product * size, 1);
    this.counts.set(name, count);
    return { name, dtype: 'F32', shape, file: '/weights', offset: 0, byteLength: 4 * count };
  }

  close(): void {}
}
