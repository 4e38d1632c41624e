import type { GraphBuilder, Value } from '../graph/graph-builder';

/** Activation functions by the names that config.json gives them. */
export const ACTIVATIONS = {
  silu,
  swish: silu,
  gelu: (g: GraphBuilder, x: Value) => g.node('Gelu', [x], { attributes: { approximate: 'none' } }),
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
} as const;

export type Activation = keyof typeof ACTIVATIONS;

function silu(g: GraphBuilder, x: Value): Value {
  return g.node('Mul', [x, g.node('Sigmoid', [x])]);
}

function geluTanh(g: GraphBuilder, x: Value): Value {
  return g.node('Gelu', [x], { attributes: { approximate: 'tanh' } });
}
