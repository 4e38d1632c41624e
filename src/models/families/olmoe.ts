import { z } from 'zod';
import { readExperts } from '../config/experts';
import { positive } from '../config/fields';
import type { Family } from '../model';
import { decoder } from './decoder';

const fields = z.object({ clip_qkv: positive.nullish() });

/** OLMoE: Llama with experts, and with queries and keys normed over all heads at once. */
export const olmoe: Family = {
  architectures: ['OlmoeForCausalLM'],
  bodies: ['OlmoeModel'],
  read: (file) =>
    decoder(file, {
      numKvHeads: null,
      rmsNormEps: 1e-5,
      qkNorm: 'projection',
      qkvClip: file.read(fields).clip_qkv ?? null,
      experts: readExperts(file, { count: 64, chosen: 8, intermediateSize: null }),
    }),
};
