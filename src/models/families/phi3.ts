import { readWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Phi-3, Phi-3.5 and Phi-4-mini: Llama with fused projections, a window, and a part of each head rotated. */
export const phi3: Family = {
  architectures: ['Phi3ForCausalLM'],
  read: (file) =>
    decoder(file, {
      numKvHeads: null,
      biases: { qkv: false, output: false },
      fusedProjections: true,
      rmsNormEps: 1e-5,
      window: readWindow(file, null),
      rope: { originalMaxPositionEmbeddings: 4096 },
    }),
};
