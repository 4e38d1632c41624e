import type { ModelCard } from '../../core/model-card';
import type { ModelFacts } from '../../core/model-facts';

/** Names of GGUF, and what config.json calls the same. */
const KEYS: Readonly<Record<string, string>> = {
  embedding_length: 'hidden_size',
  block_count: 'num_hidden_layers',
  feed_forward_length: 'intermediate_size',
  'attention.head_count': 'num_attention_heads',
  'attention.head_count_kv': 'num_key_value_heads',
  'attention.key_length': 'head_dim',
  'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
  'attention.sliding_window': 'sliding_window',
  'rope.freq_base': 'rope_theta',
};

/** The model's measures under GGUF's names, as `/api/show` has them. */
export function architectureInfo(
  { modelType, contextLen, vocabSize }: ModelFacts,
  { parameters, config }: ModelCard,
): Record<string, unknown> {
  const measures = Object.entries(KEYS)
    .map(([key, name]) => [`${modelType}.${key}`, config[name]] as const)
    .filter(([, value]) => typeof value === 'number');
  return {
    'general.architecture': modelType,
    'general.parameter_count': parameters,
    [`${modelType}.context_length`]: contextLen,
    [`${modelType}.vocab_size`]: vocabSize,
    ...Object.fromEntries(measures),
  };
}

const UNITS = [
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'K'],
] as const;

/** `3.6M`, `7B`; '' for nothing. */
export function parameterSize(parameters: number): string {
  const [size, unit] = UNITS.find(([size]) => parameters >= size) ?? [1, ''];
  return parameters === 0 ? '' : `${Number((parameters / size).toFixed(1))}${unit}`;
}
