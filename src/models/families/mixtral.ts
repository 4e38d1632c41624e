import { readExperts } from '../config/experts';
import { readWindow } from '../config/layer-types';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Mixtral: Mistral with experts in place of each MLP, whose weights always add up to 1. */
export const mixtral: Family = {
  architectures: ['MixtralForCausalLM'],
  bodies: ['MixtralModel'],
  read: (file) =>
    decoder(file, {
      numKvHeads: null,
      biases: { qkv: false, output: false },
      rmsNormEps: 1e-5,
      window: readWindow(file, null),
      experts: readExperts(file, {
        count: 8,
        chosen: 2,
        intermediateSize: null,
        normalized: true,
        names: { block: 'block_sparse_moe', gate: 'w1', up: 'w3', down: 'w2' },
      }),
    }),
};
