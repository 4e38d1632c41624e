import { z } from 'zod';
import { readExperts } from '../config/experts';
import { bool } from '../config/fields';
import { readSwitchedWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

const fields = z.object({ qkv_bias: bool.nullish() });

/**
 * Qwen 1.5 and 2 with experts, and one more that every token goes through. Its window, if it is switched on, is in every
 * other layer below `max_window_layers`.
 */
export const qwen2Moe: Family = {
  architectures: ['Qwen2MoeForCausalLM'],
  bodies: ['Qwen2MoeModel'],
  read(file) {
    const windows = file.fields.max_window_layers ?? 28;
    return decoder(file, {
      biases: { qkv: file.read(fields).qkv_bias ?? true, output: false },
      window: readSwitchedWindow(file, 4096),
      layerType: (layer) => (layer % 2 === 0 && layer < windows ? 'sliding_attention' : 'full_attention'),
      experts: readExperts(file, {
        count: 60,
        chosen: 4,
        intermediateSize: 1408,
        sharedIntermediateSize: 5632,
      }),
    });
  },
};
