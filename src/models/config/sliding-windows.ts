import { StartupError } from '../../core/errors';
import { quote } from '../../checkpoint/model-files';
import type { RawConfig } from './raw-config';

/**
 * For each layer, how many positions a token attends to (itself included), or null for all of them.
 * - Llama has no window, whatever its config says.
 * - Qwen 2 and 3 have one in the layers from `max_window_layers` on, if `use_sliding_window`.
 * - Others have `sliding_window` in every layer; Mistral's is 4096 when the field is absent (null turns it off).
 *
 * `layer_types`, where present, says which layers have the window.
 * @param file names the config in errors
 */
export function slidingWindows(raw: RawConfig, file: string): (number | null)[] {
  const window = windowSize(raw);
  const firstLayer = raw.use_sliding_window === true ? (raw.max_window_layers ?? 28) : 0;
  const types = layerTypes(raw, file);
  return Array.from({ length: raw.num_hidden_layers }, (_, layer) =>
    (types === null ? layer >= firstLayer : types[layer] === 'sliding_attention') ? window : null,
  );
}

function windowSize(raw: RawConfig): number | null {
  switch (raw.model_type) {
    case 'llama':
      return null;
    case 'qwen2':
    case 'qwen3':
      return raw.use_sliding_window === true
        ? raw.sliding_window === undefined
          ? 4096
          : raw.sliding_window
        : null;
    case 'mistral':
      return raw.sliding_window === undefined ? 4096 : raw.sliding_window;
    default:
      return raw.use_sliding_window === false ? null : (raw.sliding_window ?? null);
  }
}

function layerTypes(raw: RawConfig, file: string): string[] | null {
  const types = raw.layer_types;
  if (!types) return null;
  if (types.length !== raw.num_hidden_layers) {
    throw new StartupError(
      `${file}: 'layer_types' must have one entry for each of ${raw.num_hidden_layers} layers, found ${types.length}`,
    );
  }
  const unknown = types.find((type) => type !== 'full_attention' && type !== 'sliding_attention');
  if (unknown !== undefined)
    throw new StartupError(`${file}: 'layer_types' entry ${quote(unknown)} is not supported`);
  return types;
}
