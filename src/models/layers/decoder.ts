import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import type { GraphOptions } from '../model';
import { attentionOf } from './attention';
import { mixtureOfExperts, outputRouting } from './experts';
import { outputHidden } from './heads';
import { gatedMlp, scaled, softcapped } from './layers';
import { queriesKeysValues } from './projections';
import { ResidualStream } from './residual-stream';
import { outputTop } from './top-tokens';

/**
 * The decoder of the Llama line: blocks of attention and gated MLP (or experts), each added to a residual stream. Where norms stand, what
 * is multiplied and which layers rotate or have windows is the config's.
 *
 * Inputs: `logit_indices` [rows] (flat token positions that go through the vocabulary projection) and those of `Attention`, `input_ids`
 * among them. Output: `logits` [rows, vocab] or `hidden` (see `outputHidden`), float32; where there is an operator for it, `likeliest` [rows],
 * int32, the index of the largest logit of each row, or -1 where one is NaN or all are -Infinity; where a device searches, `top` (see `outputTop`);
 * with `options.routing` also `expert_ids` (see `outputRouting`).
 */
export function buildDecoder(g: GraphBuilder, config: DecoderConfig, options: GraphOptions): void {
  const { linear, tail, head, capacity, kvType } = options;
  const logitIndices = g.input('logit_indices', 'int64', ['rows']);
  const attention = attentionOf(g, config, capacity, tail === 'logits' ? kvType : null);
  const stream = new ResidualStream(g, config, linear, embed(g, config, attention.tokenIds));

  const routed: { readonly ids: Value; readonly chosen: number }[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    stream.branch(prefix, config.blockNorms.attention, (input) => {
      const attended = attention.apply(layer, queriesKeysValues(g, config, input, `${prefix}.self_attn`));
      return input.writes.linear.apply(g, attended, {
        inputs: config.numHeads * config.headDim,
        parts: [{ name: `${prefix}.self_attn.o_proj`, outputs: config.hiddenSize }],
        bias: config.outputBias,
      });
    });
    const experts = config.experts[layer] ?? null;
    stream.branch(prefix, config.blockNorms.mlp, (input) => {
      if (experts !== null) {
        const { output, ids } = mixtureOfExperts(g, config, input, prefix, experts);
        routed.push({ ids, chosen: experts.chosen });
        return output;
      }
      return gatedMlp(g, input, `${prefix}.mlp`, {
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
  const last = stream.normed('model.norm');
  const selected = g.node('Gather', [last.value, logitIndices], { attributes: { axis: 0 } });
  if (tail === 'hidden') {
    outputHidden(g, last.plain(selected), config.hiddenSize, head);
    return;
  }
  const logits = last.reads.apply(g, selected, {
    inputs: config.hiddenSize,
    parts: [{ name: config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head', outputs: config.vocabSize }],
    bias: false,
  });
  const shaped = softcapped(g, scaled(g, logits, config.logitMultiplier), config.logitSoftcap);
  const wide = g.wide(shaped);
  g.output('logits', wide, 'float32', ['rows', config.vocabSize]);
  if (g.hasOwnOperators) g.output('likeliest', g.node('LikeliestTokens', [wide], { domain: 'sglang' }), 'int32', ['rows']);
  if (g.topSearch !== null) outputTop(g, 'logits', config.vocabSize, g.topSearch);
}

function embed(g: GraphBuilder, config: DecoderConfig, tokenIds: Value): Value {
  const rows = g.rowsOf('model.embed_tokens.weight', [config.vocabSize, config.hiddenSize], tokenIds);
  return scaled(g, rows, config.embeddingMultiplier);
}
