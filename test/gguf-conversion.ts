import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLOAT_TYPES, type Contents, type Tensor, type Value } from './gguf';
import { readFloats, readSafetensors, readTensor, type TensorRef } from '../src/checkpoint/safetensors';

/** Makes what converters make of a checkpoint: names, the order of rows, stacks of experts, metadata. */

type Raw = Record<string, unknown>;

/** By `model_type`: the architecture's name, whether rows are interleaved, and whether norms have 1 added. */
const KINDS: Record<string, { key: string; interleaved?: true; shifted?: true; around?: true }> = {
  llama: { key: 'llama', interleaved: true },
  mixtral: { key: 'llama', interleaved: true },
  qwen2: { key: 'qwen2' },
  qwen3: { key: 'qwen3' },
  gemma2: { key: 'gemma2', shifted: true, around: true },
  gemma3_text: { key: 'gemma3', shifted: true, around: true },
  phi3: { key: 'phi3' },
  granite: { key: 'granite', interleaved: true },
  olmo2: { key: 'olmo2', around: true },
  smollm3: { key: 'smollm3', interleaved: true },
  olmoe: { key: 'olmoe' },
  qwen2_moe: { key: 'qwen2moe' },
  qwen3_moe: { key: 'qwen3moe' },
};

const NAMES: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
  'mlp.gate': 'ffn_gate_inp',
  'block_sparse_moe.gate': 'ffn_gate_inp',
  'mlp.shared_expert.gate_proj': 'ffn_gate_shexp',
  'mlp.shared_expert.up_proj': 'ffn_up_shexp',
  'mlp.shared_expert.down_proj': 'ffn_down_shexp',
  'mlp.shared_expert_gate': 'ffn_gate_inp_shexp',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};
const EXPERTS: Record<string, string> = {
  gate_proj: 'ffn_gate_exps',
  up_proj: 'ffn_up_exps',
  down_proj: 'ffn_down_exps',
  w1: 'ffn_gate_exps',
  w3: 'ffn_up_exps',
  w2: 'ffn_down_exps',
};

/** @param tokenizer metadata of it */
export function converted(dir: string, tokenizer: Record<string, Value> = {}): Contents {
  const config = JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as Raw;
  const kind = KINDS[String(config['model_type'])];
  if (kind === undefined) throw new Error(`no conversion of ${String(config['model_type'])}`);
  const stored = readdirSync(dir)
    .filter((name) => name.endsWith('.safetensors'))
    .flatMap((name) => readSafetensors(join(dir, name)));
  const tied = config['tie_word_embeddings'] === true;
  const used = stored.filter(({ name }) => !(tied && name === 'lm_head.weight'));
  const heads = Number(config['num_attention_heads']);
  const kvHeads = Number(config['num_key_value_heads'] ?? heads);
  const plain = used
    .filter(({ name }) => !name.includes('.experts.'))
    .map((ref): Tensor => {
      const name = nameOf(ref.name, kind.around === true);
      const { dtype, shape } = ref;
      if (kind.shifted && name.endsWith('norm.weight')) {
        const shifted = readFloats(ref).map((value) => value + 1);
        return { name, type: 0, shape, bytes: new Uint8Array(shifted.buffer) };
      }
      const rows = /attn_q\.(weight|bias)$/.test(name)
        ? heads
        : /attn_k\.(weight|bias)$/.test(name)
          ? kvHeads
          : 0;
      const bytes = readTensor(ref);
      return {
        name,
        type: FLOAT_TYPES[dtype as keyof typeof FLOAT_TYPES],
        shape,
        bytes: kind.interleaved && rows > 0 ? interleaved(bytes, rows, shape[0] as number) : bytes,
      };
    });
  return {
    metadata: { ...metadataOf(config, kind.key), ...tokenizer },
    tensors: [...plain, ...stacksOf(used), ...frequenciesOf(config)],
  };
}

function nameOf(name: string, around: boolean): string {
  const [, path = '', suffix = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const whole: Record<string, string> = {
    'model.embed_tokens': 'token_embd',
    'model.norm': 'output_norm',
    lm_head: 'output',
  };
  const [, layer, inside = ''] = /^model\.layers\.(\d+)\.(.*)$/.exec(path) ?? [];
  const part =
    inside === 'post_attention_layernorm' ? (around ? 'post_attention_norm' : 'ffn_norm') : NAMES[inside];
  return layer === undefined ? `${whole[path]}.${suffix}` : `blk.${layer}.${part}.${suffix}`;
}

/** The rows of each head in the order first, middle, second, middle + 1 … */
function interleaved(bytes: Buffer, heads: number, rows: number): Buffer {
  const width = bytes.length / rows;
  const half = rows / heads / 2;
  const out: Buffer[] = [];
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (const at of [i, half + i]) {
        const row = head * 2 * half + at;
        out.push(bytes.subarray(row * width, (row + 1) * width));
      }
    }
  }
  return Buffer.concat(out);
}

function stacksOf(refs: readonly TensorRef[]): Tensor[] {
  const stacks = new Map<string, TensorRef[]>();
  for (const ref of refs) {
    const [, layer, expert, part = ''] =
      /^model\.layers\.(\d+)\..*\.experts\.(\d+)\.(\w+)\.weight$/.exec(ref.name) ?? [];
    if (expert === undefined) continue;
    const name = `blk.${layer}.${EXPERTS[part]}.weight`;
    const stack = stacks.get(name) ?? [];
    stack[Number(expert)] = ref;
    stacks.set(name, stack);
  }
  return [...stacks].map(([name, stack]) => ({
    name,
    type: FLOAT_TYPES[stack[0]?.dtype as keyof typeof FLOAT_TYPES],
    shape: [stack.length, ...(stack[0]?.shape ?? [])],
    bytes: Buffer.concat(stack.map(readTensor)),
  }));
}

function ropeOf(config: Raw): Raw {
  const rope = (config['rope_parameters'] ?? config['rope_scaling'] ?? {}) as Raw;
  return (rope['full_attention'] ?? rope) as Raw;
}

function metadataOf(config: Raw, key: string): Record<string, Value> {
  const metadata: Record<string, Value> = { 'general.architecture': { text: key } };
  const rope = ropeOf(config);
  const put = (name: string, form: 'u32' | 'f32', value: unknown) => {
    if (typeof value === 'number') metadata[`${key}.${name}`] = { [form]: value } as Value;
  };
  const hidden = Number(config['hidden_size']);
  const headDim = Number(config['head_dim'] ?? hidden / Number(config['num_attention_heads']));
  put('block_count', 'u32', config['num_hidden_layers']);
  put('context_length', 'u32', config['max_position_embeddings']);
  put('embedding_length', 'u32', hidden);
  put('feed_forward_length', 'u32', config['intermediate_size']);
  put('attention.head_count', 'u32', config['num_attention_heads']);
  put('attention.head_count_kv', 'u32', config['num_key_value_heads']);
  put('attention.key_length', 'u32', headDim);
  put('attention.value_length', 'u32', headDim);
  put('attention.layer_norm_rms_epsilon', 'f32', config['rms_norm_eps']);
  put('attention.sliding_window', 'u32', config['sliding_window']);
  put('rope.freq_base', 'f32', rope['rope_theta'] ?? config['rope_theta']);
  put('rope.dimension_count', 'u32', headDim * Number(rope['partial_rotary_factor'] ?? 1));
  put('attn_logit_softcapping', 'f32', config['attn_logit_softcapping']);
  put('final_logit_softcapping', 'f32', config['final_logit_softcapping']);
  put('embedding_scale', 'f32', config['embedding_multiplier']);
  put('attention.scale', 'f32', config['attention_multiplier']);
  put('residual_scale', 'f32', config['residual_multiplier']);
  put('logit_scale', 'f32', config['logits_scaling']);
  put('attention.clamp_kqv', 'f32', config['clip_qkv']);
  put('expert_count', 'u32', config['num_experts'] ?? config['num_local_experts']);
  put('expert_used_count', 'u32', config['num_experts_per_tok']);
  put('expert_feed_forward_length', 'u32', config['moe_intermediate_size']);
  put('expert_shared_feed_forward_length', 'u32', config['shared_expert_intermediate_size']);
  const type = rope['rope_type'] ?? rope['type'];
  if (type === 'yarn' || type === 'linear') {
    metadata[`${key}.rope.scaling.type`] = { text: type };
    put('rope.scaling.factor', 'f32', rope['factor']);
  }
  put('rope.scaling.original_context_length', 'u32', rope['original_max_position_embeddings']);
  const sliding = (config['rope_parameters'] as Raw | undefined)?.['sliding_attention'] as Raw | undefined;
  put('rope.freq_base_swa', 'f32', sliding?.['rope_theta']);
  return metadata;
}

/** What converters write where frequencies are divided by a number each. */
function frequenciesOf(config: Raw): Tensor[] {
  const rope = ropeOf(config);
  const list = (name: string, values: readonly number[]): Tensor => ({
    name,
    type: 0,
    shape: [values.length],
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  });
  if (rope['rope_type'] === 'llama3') return [list('rope_freqs.weight', llama3Factors(config, rope))];
  if (rope['rope_type'] !== 'longrope') return [];
  return [
    list('rope_factors_long.weight', rope['long_factor'] as number[]),
    list('rope_factors_short.weight', rope['short_factor'] as number[]),
  ];
}

/** By how much each frequency of a head is divided in Llama 3.1's scheme. */
function llama3Factors(config: Raw, rope: Raw): number[] {
  const number = (name: string) => Number(rope[name]);
  const original = number('original_max_position_embeddings');
  const [low, high] = [number('low_freq_factor'), number('high_freq_factor')];
  const headDim = Number(config['head_dim']);
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * number('rope_theta') ** ((2 * i) / headDim);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return number('factor');
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / number('factor') + smooth);
  });
}
