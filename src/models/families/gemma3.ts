import { z } from 'zod';
import { positive, whole } from '../config/fields';
import { readWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';
import { gemmaTraits } from './gemma2';

const fields = z.object({
  sliding_window_pattern: whole(1, 4096).nullish(),
  rope_local_base_freq: positive.nullish(),
});

/**
 * Gemma 3, texts only: Gemma 2 without caps, with normed heads, and with one full layer after five with a window. Windows
 * have a rotary embedding of their own; scaling is for the full layers.
 */
export const gemma3: Family = {
  architectures: ['Gemma3ForCausalLM', 'Gemma3ForConditionalGeneration'],
  read(file) {
    const own = file.read(fields);
    const pattern = own.sliding_window_pattern ?? 6;
    return decoder(file, {
      ...gemmaTraits(file, { attention: null, logits: null }),
      qkNorm: 'head',
      window: readWindow(file, 4096),
      layerType: (layer) => ((layer + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention'),
      rope: { theta: 1e6, isStretched: true, slidingTheta: own.rope_local_base_freq ?? 1e4 },
    });
  },
};
