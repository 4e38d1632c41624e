import type { BranchNorms, DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import type { GraphOptions } from '../model';
import { Attention } from './attention';
import { mixtureOfExperts, outputRouting } from './experts';
import { outputHidden } from './heads';
import { addRmsNorm, gatedMlp, normWeight, rmsNorm, scaled, softcapped } from './layers';
import { queriesKeysValues } from './projections';

/**
 * The decoder of the Llama line: blocks of attention and gated MLP (or experts), each added to a residual stream. Where norms stand, what
 * is multiplied and which layers rotate or have windows is the config's.
 *
 * Inputs: `input_ids` [batch, sequence], `logit_indices` [rows] (flat token positions that go through the vocabulary
 * projection) and the inputs of `Attention`. Output: `logits` [rows, vocab] or `hidden` (see `outputHidden`), float32;
 * with `options.routing` also `expert_ids` (see `outputRouting`).
 */
export function buildDecoder(g: GraphBuilder, config: DecoderConfig, options: GraphOptions): void {
  const { linear, tail, head, capacity } = options;
  const inputIds = g.input('input_ids', 'int64', ['batch', 'sequence']);
  const logitIndices = g.input('logit_indices', 'int64', ['rows']);
  const attention = new Attention(g, config, inputIds, capacity, tail === 'logits');
  const stream = new ResidualStream(g, config, embed(g, config, inputIds));

  const routed: { readonly ids: Value; readonly chosen: number }[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    stream.branch(prefix, config.blockNorms.attention, (x) => {
      const attended = attention.apply(layer, queriesKeysValues(g, config, linear, x, `${prefix}.self_attn`));
      return linear.apply(g, attended, {
        inputs: config.numHeads * config.headDim,
        parts: [{ name: `${prefix}.self_attn.o_proj`, outputs: config.hiddenSize }],
        bias: config.outputBias,
      });
    });
    const experts = config.experts[layer] ?? null;
    stream.branch(prefix, config.blockNorms.mlp, (x) => {
      if (experts !== null) {
        const { output, ids } = mixtureOfExperts(g, config, linear, x, prefix, experts);
        routed.push({ ids, chosen: experts.chosen });
        return output;
      }
      return gatedMlp(g, linear, x, `${prefix}.mlp`, {
        hidden: config.hiddenSize,
        intermediate: config.intermediateSize,
        activation: config.hiddenAct,
        bias: config.mlpBias,
        fused: config.fusedProjections,
      });
    });
  }
  if (options.routing === true && routed.length > 0) {
    const width = routed.reduce((sum, { chosen }) => sum + chosen, 0);
    outputRouting(
      g,
      routed.map(({ ids }) => ids),
      width,
    );
  }
  const selected = g.node('Gather', [stream.normed('model.norm'), logitIndices], { attributes: { axis: 0 } });
  if (tail === 'hidden') {
    outputHidden(g, selected, config.hiddenSize, head);
    return;
  }
  const logits = linear.apply(g, selected, {
    inputs: config.hiddenSize,
    parts: [{ name: config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head', outputs: config.vocabSize }],
    bias: false,
  });
  const shaped = softcapped(g, scaled(g, logits, config.logitMultiplier), config.logitSoftcap);
  g.output('logits', shaped, 'float32', ['rows', config.vocabSize]);
}

/** Rows of the embedding table, gathered in the checkpoint's precision and widened afterwards: the table stays small. */
function embed(g: GraphBuilder, config: DecoderConfig, inputIds: Value): Value {
  const table = g.rawWeight('model.embed_tokens.weight', [config.vocabSize, config.hiddenSize]);
  const flatIds = g.node('Reshape', [inputIds, g.ints('rest', [-1])]);
  const rows = g.node('Cast', [g.node('Gather', [table, flatIds])], { attributes: { to: 1 } });
  return scaled(g, rows, config.embeddingMultiplier);
}

/**
 * The residual stream that branches read and add to. An addition waits for the norm that reads its sum, so that both are one
 * operator.
 */
class ResidualStream {
  private pending: Value | null = null;

  /** @param sum [tokens, hidden] */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: DecoderConfig,
    private sum: Value,
  ) {}

  /** Adds what `compute` makes of the stream. */
  branch(prefix: string, norms: BranchNorms, compute: (x: Value) => Value): void {
    const { g, config } = this;
    const input = norms.before === null ? this.value() : this.normed(`${prefix}.${norms.before}`);
    const output = compute(input);
    const normed =
      norms.after === null
        ? output
        : rmsNorm(g, output, this.weight(`${prefix}.${norms.after}`), config.rmsNormEps);
    this.pending = scaled(g, normed, config.residualMultiplier);
  }

  /** The stream through a norm. */
  normed(name: string): Value {
    const { g, config } = this;
    const weight = this.weight(name);
    if (this.pending === null) return rmsNorm(g, this.sum, weight, config.rmsNormEps);
    const { normed, residual } = addRmsNorm(g, this.pending, this.sum, weight, config.rmsNormEps);
    [this.sum, this.pending] = [residual, null];
    return normed;
  }

  private value(): Value {
    if (this.pending !== null) this.sum = this.g.node('Add', [this.sum, this.pending]);
    this.pending = null;
    return this.sum;
  }

  private weight(name: string): Value {
    return normWeight(this.g, name, this.config.hiddenSize, this.config.normOffset);
  }
}
