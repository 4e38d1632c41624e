import type { GgufFile } from './gguf-file';
import { quote } from '../model-files';

/** The architectures of GGUF files that have a family here, and how each one's files differ from its checkpoints. */
export interface GgufArchitecture {
  /** What config.json would have in `architectures` and `model_type`. */
  readonly name: string;
  readonly modelType: string;
  /** Rows of queries and keys are ordered for a rotation of neighbours: pair after pair, not half after half. */
  readonly interleaved?: boolean;
  /** Norms are stored with 1 added. */
  readonly shiftedNorms?: boolean;
  /** Names of tensors where they are not those of the Llama line. */
  readonly names?: Readonly<Record<string, string>>;
}

const AROUND_BRANCHES = {
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};
const GEMMA = { shiftedNorms: true, names: AROUND_BRANCHES };

const LLAMA: GgufArchitecture = { name: 'LlamaForCausalLM', modelType: 'llama', interleaved: true };
const MIXTRAL: GgufArchitecture = {
  name: 'MixtralForCausalLM',
  modelType: 'mixtral',
  interleaved: true,
  names: {
    'block_sparse_moe.gate': 'ffn_gate_inp',
    'block_sparse_moe.experts.w1': 'ffn_gate_exps',
    'block_sparse_moe.experts.w2': 'ffn_down_exps',
    'block_sparse_moe.experts.w3': 'ffn_up_exps',
  },
};

const ARCHITECTURES: ReadonlyMap<string, GgufArchitecture> = new Map([
  ['llama', LLAMA],
  ['qwen2', { name: 'Qwen2ForCausalLM', modelType: 'qwen2' }],
  ['qwen3', { name: 'Qwen3ForCausalLM', modelType: 'qwen3' }],
  ['gemma2', { name: 'Gemma2ForCausalLM', modelType: 'gemma2', ...GEMMA }],
  ['gemma3', { name: 'Gemma3ForCausalLM', modelType: 'gemma3_text', ...GEMMA }],
  ['phi3', { name: 'Phi3ForCausalLM', modelType: 'phi3', names: { 'mlp.gate_up_proj': 'ffn_up' } }],
  ['granite', { name: 'GraniteForCausalLM', modelType: 'granite', interleaved: true }],
  ['olmo2', { name: 'Olmo2ForCausalLM', modelType: 'olmo2', names: AROUND_BRANCHES }],
  ['smollm3', { name: 'SmolLM3ForCausalLM', modelType: 'smollm3', interleaved: true }],
  ['olmoe', { name: 'OlmoeForCausalLM', modelType: 'olmoe' }],
  ['qwen2moe', { name: 'Qwen2MoeForCausalLM', modelType: 'qwen2_moe' }],
  ['qwen3moe', { name: 'Qwen3MoeForCausalLM', modelType: 'qwen3_moe' }],
]);

/** The file's own name of its architecture, which its keys begin with. */
export function architectureKey({ metadata }: GgufFile): string {
  const key = metadata.text('general.architecture');
  if (key === null) throw metadata.refusal(`'general.architecture' is missing`);
  return key;
}

/** @throws StartupError that names one which has no family here, and for one of several files */
export function architectureOf(gguf: GgufFile): GgufArchitecture {
  const { metadata } = gguf;
  const key = architectureKey(gguf);
  const parts = metadata.whole('split.count') ?? 1;
  if (parts > 1) {
    throw metadata.refusal(`is one of ${parts} files of a model: merge them (llama-gguf-split --merge)`);
  }
  const known = ARCHITECTURES.get(key);
  if (known === undefined) {
    throw metadata.refusal(
      `architecture ${quote(key)} is not supported (supported: ${[...ARCHITECTURES.keys()].join(', ')})`,
    );
  }
  return known === LLAMA && (metadata.whole('llama.expert_count') ?? 0) > 0 ? MIXTRAL : known;
}
