import { readWindow } from '../config/layer-types';
import { scoreHead } from '../layers/heads';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Mistral and Ministral: Llama with a sliding window, 4096 when the config does not speak of it and none when it says null. */
export const mistral: Family = {
  architectures: ['MistralForCausalLM'],
  bodies: ['MistralModel'],
  classifiers: { MistralForSequenceClassification: scoreHead },
  read: (file) =>
    decoder(file, { biases: { qkv: false, output: false }, window: readWindow(file, 4096) }),
};
