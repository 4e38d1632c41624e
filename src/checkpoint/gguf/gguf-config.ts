import { toFloats } from '../floats';
import { quote } from '../model-files';
import { readTensor } from '../safetensors';
import { architectureKey, architectureOf } from './architectures';
import { isBlockType } from './blocks';
import { endTokenIds } from './end-tokens';
import type { GgufFile } from './gguf-file';
import type { Metadata } from './metadata';

/**
 * What config.json would say of the model in a GGUF file. What is missing stays missing: whoever reads the config says so.
 * @throws StartupError for an architecture that is not known, and for what config.json could not say
 */
export function configOfGguf(gguf: GgufFile): Record<string, unknown> {
  const { metadata, tensors } = gguf;
  const architecture = architectureOf(gguf);
  const key = architectureKey(gguf);
  const fields = new Fields(metadata, key);
  const heads = fields.forAllLayers('attention.head_count');
  const headDim = fields.whole('attention.key_length') ?? wholeOf(fields.whole('embedding_length'), heads);
  const valueLength = fields.whole('attention.value_length');
  if (valueLength !== null && headDim !== null && valueLength !== headDim) {
    throw metadata.refusal(`'${key}.attention.value_length' ${valueLength} is not that of keys, ${headDim}`);
  }
  const window = fields.whole('attention.sliding_window');
  const config: Record<string, unknown> = {
    architectures: [architecture.name],
    model_type: architecture.modelType,
    vocab_size: tensors.get('token_embd.weight')?.shape[0],
    hidden_size: fields.whole('embedding_length'),
    intermediate_size:
      fields.forAllLayers('feed_forward_length') ?? fields.whole('expert_feed_forward_length'),
    num_hidden_layers: fields.whole('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: fields.forAllLayers('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    max_position_embeddings: fields.whole('context_length'),
    rms_norm_eps: fields.number('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !tensors.has('output.weight'),
    attention_bias: tensors.has('blk.0.attn_q.bias'),
    mlp_bias: tensors.has('blk.0.ffn_up.bias'),
    sliding_window: window === 0 ? 'none' : window,
    rope_theta: fields.number('rope.freq_base'),
    rope_scaling: ropeScaling(gguf, fields),
    partial_rotary_factor: partOf(fields.whole('rope.dimension_count'), headDim),
    original_max_position_embeddings: fields.whole('rope.scaling.original_context_length'),
    bos_token_id: metadata.whole('tokenizer.ggml.bos_token_id'),
    eos_token_id: endTokenIds(metadata),
    torch_dtype: dtypeOf(gguf),
    quantization_config: hasBlocks(gguf) ? { quant_method: 'gguf' } : null,
    mlp_only_layers: fields.whole('expert_count') === null ? null : layersWithoutExperts(gguf, fields),
    ...OWN_FIELDS[key]?.(fields, { heads, headDim }),
  };
  const stated = Object.entries(config).filter(([, value]) => value != null);
  return Object.fromEntries(stated.map(([name, value]) => [name, value === 'none' ? null : value]));
}

/** Metadata under the name of the architecture. */
class Fields {
  constructor(
    private readonly metadata: Metadata,
    private readonly key: string,
  ) {}

  whole(name: string): number | null {
    return this.metadata.whole(`${this.key}.${name}`);
  }

  /** Stored in 32 bits: as a text of so many digits as they hold, so that 1e-5 is 1e-5. */
  number(name: string): number | null {
    const stored = this.metadata.number(`${this.key}.${name}`);
    return stored === null ? null : Number(stored.toPrecision(7));
  }

  text(name: string): string | null {
    return this.metadata.text(`${this.key}.${name}`);
  }

  forAllLayers(name: string): number | null {
    return this.metadata.forAllLayers(`${this.key}.${name}`);
  }
}

/** Queries' heads and their width; null where the file does not say. */
interface Heads {
  readonly heads: number | null;
  readonly headDim: number | null;
}

type Own = (fields: Fields, heads: Heads) => Record<string, unknown>;

/** The largest Gemmas scale scores by the width of a head that the hidden size would give. */
const gemma =
  (largest: number): Own =>
  (fields, { heads, headDim }) => ({
    query_pre_attn_scalar:
      fields.whole('block_count') === largest ? wholeOf(fields.whole('embedding_length'), heads) : headDim,
    attn_logit_softcapping: fields.number('attn_logit_softcapping'),
    final_logit_softcapping: fields.number('final_logit_softcapping'),
    rope_local_base_freq: fields.number('rope.freq_base_swa'),
  });

const experts = (normalized: boolean) => (fields: Fields) => ({
  num_experts: fields.whole('expert_count'),
  num_experts_per_tok: fields.whole('expert_used_count'),
  moe_intermediate_size: fields.whole('expert_feed_forward_length'),
  shared_expert_intermediate_size: fields.whole('expert_shared_feed_forward_length'),
  norm_topk_prob: normalized,
});

/** Fields that only some architectures have. */
const OWN_FIELDS: Readonly<Record<string, Own>> = {
  llama: (fields) => ({
    num_local_experts: fields.whole('expert_count'),
    num_experts_per_tok: fields.whole('expert_used_count'),
  }),
  gemma2: gemma(46),
  gemma3: gemma(62),
  granite: (fields) => ({
    embedding_multiplier: fields.number('embedding_scale'),
    attention_multiplier: fields.number('attention.scale'),
    residual_multiplier: fields.number('residual_scale'),
    logits_scaling: fields.number('logit_scale'),
  }),
  olmoe: (fields) => ({ ...experts(false)(fields), clip_qkv: fields.number('attention.clamp_kqv') }),
  qwen2moe: experts(false),
  qwen3moe: experts(true),
};

/**
 * How rotary frequencies are stretched. Files of Llama 3 and Phi-3 hold what each frequency is divided by; others name a scheme as
 * config.json does.
 */
function ropeScaling(gguf: GgufFile, fields: Fields): Record<string, unknown> | null {
  const factors = factorsOf(gguf, 'rope_freqs.weight');
  if (factors !== null) {
    return { rope_type: 'longrope', short_factor: factors, long_factor: factors, attention_factor: 1 };
  }
  const long = factorsOf(gguf, 'rope_factors_long.weight');
  const short = factorsOf(gguf, 'rope_factors_short.weight');
  if (long !== null && short !== null) {
    const attention = fields.number('rope.scaling.attn_factor');
    return {
      rope_type: 'longrope',
      short_factor: short,
      long_factor: long,
      ...(attention === null ? {} : { attention_factor: attention }),
    };
  }
  const type = fields.text('rope.scaling.type');
  if (type === null || type === 'none') return null;
  return Object.fromEntries(
    Object.entries({
      rope_type: type,
      factor: fields.number('rope.scaling.factor'),
      original_max_position_embeddings: fields.whole('rope.scaling.original_context_length'),
      beta_fast: fields.number('rope.scaling.yarn_beta_fast'),
      beta_slow: fields.number('rope.scaling.yarn_beta_slow'),
    }).filter(([, value]) => value !== null),
  );
}

const MAX_LAYERS = 4096;

function layersWithoutExperts({ tensors }: GgufFile, fields: Fields): number[] {
  const count = Math.min(fields.whole('block_count') ?? 0, MAX_LAYERS);
  const layers = Array.from({ length: count }, (_, layer) => layer);
  return layers.filter((layer) => !tensors.has(`blk.${layer}.ffn_gate_inp.weight`));
}

/** More than any head has pairs. */
const MAX_PAIRS = 4096;

function factorsOf({ tensors, metadata, file }: GgufFile, name: string): number[] | null {
  const tensor = tensors.get(name);
  if (tensor === undefined) return null;
  const { shape, offset, byteLength } = tensor;
  if (tensor.type.name !== 'F32' || shape.length !== 1 || (shape[0] ?? 0) > MAX_PAIRS) {
    throw metadata.refusal(`tensor ${quote(name)} is not a list of float32 numbers`);
  }
  return [...toFloats('F32', readTensor({ name, dtype: 'F32', shape, file, offset, byteLength }))];
}

function wholeOf(total: number | null, parts: number | null): number | null {
  return total !== null && parts !== null && parts > 0 && total % parts === 0 ? total / parts : null;
}

function partOf(dims: number | null, headDim: number | null): number | null {
  return dims === null || headDim === null || dims === headDim ? null : dims / headDim;
}

function hasBlocks({ tensors }: GgufFile): boolean {
  return [...tensors.values()].some(({ type }) => isBlockType(type.name));
}

/** The type that most of its weights were made from or are made into. */
function dtypeOf({ tensors }: GgufFile): string {
  const type = tensors.get('blk.0.ffn_down.weight')?.type.name;
  return type === 'F16' ? 'float16' : type === 'BF16' ? 'bfloat16' : 'float32';
}
