import { quote } from '../../checkpoint/model-files';
import { bug } from '../../core/errors';
import type { ConfigFile } from '../config/config-file';
import { unquantized, type LinearMethod } from './linear-method';
import { int4Weights, w8a8Int8 } from './quantized-linear';

/** Makes the method of a quantized checkpoint from what its config says of it. */
type MethodReader = (settings: Readonly<Record<string, unknown>>, config: ConfigFile) => LinearMethod;

/** Quantization schemes by the name in `quantization_config.quant_method`. */
const METHODS: ReadonlyMap<string, MethodReader> = new Map();

/** How checkpoints in a floating-point type can be quantized when they are loaded, by what --quantization or --torchao-config say. */
const AT_LOAD: ReadonlyMap<string, LinearMethod> = new Map([
  ['w8a8_int8', w8a8Int8],
  ['int8dq', w8a8Int8],
  ...[32, 64, 128, 256].map((block) => [`int4wo-${block}`, int4Weights(block)] as const),
]);

/**
 * How a checkpoint's linear layers are stored. Quantized ones say so in `quantization_config` (or `compression_config`); a
 * scheme that is not known is refused before a weight is found missing or, worse, is taken for what it is not.
 * @param quantization how to quantize those that are not, one of `AT_LOAD`; null leaves them as they are
 * @throws StartupError that names the scheme
 */
export function linearMethodOf(config: ConfigFile, quantization: string | null): LinearMethod {
  const { fields } = config;
  const field = fields.quantization_config ? 'quantization_config' : 'compression_config';
  const settings = fields[field];
  if (!settings) return quantization === null ? unquantized : methodAtLoad(quantization);
  const scheme = settings['quant_method'] ?? settings['quant_algo'] ?? settings['format'] ?? 'unknown';
  const method = typeof scheme === 'string' ? METHODS.get(scheme) : undefined;
  if (method) return method(settings, config);
  const bits = settings['bits'] ?? settings['w_bit'];
  const shown = typeof bits === 'number' ? `${quote(scheme)} (${bits} bits)` : quote(scheme);
  throw config.refusal(
    `weights quantized with ${shown} are not supported ('${field}'): use the checkpoint this one was made from, in bfloat16, float16 or float32`,
  );
}

function methodAtLoad(name: string): LinearMethod {
  const method = AT_LOAD.get(name);
  if (method === undefined) throw bug(`quantization '${name}' was not refused`);
  return method;
}
