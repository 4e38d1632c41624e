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
 * its end), `unpadded` [tokens] (for each token its place, row · sequence + index), `seqlens_k` [batch] (tokens of each text, less
 * one), `total_len` (sequence) and `logit_indices` [rows], the tokens asked for. Output: `hidden` (see `outputHidden`), float32.
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
  private readonly seqlens: Value;
  private readonly totalLen: Value;

  constructor(
    private readonly g: GraphBuilder,
    private readonly config: EncoderConfig,
  ) {
    this.padded = g.input('padded', 'int64', ['batch', 'sequence']);
    this.unpadded = g.input('unpadded', 'int64', ['tokens']);
    this.seqlens = g.input('seqlens_k', 'int32', ['batch']);
    this.totalLen = g.input('total_len', 'int32', []);
  }

  /** @returns [tokens, hidden] */
  apply(linear: LinearMethod, x: Value, prefix: string): Value {
    const { g, config } = this;
    const { hiddenSize, numHeads } = config;
    const packed = linear.apply(g, x, {
      inputs: hiddenSize,
      parts: ['query', 'key', 'value'].map((name) => ({ name: `${prefix}.${name}`, outputs: hiddenSize })),
      bias: true,
    });
    const texts = g.node('Gather', [packed, this.padded], { attributes: { axis: 0 } });
    const out = `${prefix}:out`;
    g.namedNode(
      'GroupQueryAttention',
      [texts, '', '', '', '', this.seqlens, this.totalLen],
      [out, `${prefix}:keys`, `${prefix}:values`],
      {
        domain: 'com.microsoft',
        traits: ['bidirectional-attention'],
        attributes: { num_heads: numHeads, kv_num_heads: numHeads, do_rotary: 0, causal: 0 },
      },
    );
    const places = g.node('Reshape', [out, g.ints('shape.places', [-1, hiddenSize])]);
    return g.node('Gather', [places, this.unpadded], { attributes: { axis: 0 } });
  }
}
