import { quote } from '../../checkpoint/model-files';
import type { ConfigFile } from '../config/config-file';
import { unquantized, type LinearMethod } from './linear-method';

/** Makes the method of a quantized checkpoint from what its config says of it. */
type MethodReader = (settings: Readonly<Record<string, unknown>>, config: ConfigFile) => LinearMethod;

/** Quantization schemes by the name in `quantization_config.quant_method`. */
const METHODS: ReadonlyMap<string, MethodReader> = new Map();

/**
 * How a checkpoint's linear layers are stored. Quantized ones say so in `quantization_config` (or `compression_config`); a
 * scheme that is not known is refused before a weight is found missing or, worse, is taken for what it is not.
 * @throws StartupError that names the scheme
 */
export function linearMethodOf(config: ConfigFile): LinearMethod {
  const { fields } = config;
  const field = fields.quantization_config ? 'quantization_config' : 'compression_config';
  const settings = fields[field];
  if (!settings) return unquantized;
  const scheme = settings['quant_method'] ?? settings['quant_algo'] ?? settings['format'] ?? 'unknown';
  const method = typeof scheme === 'string' ? METHODS.get(scheme) : undefined;
  if (method) return method(settings, config);
  const bits = settings['bits'] ?? settings['w_bit'];
  const shown = typeof bits === 'number' ? `${quote(scheme)} (${bits} bits)` : quote(scheme);
  throw config.refusal(
    `weights quantized with ${shown} are not supported ('${field}'): use the checkpoint this one was made from, in bfloat16, float16 or float32`,
  );
}
