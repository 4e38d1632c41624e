import { quote } from '../../checkpoint/model-files';
import { bug } from '../../core/errors';
import type { ConfigFile } from '../config/config-file';
import { ggufLinear } from './gguf-linear';
import { unquantized, type LinearMethod } from './linear-method';
import { awq, compressedTensors, gptq, type Settings } from './packed-linear';
import { int4Weights, w8a8Int8 } from './quantized-linear';

/** Makes the method of a quantized checkpoint from what its config says of it; null for a variant that is not supported. */
type MethodReader = (settings: Settings) => LinearMethod | null;

/** The scheme of a GGUF file that has some of its weights in blocks. */
const GGUF = 'gguf';

/** Quantization schemes by the name in `quantization_config.quant_method`, and what --quantization may call them. */
const METHODS: ReadonlyMap<string, MethodReader> = new Map([
  ['compressed-tensors', compressedTensors],
  ['gptq', gptq],
  ['awq', awq],
  [GGUF, () => ggufLinear],
]);

/** How checkpoints in a floating-point type can be quantized when they are loaded, by what --quantization or --torchao-config say. */
const AT_LOAD: ReadonlyMap<string, LinearMethod> = new Map([
  ['w8a8_int8', w8a8Int8],
  ['int8dq', w8a8Int8],
  ...[32, 64, 128, 256].map((block) => [`int4wo-${block}`, int4Weights(block)] as const),
]);

/**
 * How a checkpoint's linear layers are stored. Quantized ones say so in `quantization_config` (or `compression_config`); a
 * scheme that is not known is refused before a weight is found missing or, worse, is taken for what it is not.
 * @param quantization one of `AT_LOAD`: how to quantize those that are not, or are in a GGUF file; or of `METHODS`: what they must be; null takes them as they are
 * @throws StartupError that names the scheme
 */
export function linearMethodOf(config: ConfigFile, quantization: string | null): LinearMethod {
  const { fields } = config;
  const field = fields.quantization_config ? 'quantization_config' : 'compression_config';
  const settings = fields[field];
  if (!settings) return quantization === null ? unquantized : methodAtLoad(config, quantization);
  const scheme = settings['quant_method'] ?? settings['quant_algo'] ?? settings['format'] ?? 'unknown';
  // Blocks of any type stand for floats, which can be rounded in another way.
  if (scheme === GGUF && quantization !== null && AT_LOAD.has(quantization)) return methodAtLoad(config, quantization);
  const method = typeof scheme === 'string' ? METHODS.get(scheme)?.(settings) : undefined;
  if (!method) throw config.refusal(unsupported(settings, scheme, field));
  if (quantization !== null && quantization !== scheme && !isAlias(quantization, scheme)) {
    throw config.refusal(
      `weights are quantized with ${quote(scheme)} already, which does not match what was asked for (${quantization})`,
    );
  }
  return method;
}

/** SGLang's name for what it reads from checkpoints of compressed-tensors. */
function isAlias(quantization: string, scheme: unknown): boolean {
  return quantization === 'w8a8_int8' && scheme === 'compressed-tensors';
}

function unsupported(settings: Settings, scheme: unknown, field: string): string {
  const bits = settings['bits'] ?? settings['w_bit'];
  const shown = typeof bits === 'number' ? `${quote(scheme)} (${bits} bits)` : quote(scheme);
  const what = METHODS.has(String(scheme)) ? 'in this variant are' : 'are';
  return `weights quantized with ${shown} ${what} not supported ('${field}'): use the checkpoint this one was made from, in bfloat16, float16 or float32`;
}

function methodAtLoad(config: ConfigFile, name: string): LinearMethod {
  const method = AT_LOAD.get(name);
  if (method !== undefined) return method;
  if (!METHODS.has(name)) throw bug(`quantization '${name}' was not refused`);
  throw config.refusal(`weights are not quantized with ${quote(name)} (--quantization)`);
}
