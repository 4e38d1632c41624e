import type { EncoderConfig } from '../config/encoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import type { GraphOptions } from '../model';
import { ACTIVATIONS } from './activation';
import { outputHidden } from './heads';
import type { LinearMethod } from './linear-method';

/**
 * The encoder of the BERT line: each token sees all tokens of its text, positions are learned, and norms stand behind the
 * residual additions.
 *
 * Everything but attention computes on the tokens of all texts one after the other, without padding. Inputs: `input_ids` and
 * `position_ids` (from 0 on) and `token_type_ids` [tokens], `padded` [batch, sequence] (for each place of a padded text the token that stands there; any behind
 * its end), `unpadded` [tokens] (for each token its place, row · sequence + index), `logit_indices` [rows], the tokens asked for, and for attention either
 * `seqlens_k` [batch] (tokens of each text, less one) and `total_len` (sequence), or `mask` [batch, 1, 1, sequence] float32 (0 where a token stands, else
 * what leaves no weight). Output: `hidden` (see `outputHidden`), float32.
 */
export function buildEncoder(
  g: GraphBuilder,
  config: EncoderConfig,
  { linear, head }: Pick<GraphOptions, 'linear' | 'head'>,
): void {
  const attention = new EncoderAttention(g, config);
  const rows = g.input('logit_indices', 'int64', ['rows']);
  let x = embed(g, config);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.encoder.layer.${layer}`;
    const attended = attention.apply(linear, x, `${prefix}.attention.self`);
    x = projectAndNorm(g, config, linear, { from: attended, residual: x, prefix: `${prefix}.attention.output` });
    const inner = expand(g, config, linear, x, `${prefix}.intermediate.dense`);
    x = projectAndNorm(g, config, linear, { from: inner, residual: x, prefix: `${prefix}.output` });
  }
  const selected = g.node('Gather', [x, rows], { attributes: { axis: 0 } });
  outputHidden(g, selected, config.hiddenSize, head);
}

/** The sum of what a token is, where it stands and of which text of a pair it is; through a norm. */
function embed(g: GraphBuilder, config: EncoderConfig): Value {
  const { hiddenSize, vocabSize, tokenTypes } = config;
  const rowsOf = (table: string, size: number, indices: Value) =>
    g.rowsOf(`model.embeddings.${table}_embeddings.weight`, [size, hiddenSize], indices);
  const words = rowsOf('word', vocabSize, g.input('input_ids', 'int64', ['tokens']));
  const places = g.node('Add', [
    g.input('position_ids', 'int64', ['tokens']),
    g.ints('first.position', [config.firstPosition]),
  ]);
  const positions = rowsOf('position', config.firstPosition + config.contextLen, places);
  const types = rowsOf('token_type', tokenTypes, g.input('token_type_ids', 'int64', ['tokens']));
  return addNorm(g, config, g.node('Add', [words, types]), positions, 'model.embeddings.LayerNorm');
}

/** norm(x + residual + bias), the bias for all tokens alike */
function addNorm(
  g: GraphBuilder,
  { hiddenSize, layerNormEps }: EncoderConfig,
  x: Value,
  residual: Value,
  norm: string,
  bias?: Value,
): Value {
  const [scale, shift] = [g.weight(`${norm}.weight`, [hiddenSize]), g.weight(`${norm}.bias`, [hiddenSize])];
  return g.node('SkipLayerNormalization', [x, residual, scale, shift, ...(bias === undefined ? [] : [bias])], {
    domain: 'com.microsoft',
    attributes: { epsilon: { float: layerNormEps } },
  });
}

/** The end of a branch: projected back to the stream, added to it, normed. */
function projectAndNorm(
  g: GraphBuilder,
  config: EncoderConfig,
  linear: LinearMethod,
  branch: { readonly from: Value; readonly residual: Value; readonly prefix: string },
): Value {
  const { hiddenSize, intermediateSize } = config;
  const { from, residual, prefix } = branch;
  const inputs = prefix.endsWith('.attention.output') ? hiddenSize : intermediateSize;
  const projected = linear.apply(g, from, {
    inputs,
    parts: [{ name: `${prefix}.dense`, outputs: hiddenSize }],
    bias: false,
  });
  const bias = g.weight(`${prefix}.dense.bias`, [hiddenSize]);
  return addNorm(g, config, projected, residual, `${prefix}.LayerNorm`, bias);
}

/** The first half of the MLP. BERT's own activation has an operator that takes the bias as well. */
function expand(g: GraphBuilder, config: EncoderConfig, linear: LinearMethod, x: Value, name: string): Value {
  const { hiddenSize, intermediateSize, hiddenAct } = config;
  const isFused = hiddenAct === 'gelu';
  const projected = linear.apply(g, x, {
    inputs: hiddenSize,
    parts: [{ name, outputs: intermediateSize }],
    bias: !isFused,
  });
  if (!isFused) return ACTIVATIONS[hiddenAct](g, projected);
  const bias = g.weight(`${name}.bias`, [intermediateSize]);
  return g.node('BiasGelu', [projected, bias], { domain: 'com.microsoft' });
}

/** Attention of every token to its whole text; the only part that computes on padded texts. */
class EncoderAttention {
  private readonly padded: Value;
  private readonly unpadded: Value;
  /** What GroupQueryAttention is told of lengths; else nothing. */
  private readonly lengths: readonly Value[] = [];
  /** What is added to scores, [batch, 1, 1, sequence]; empty where nothing is. */
  private readonly mask: Value = '';

  constructor(
    private readonly g: GraphBuilder,
    private readonly config: EncoderConfig,
  ) {
    this.padded = g.input('padded', 'int64', ['batch', 'sequence']);
    this.unpadded = g.input('unpadded', 'int64', ['tokens']);
    if (g.groupsBothWays) {
      this.lengths = [g.input('seqlens_k', 'int32', ['batch']), g.input('total_len', 'int32', [])];
    } else {
      const mask = g.input('mask', 'float32', ['batch', 1, 1, 'sequence']);
      this.mask = g.narrow(mask);
    }
  }

  /** @returns [tokens, hidden] */
  apply(linear: LinearMethod, x: Value, prefix: string): Value {
    const { g, config } = this;
    const { hiddenSize } = config;
    const packed = linear.apply(g, x, {
      inputs: hiddenSize,
      parts: ['query', 'key', 'value'].map((name) => ({ name: `${prefix}.${name}`, outputs: hiddenSize })),
      bias: true,
    });
    const texts = g.node('Gather', [packed, this.padded], { attributes: { axis: 0 } });
    const out = g.groupsBothWays ? this.grouped(texts, prefix) : this.plain(texts);
    const places = g.node('Reshape', [out, g.ints('shape.places', [-1, hiddenSize])]);
    return g.node('Gather', [places, this.unpadded], { attributes: { axis: 0 } });
  }

  /** @param texts [batch, sequence, 3 · hidden]. @returns [batch, sequence, hidden] */
  private grouped(texts: Value, prefix: string): Value {
    const { g, config } = this;
    const out = `${prefix}:out`;
    g.namedNode(
      'GroupQueryAttention',
      [texts, '', '', '', '', ...this.lengths],
      [out, `${prefix}:keys`, `${prefix}:values`],
      {
        domain: 'com.microsoft',
        traits: ['bidirectional-attention'],
        attributes: { num_heads: config.numHeads, kv_num_heads: config.numHeads, do_rotary: 0, causal: 0 },
      },
    );
    return out;
  }

  /** As `grouped`, in operators of one step each: the scores of all pairs of tokens take memory. */
  private plain(texts: Value): Value {
    const { g, config } = this;
    const { numHeads, hiddenSize } = config;
    const headDim = hiddenSize / numHeads;
    const parts = g.nodes('Split', [texts], { attributes: { axis: 2, num_outputs: 3 }, outputs: 3 });
    const [q, k, v] = parts.map((part) => {
      const heads = g.node('Reshape', [part, g.ints('shape.heads', [0, 0, numHeads, headDim])]);
      return g.node('Transpose', [heads], { attributes: { perm: [0, 2, 1, 3] } });
    }) as [Value, Value, Value];
    const products = g.node('FusedMatMul', [q, k], {
      domain: 'com.microsoft',
      attributes: { transB: 1, alpha: { float: 1 / Math.sqrt(headDim) } },
    });
    const scores = g.node('Add', [products, this.mask]);
    const weights = g.node('Softmax', [scores], { attributes: { axis: 3 } });
    const attended = g.node('Transpose', [g.node('MatMul', [weights, v])], { attributes: { perm: [0, 2, 1, 3] } });
    return g.node('Reshape', [attended, g.ints('shape.hidden', [0, 0, hiddenSize])]);
  }
}
