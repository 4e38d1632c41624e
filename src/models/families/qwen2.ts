import type { ConfigFile } from '../config/config-file';
import { readSwitchedWindow } from '../config/layer-types';
import type { LayerType } from '../config/rope';
import { rewardHead, scoreHead } from '../layers/heads';
import type { Family } from '../model';
import { decoder } from './decoder';

/** Qwen 2 and 2.5: Llama with biases on queries, keys and values. */
export const qwen2: Family = {
  architectures: ['Qwen2ForCausalLM'],
  bodies: ['Qwen2Model'],
  classifiers: { Qwen2ForSequenceClassification: scoreHead, Qwen2ForRewardModel: rewardHead },
  read: (file) => decoder(file, { biases: { qkv: true, output: false }, ...upperWindow(file) }),
};

/** Qwen's window, if it is switched on, is in the layers from `max_window_layers` on. */
export function upperWindow(file: ConfigFile): { window: number | null; layerType: (layer: number) => LayerType } {
  const first = file.fields.max_window_layers ?? 28;
  return {
    window: readSwitchedWindow(file, 4096),
    layerType: (layer) => (layer >= first ? 'sliding_attention' : 'full_attention'),
  };
}
