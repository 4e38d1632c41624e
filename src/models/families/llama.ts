import type { ModelConfig } from '../config/model-config';
import { Attention, type Projections } from '../layers/attention';
import type { GraphOptions } from '../registry';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { addRmsNorm, gatedMlp, linear, mergedLinear, rmsNorm } from '../layers/layers';

/** Builds the queries, keys and values of one layer from its normed input. */
export type QkvBuilder = (g: GraphBuilder, config: ModelConfig, x: Value, prefix: string) => Projections;

/**
 * The decoder of the Llama line: pre-norm attention and gated MLP blocks with rotary positions. Qwen2 (biases on q, k
 * and v), Mistral (sliding windows) and others are this model with other configuration values.
 *
 * Inputs: `input_ids` [batch, sequence], `logit_indices` [rows] (flat token positions that go through the vocabulary
 * projection) and the inputs of `Attention`. Output: `logits` [rows, vocab], float32.
 *
 */
export function buildLlama(g: GraphBuilder, config: ModelConfig, { capacity, tail }: GraphOptions, qkv: QkvBuilder = packedQkv): void {
  const inputIds = g.input('input_ids', 'int64', ['batch', 'sequence']);
  const logitIndices = g.input('logit_indices', 'int64', ['rows']);
  const attention = new Attention(g, config, inputIds, capacity, tail === 'logits');

  let residual = embed(g, config, inputIds);
  let hidden = rmsNorm(g, residual, normWeight(g, config, 'model.layers.0.input_layernorm'), config.rmsNormEps);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attended = attention.apply(layer, qkv(g, config, hidden, `${prefix}.self_attn`));
    const output = linear(
      g,
      attended,
      config.numHeads * config.headDim,
      { name: `${prefix}.self_attn.o_proj`, outputs: config.hiddenSize },
      config.outputBias,
    );
    const middle = normWeight(g, config, `${prefix}.post_attention_layernorm`);
    ({ normed: hidden, residual } = addRmsNorm(g, output, residual, middle, config.rmsNormEps));
    const sizes = { hidden: config.hiddenSize, intermediate: config.intermediateSize };
    const mlp = gatedMlp(g, hidden, `${prefix}.mlp`, sizes, config.mlpBias);
    const isLast = layer === config.numLayers - 1;
    const next = isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`;
    ({ normed: hidden, residual } = addRmsNorm(g, mlp, residual, normWeight(g, config, next), config.rmsNormEps));
  }
  const selected = g.node('Gather', [hidden, logitIndices], { attributes: { axis: 0 } });
  if (tail === 'hidden') {
    g.output('hidden', selected, 'float32', ['rows', config.hiddenSize]);
    return;
  }
  g.output('logits', vocabularyProjection(g, config, selected), 'float32', ['rows', config.vocabSize]);
}

/** Queries, keys and values in one product, left side by side for the attention operator. */
const packedQkv: QkvBuilder = (g, config, x, prefix) => ({
  packed: mergedLinear(
    g,
    x,
    config.hiddenSize,
    [
      { name: `${prefix}.q_proj`, outputs: config.numHeads * config.headDim },
      { name: `${prefix}.k_proj`, outputs: config.numKvHeads * config.headDim },
      { name: `${prefix}.v_proj`, outputs: config.numKvHeads * config.headDim },
    ],
    config.qkvBias,
  ),
});

/** Rows of the embedding table, gathered in the checkpoint's precision and widened afterwards: the table stays small. */
function embed(g: GraphBuilder, config: ModelConfig, inputIds: Value): Value {
  const table = g.rawWeight('model.embed_tokens.weight', [config.vocabSize, config.hiddenSize]);
  const flatIds = g.node('Reshape', [inputIds, g.ints('rest', [-1])]);
  return g.node('Cast', [g.node('Gather', [table, flatIds])], { attributes: { to: 1 } });
}

function normWeight(g: GraphBuilder, config: ModelConfig, prefix: string): Value {
  return g.weight(`${prefix}.weight`, [config.hiddenSize]);
}

function vocabularyProjection(g: GraphBuilder, config: ModelConfig, x: Value): Value {
  const name = config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head';
  return linear(g, x, config.hiddenSize, { name, outputs: config.vocabSize });
}
