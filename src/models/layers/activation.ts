import type { GraphBuilder, Value } from '../graph/graph-builder';

/** Activation functions by the names that config.json gives them. */
export const ACTIVATIONS = {
  silu,
  swish: silu,
  gelu: (g: GraphBuilder, x: Value) => gelu(g, x, 'none'),
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
} as const;

export type Activation = keyof typeof ACTIVATIONS;

export function isSilu(activation: Activation): boolean {
  return ACTIVATIONS[activation] === silu;
}

function silu(g: GraphBuilder, x: Value): Value {
  return g.node('Mul', [x, g.node('Sigmoid', [x])]);
}

function geluTanh(g: GraphBuilder, x: Value): Value {
  return gelu(g, x, 'tanh');
}

function gelu(g: GraphBuilder, x: Value, approximate: 'none' | 'tanh'): Value {
  return notInBfloat16(g, [x], (inputs) => g.node('Gelu', inputs, { attributes: { approximate } }));
}

/** An operator that no device has in bfloat16: in graphs of that type it computes in float32. */
export function notInBfloat16(
  g: GraphBuilder,
  inputs: readonly Value[],
  compute: (inputs: readonly Value[]) => Value,
): Value {
  if (g.floatType !== 'bfloat16') return compute(inputs);
  return g.narrow(compute(inputs.map((input) => g.wide(input))));
}
