import { z } from 'zod';
import {
  atLeastOne,
  bool,
  dimension,
  finite,
  names,
  object,
  positions,
  positive,
  positives,
  text,
  texts,
  tokenIds,
  whole,
} from './fields';

/** What any config.json and generation_config.json may hold; what only one family has, that family reads. */

const rope = z.object(
  {
    rope_type: text.nullish(),
    type: text.nullish(),
    rope_theta: positive.nullish(),
    partial_rotary_factor: positive.nullish(),
    factor: atLeastOne.nullish(),
    low_freq_factor: positive.nullish(),
    high_freq_factor: positive.nullish(),
    original_max_position_embeddings: positions.nullish(),
    attention_factor: positive.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    mscale: finite.nullish(),
    mscale_all_dim: finite.nullish(),
    truncate: bool.nullish(),
    short_factor: positives.nullish(),
    long_factor: positives.nullish(),
  },
  { error: 'an object' },
);

/** One rotary embedding, in `rope_scaling` (before transformers 5) or `rope_parameters`. */
export type RawRope = z.infer<typeof rope>;

/** `rope_parameters` holds one, or one for each type of layer. */
const ropes = rope.extend({ full_attention: rope.nullish(), sliding_attention: rope.nullish() });

export const rawConfigSchema = z.object({
  architectures: names,
  model_type: text,
  vocab_size: dimension,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: whole(1, 4096),
  num_attention_heads: whole(1, 65536),
  num_key_value_heads: whole(1, 65536).nullish(),
  head_dim: whole(1, 65536).nullish(),
  hidden_act: text.nullish(),
  rms_norm_eps: positive.nullish(),
  tie_word_embeddings: bool.nullish(),
  attention_bias: bool.nullish(),
  mlp_bias: bool.nullish(),

  rope_theta: positive.nullish(),
  rope_scaling: rope.nullish(),
  rope_parameters: ropes.nullish(),
  partial_rotary_factor: positive.nullish(),
  original_max_position_embeddings: positions.nullish(),
  max_position_embeddings: positions,
  max_sequence_length: positions.nullish(),
  seq_length: positions.nullish(),
  max_seq_len: positions.nullish(),
  model_max_length: positions.nullish(),

  sliding_window: whole(0, 2 ** 31 - 1).nullish(),
  use_sliding_window: bool.nullish(),
  max_window_layers: whole(0, 4096).nullish(),
  layer_types: texts.nullish(),
  use_bidirectional_attention: bool.nullish(),

  eos_token_id: tokenIds.nullish(),
  bos_token_id: tokenIds.nullish(),
  dtype: text.nullish(),
  torch_dtype: text.nullish(),
  quantization_config: object.nullish(),
  compression_config: object.nullish(),
});

export type RawConfig = z.infer<typeof rawConfigSchema>;

export const rawGenerationConfigSchema = z.object({
  eos_token_id: tokenIds.nullish(),
  temperature: finite.nullish(),
  top_p: finite.nullish(),
  top_k: finite.nullish(),
  min_p: finite.nullish(),
  repetition_penalty: finite.nullish(),
});
