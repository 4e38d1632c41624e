import type { GraphBuilder, Value } from '../graph/graph-builder';
import { ACTIVATIONS, isSilu, type Activation } from './activation';
import type { LinearMethod, LinearPart, NormedAddition, NormedSum } from './linear-method';
import type { BranchInput } from './residual-stream';
import { turned } from './rotation';

/** The layers that model families are written in. All values are flat: [tokens, width]. */

/** x / rms(x) · weight, over the last axis. */
export function rmsNorm(g: GraphBuilder, x: Value, weight: Value, epsilon: number): Value {
  return g.node('SimplifiedLayerNormalization', [x, weight], {
    attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
  });
}

/** Residual addition and the norm that follows it, in one pass. */
export function addRmsNorm(g: GraphBuilder, { name, x, residual, weight, epsilon }: NormedAddition): NormedSum {
  const normed = `${name}:normed`;
  const sum = `${name}:residual`;
  g.namedNode('SkipSimplifiedLayerNormalization', [x, residual, weight], [normed, '', '', sum], {
    domain: 'com.microsoft',
    attributes: { epsilon: { float: epsilon } },
  });
  return { normed, residual: sum };
}

/** The weight of a norm, with an offset added to it: Gemma stores its distance from 1. */
export function normWeight(g: GraphBuilder, name: string, width: number, offset: 0 | 1): Value {
  const weight = g.weight(`${name}.weight`, [width]);
  return offset === 0 ? weight : g.node('Add', [weight, g.floats('one', [1], Float32Array.of(1))]);
}

/** x · factor; nothing at all for a factor of 1. */
export function scaled(g: GraphBuilder, x: Value, factor: number): Value {
  if (factor === 1) return x;
  return g.node('Mul', [x, g.floats(`factor.${factor}`, [1], Float32Array.of(factor))]);
}

/** cap · tanh(x / cap), which stays within ±cap. */
export function softcapped(g: GraphBuilder, x: Value, cap: number | null): Value {
  return cap === null ? x : scaled(g, g.node('Tanh', [scaled(g, x, 1 / cap)]), cap);
}

export interface MlpShape {
  readonly hidden: number;
  readonly intermediate: number;
  readonly activation: Activation;
  readonly bias: boolean;
  /** gate and up are one tensor, gate first. */
  readonly fused: boolean;
}

/** activation(gate(x)) · up(x), projected down: the MLP of the Llama line. */
export function gatedMlp(g: GraphBuilder, { value: x, reads, writes }: BranchInput, prefix: string, shape: MlpShape): Value {
  const { hidden, intermediate, bias } = shape;
  const names = shape.fused ? ['gate_up_proj'] : ['gate_proj', 'up_proj'];
  const parts = names.map((name) => ({ name: `${prefix}.${name}`, outputs: (2 / names.length) * intermediate }));
  const down = { inputs: intermediate, parts: [{ name: `${prefix}.down_proj`, outputs: hidden }], bias };
  const { block, linear } = writes.inner(intermediate);
  const inner =
    (isSilu(shape.activation) && reads.gated?.(g, x, { inputs: hidden, parts, bias }, block)) ||
    turned(g, gatedInput(g, x, reads, parts, shape), intermediate, block);
  return linear.apply(g, inner, down);
}

/** activation(gate) · up. */
function activated(g: GraphBuilder, activation: Activation, [gate, up]: readonly Value[]): Value {
  return g.node('Mul', [ACTIVATIONS[activation](g, gate as Value), up as Value]);
}

/** activation(gate) · up. @param widened both side by side: [rows, 2 · width] */
export function activatedHalves(g: GraphBuilder, activation: Activation, widened: Value): Value {
  return activated(g, activation, g.nodes('Split', [widened], { attributes: { axis: 1, num_outputs: 2 }, outputs: 2 }));
}

/** activation(gate(x)) · up(x). */
function gatedInput(g: GraphBuilder, x: Value, reads: LinearMethod, parts: readonly LinearPart[], shape: MlpShape): Value {
  const { hidden, bias } = shape;
  const read = (part: LinearPart) => reads.apply(g, x, { inputs: hidden, parts: [part], bias });
  return shape.fused
    ? activatedHalves(g, shape.activation, read(parts[0] as LinearPart))
    : activated(g, shape.activation, parts.map(read));
}
