import type { BlockNorms } from '../config/decoder-config';
import type { Family } from '../model';
import { decoder } from './decoder';

const AFTER_BRANCHES: BlockNorms = {
  attention: { before: null, after: 'post_attention_layernorm' },
  mlp: { before: null, after: 'post_feedforward_layernorm' },
};

/** OLMo 2: what a branch puts out is normed, not what it takes in; queries and keys are normed over all heads at once. */
export const olmo2: Family = {
  architectures: ['Olmo2ForCausalLM'],
  bodies: ['Olmo2Model'],
  read: (file) =>
    decoder(file, { numKvHeads: null, rmsNormEps: 1e-5, blockNorms: AFTER_BRANCHES, qkNorm: 'projection' }),
};
