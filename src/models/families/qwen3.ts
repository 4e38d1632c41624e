import { scoreHead } from '../layers/heads';
import type { Family } from '../model';
import { decoder } from './decoder';
import { upperWindow } from './qwen2';

/** Qwen 3: each head of queries and keys is normed before it is rotated; heads have 128 dimensions. */
export const qwen3: Family = {
  architectures: ['Qwen3ForCausalLM'],
  bodies: ['Qwen3Model'],
  classifiers: { Qwen3ForSequenceClassification: scoreHead },
  read: (file) => decoder(file, { headDim: 128, qkNorm: 'head', ...upperWindow(file) }),
};
