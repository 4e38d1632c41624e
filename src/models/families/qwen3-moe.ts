import { readExperts } from '../config/experts';
import { readSwitchedWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Qwen 3 with experts. Its window, if it is switched on, is in every layer. */
export const qwen3Moe: Family = {
  architectures: ['Qwen3MoeForCausalLM'],
  bodies: ['Qwen3MoeModel'],
  read: (file) =>
    decoder(file, {
      qkNorm: 'head',
      window: readSwitchedWindow(file, 4096),
      experts: readExperts(file, { count: 128, chosen: 8, intermediateSize: 768 }),
    }),
};
