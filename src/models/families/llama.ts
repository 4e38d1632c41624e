import { scoreHead } from '../layers/heads';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Llama 1 to 3.3, SmolLM2 and the many that kept its shape. Windows in their configs mean nothing. */
export const llama: Family = {
  architectures: ['LlamaForCausalLM'],
  bodies: ['LlamaModel'],
  classifiers: { LlamaForSequenceClassification: scoreHead },
  read: (file) => decoder(file, { numKvHeads: null }),
};
