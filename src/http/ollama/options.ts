import { z } from 'zod';
import { parseBody, type OtherFields } from '../fields';

const number = z.number({ error: 'must be a number' }).nullish();
const integer = z.int({ error: 'must be an integer' }).nullish();

/** What Ollama calls options, as far as they ask for something here. */
export const optionsSchema = z.looseObject(
  {
    num_predict: integer,
    temperature: number,
    top_k: integer,
    top_p: number,
    min_p: number,
    repeat_penalty: number,
    presence_penalty: number,
    frequency_penalty: number,
    seed: integer,
    stop: z
      .union([z.string(), z.array(z.string())], { error: 'must be a string or a list of strings' })
      .nullish(),
  },
  { error: 'must be an object' },
);

/** How Ollama's own engine is set up, and samplers that are not here. */
const OTHER: OtherFields = {
  lenient: true,
  ignored: [
    'num_ctx',
    'num_keep',
    'num_batch',
    'num_gpu',
    'main_gpu',
    'num_thread',
    'num_gqa',
    'numa',
    'low_vram',
    'f16_kv',
    'logits_all',
    'vocab_only',
    'use_mmap',
    'use_mlock',
    'embedding_only',
    'repeat_last_n',
    'penalize_newline',
    'tfs_z',
    'typical_p',
    'mirostat',
    'mirostat_eta',
    'mirostat_tau',
    'rope_frequency_base',
    'rope_frequency_scale',
    'draft_num_predict',
  ],
};

type Options = z.output<typeof optionsSchema>;

/**
 * Options as fields of a chat completion. What is left out is left to the model and the operator, not to Ollama's defaults.
 * @param contextLen tokens of prompt and answer together
 * @throws RequestError for names that are mistyped
 */
export function chatFieldsOf(
  options: Options | null | undefined,
  contextLen: number,
): Record<string, unknown> {
  if (options == null) return {};
  parseBody(optionsSchema, options, OTHER);
  const { num_predict, top_k, repeat_penalty, seed, stop } = options;
  const { temperature, top_p, min_p, presence_penalty, frequency_penalty } = options;
  const hasLimit = num_predict != null && num_predict > 0 && num_predict < contextLen;
  return {
    temperature,
    top_p,
    min_p,
    presence_penalty,
    frequency_penalty,
    stop,
    repetition_penalty: repeat_penalty,
    // Ollama: no limit for 0 and below.
    top_k: top_k != null && top_k <= 0 ? -1 : top_k,
    max_tokens: hasLimit ? num_predict : null,
    // Ollama: another each time for -1.
    seed: seed === -1 ? null : seed,
  };
}
