import { z } from 'zod';
import type { ConfigFile } from '../config/config-file';
import type { BlockNorms, DecoderTraits } from '../config/decoder-config';
import { positive, text } from '../config/fields';
import { readWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

const fields = z.object({
  hidden_activation: text.nullish(),
  query_pre_attn_scalar: positive.nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
});

/** Gemma 2: norms around both branches, scores and logits softly capped, every second layer with a window. */
export const gemma2: Family = {
  architectures: ['Gemma2ForCausalLM'],
  bodies: ['Gemma2Model'],
  read: (file) =>
    decoder(file, {
      ...gemmaTraits(file, { attention: 50, logits: 30 }),
      window: readWindow(file, 4096),
      layerType: (layer) => (layer % 2 === 0 ? 'sliding_attention' : 'full_attention'),
    }),
};

const AROUND_BRANCHES: BlockNorms = {
  attention: { before: 'input_layernorm', after: 'post_attention_layernorm' },
  mlp: { before: 'pre_feedforward_layernorm', after: 'post_feedforward_layernorm' },
};

/**
 * What Gemma 2 and 3 share: norms that store their distance from 1, tanh-GELU, a score scale of its own, and embeddings times
 * the root of the width (in float32, as everything here).
 * @param caps taken when the config has no such field; null in the file turns one off
 */
export function gemmaTraits(
  file: ConfigFile,
  caps: { readonly attention: number | null; readonly logits: number | null },
): DecoderTraits {
  const own = file.read(fields);
  const cap = (stated: number | null | undefined, otherwise: number | null) =>
    stated === undefined ? otherwise : stated;
  return {
    headDim: 256,
    tieWordEmbeddings: true,
    normOffset: 1,
    blockNorms: AROUND_BRANCHES,
    activation: { field: 'hidden_activation', name: own.hidden_activation ?? 'gelu_pytorch_tanh' },
    attentionScale: (own.query_pre_attn_scalar ?? 256) ** -0.5,
    attentionSoftcap: cap(own.attn_logit_softcapping, caps.attention),
    logitSoftcap: cap(own.final_logit_softcapping, caps.logits),
    embeddingMultiplier: Math.sqrt(file.fields.hidden_size),
  };
}
