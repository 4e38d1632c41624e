import type { GgufArchitecture } from './architectures';

/** Where a weight lies in a GGUF file, by the name that a family asks for. */
export interface StoredPlace {
  readonly tensor: string;
  /** One of the matrices that the tensor is a stack of. */
  readonly expert: number | null;
  /** Whose rows it is, where they may be ordered for another rotation. */
  readonly rotated: 'queries' | 'keys' | null;
  readonly isNorm: boolean;
}

const WHOLE_MODEL: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};

const IN_LAYER: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
  'mlp.gate': 'ffn_gate_inp',
  'mlp.experts.gate_proj': 'ffn_gate_exps',
  'mlp.experts.up_proj': 'ffn_up_exps',
  'mlp.experts.down_proj': 'ffn_down_exps',
  'mlp.shared_expert.gate_proj': 'ffn_gate_shexp',
  'mlp.shared_expert.up_proj': 'ffn_up_shexp',
  'mlp.shared_expert.down_proj': 'ffn_down_shexp',
  'mlp.shared_expert_gate': 'ffn_gate_inp_shexp',
};

const ROTATED: Readonly<Record<string, StoredPlace['rotated']>> = { attn_q: 'queries', attn_k: 'keys' };

/** @returns a place under the same name for a weight that GGUF files have no name for: nobody will find it */
export function storedPlace(name: string, { names }: GgufArchitecture): StoredPlace {
  const [, path = name, kind = ''] = /^(.*)(\.weight|\.bias)$/.exec(name) ?? [];
  const plain = { expert: null, rotated: null, isNorm: path.endsWith('norm') };
  const whole = WHOLE_MODEL[path];
  if (whole !== undefined) return { ...plain, tensor: whole + kind };
  const [, layer, inside = ''] = /^model\.layers\.(\d+)\.(.*)$/.exec(path) ?? [];
  const [, before, expert, after] = /^(.*\.experts)\.(\d+)(\..*)$/.exec(inside) ?? [];
  const key = expert === undefined ? inside : `${before}${after}`;
  const part = names?.[key] ?? IN_LAYER[key];
  if (layer === undefined || part === undefined) return { ...plain, tensor: name };
  return {
    ...plain,
    tensor: `blk.${layer}.${part}${kind}`,
    expert: expert === undefined ? null : Number(expert),
    rotated: ROTATED[part] ?? null,
  };
}
