import { quote } from '../../checkpoint/model-files';
import type { ConfigFile } from './config-file';
import type { LayerType } from './rope';

/** What kind of attention each layer has: `layer_types` of the config, or what the family says of a layer. */
export function readLayerTypes(config: ConfigFile, otherwise: (layer: number) => LayerType): LayerType[] {
  const layers = config.fields.num_hidden_layers;
  const types = config.fields.layer_types;
  if (!types) return Array.from({ length: layers }, (_, layer) => otherwise(layer));
  if (types.length !== layers) {
    throw config.refusal(
      `'layer_types' must have one entry for each of ${layers} layers, found ${types.length}`,
    );
  }
  return types.map((type) => {
    if (type === 'full_attention' || type === 'sliding_attention') return type;
    throw config.refusal(`'layer_types' entry ${quote(type)} is not supported`);
  });
}

/**
 * Positions a token of a sliding layer attends to, itself included; null where windows are off.
 * @param absent what the family takes when the config does not have the field
 * @throws StartupError for a window of nothing
 */
export function readWindow(config: ConfigFile, absent: number | null): number | null {
  const window = config.fields.sliding_window;
  if (window === 0) throw config.refusal(`'sliding_window' must be a whole number from 1 on, found '0'`);
  return window === undefined ? absent : window;
}

/** The window of a family whose configs have a switch for it, off by default: Qwen 2 and 3, SmolLM3. */
export function readSwitchedWindow(config: ConfigFile, absent: number | null): number | null {
  return config.fields.use_sliding_window === true ? readWindow(config, absent) : null;
}
