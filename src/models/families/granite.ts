import { z } from 'zod';
import { positive } from '../config/fields';
import type { Family } from '../model';
import { decoder } from './decoder';

const fields = z.object({
  embedding_multiplier: positive.nullish(),
  attention_multiplier: positive.nullish(),
  residual_multiplier: positive.nullish(),
  logits_scaling: positive.nullish(),
});

/** Granite 3: Llama with four multipliers. */
export const granite: Family = {
  architectures: ['GraniteForCausalLM'],
  bodies: ['GraniteModel'],
  read(file) {
    const own = file.read(fields);
    return decoder(file, {
      numKvHeads: null,
      embeddingMultiplier: own.embedding_multiplier ?? 1,
      attentionScale: own.attention_multiplier ?? 1,
      residualMultiplier: own.residual_multiplier ?? 1,
      logitMultiplier: 1 / (own.logits_scaling ?? 1),
    });
  },
};
