import type { Labels, ScoreActivation } from '../../core/model-facts';
import type { ConfigFile } from '../config/config-file';
import { readLabels } from '../config/labels';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { unquantized } from './linear-method';

/** What a classifier has behind its body: scores in place of a hidden state. */
export interface Head {
  readonly labels: Labels;
  /**
   * Small, and it decides: no quantization scheme touches it.
   * @param hidden of the tokens asked for, [rows, size]
   * @returns [rows, labels]
   */
  build(g: GraphBuilder, hidden: Value, size: number): Value;
}

/** Layers one behind the other: a linear layer with or without bias, or the name of an operator. */
type Layers = (size: number, labels: number) => readonly (LinearLayer | 'Tanh' | 'Relu')[];

interface LinearLayer {
  /** Of the tensors `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

/** BERT's: its pooler, then the classifier. */
export const pooledHead = headOf((size, labels) => [
  { name: 'model.pooler.dense', inputs: size, outputs: size, bias: true },
  'Tanh',
  { name: 'classifier', inputs: size, outputs: labels, bias: true },
]);

/** RoBERTa's, of two layers of its own. */
export const denseHead = headOf((size, labels) => [
  { name: 'classifier.dense', inputs: size, outputs: size, bias: true },
  'Tanh',
  { name: 'classifier.out_proj', inputs: size, outputs: labels, bias: true },
]);

/** That of decoders in general. */
export const scoreHead = headOf((size, labels) => [{ name: 'score', inputs: size, outputs: labels, bias: false }]);

/** That of Qwen's reward models, which have one label unless they say otherwise. */
export const rewardHead = headOf(
  (size, labels) => [
    { name: 'score.0', inputs: size, outputs: size, bias: true },
    'Relu',
    { name: 'score.2', inputs: size, outputs: labels, bias: true },
  ],
  1,
);

/** @returns how a head is read from a config.json; it throws as `readLabels` */
function headOf(layersOf: Layers, defaultCount?: number): (file: ConfigFile) => Head {
  return (file) => {
    const labels = readLabels(file, defaultCount);
    return {
      labels,
      build(g, hidden, size) {
        const scores = layersOf(size, labels.names.length).reduce<Value>((x, layer) => {
          if (typeof layer === 'string') return g.node(layer, [x]);
          const { name, inputs, outputs, bias } = layer;
          return unquantized.apply(g, x, { inputs, parts: [{ name, outputs }], bias });
        }, hidden);
        return activated(g, scores, labels.activation);
      },
    };
  };
}

const OPERATORS = { Sigmoid: 'Sigmoid', Tanh: 'Tanh', ReLU: 'Relu' } as const;

function activated(g: GraphBuilder, scores: Value, activation: ScoreActivation): Value {
  return activation === 'Identity' ? scores : g.node(OPERATORS[activation], [scores]);
}

/**
 * The output `hidden` of a model that gives vectors, or scores where it has a head: [rows, hidden size or labels].
 * @param selected hidden states of the tokens asked for, [rows, size]
 */
export function outputHidden(
  g: GraphBuilder,
  selected: Value,
  size: number,
  head: Head | null,
): void {
  const value = head === null ? selected : head.build(g, selected, size);
  g.output('hidden', g.wide(value), 'float32', ['rows', head === null ? size : head.labels.names.length]);
}
