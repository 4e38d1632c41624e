import type { BlockedForm, PackedLayout } from '../../checkpoint/quantization/quantized-weight';
import type { CheckpointTensor } from '../graph/graph-builder';
import { unquantized, type LinearMethod, type LinearPart, type Projection } from './linear-method';
import { blockProducts, int8Form, int8Products, type FormOf, type WeightsOf } from './quantized-linear';

/**
 * Linear methods of checkpoints that bring weights in few bits. What they say in `quantization_config`:
 * https://github.com/neuralmagic/compressed-tensors, https://github.com/AutoGPTQ/AutoGPTQ, https://github.com/casper-hansen/AutoAWQ.
 */

export type Settings = Readonly<Record<string, unknown>>;

/**
 * Int8 weights with a scale for each output and inputs that are quantized for each token: what `int8Products` computes.
 * @returns null for any other scheme of compressed-tensors
 */
export function compressedTensors(settings: Settings): LinearMethod | null {
  const groups = Object.values((settings['config_groups'] ?? {}) as Settings) as Settings[];
  const isInt8 = (of: unknown, strategy: string, dynamic: boolean) =>
    matches(of, { num_bits: 8, type: 'int', symmetric: true, strategy }) &&
    ((of as Settings)['dynamic'] ?? false) === dynamic;
  const [group] = groups;
  const fits =
    settings['format'] === 'int-quantized' &&
    group !== undefined &&
    groups.length === 1 &&
    JSON.stringify(group['targets']) === '["Linear"]' &&
    isInt8(group['weights'], 'channel', false) &&
    isInt8(group['input_activations'], 'token', true);
  const ignored = listOf(settings['ignore']);
  if (!fits || !ignored.every(isReadable)) return null;
  const weights = packed('int8_rows', int8Form, ({ name, outputs }, inputs) => ({
    values: { name: `${name}.weight`, shape: [outputs, inputs], type: 'I8' },
    scales: { name: `${name}.weight_scale`, shape: [outputs, 1] },
    zeros: null,
  }));
  return partly(int8Products(weights), ignored, isIgnored);
}

/** 4-bit weights in groups of inputs. @returns null for other sizes, and where inputs are in an order of their own */
export function gptq(settings: Settings): LinearMethod | null {
  const block = blockOf(settings['group_size']);
  const isV1 = (settings['checkpoint_format'] ?? 'gptq') === 'gptq';
  const fits = settings['bits'] === 4 && isV1 && !settings['desc_act'] && !settings['lm_head'];
  if (block === null || !fits) return null;
  const form: BlockedForm = { kind: 'blocks', bits: 4, block, offset: 'zeros' };
  const weights = packed('gptq', () => form, ({ name, outputs }, inputs) => ({
    values: { name: `${name}.qweight`, shape: [inputs / 8, outputs], type: 'I32' },
    scales: { name: `${name}.scales`, shape: [inputs / block, outputs] },
    zeros: { name: `${name}.qzeros`, shape: [inputs / block, outputs / 8], type: 'I32' },
  }));
  return partly(blockProducts(form, weights), listOf(settings['modules_to_not_convert']), isWithin);
}

/** 4-bit weights in groups of inputs. @returns null for other sizes and versions */
export function awq(settings: Settings): LinearMethod | null {
  const block = blockOf(settings['group_size']);
  const fits = settings['bits'] === 4 && ['gemm', 'GEMM', undefined].includes(settings['version'] as string | undefined);
  if (block === null || !fits || settings['zero_point'] === false) return null;
  const form: BlockedForm = { kind: 'blocks', bits: 4, block, offset: 'zeros' };
  const weights = packed('awq', () => form, ({ name, outputs }, inputs) => ({
    values: { name: `${name}.qweight`, shape: [inputs, outputs / 8], type: 'I32' },
    scales: { name: `${name}.scales`, shape: [inputs / block, outputs] },
    zeros: { name: `${name}.qzeros`, shape: [inputs / block, outputs / 8], type: 'I32' },
  }));
  return partly(blockProducts(form, weights), listOf(settings['modules_to_not_convert']), isWithin);
}

interface PackedNames {
  readonly values: CheckpointTensor;
  readonly scales: CheckpointTensor;
  readonly zeros: CheckpointTensor | null;
}

function packed(
  layout: PackedLayout,
  formOf: FormOf,
  namesOf: (part: LinearPart, inputs: number) => PackedNames,
): WeightsOf {
  return (g, projection) => {
    const { parts, inputs } = projection;
    return g.quantizedWeight(parts.map(({ name }) => name).join('+'), formOf(g, projection), (stored) => ({
      layout,
      parts: parts.map((part) => {
        const { values, scales, zeros } = namesOf(part, inputs);
        return {
          inputs,
          outputs: part.outputs,
          values: stored(values),
          scales: stored(scales),
          zeros: zeros && stored(zeros),
        };
      }),
    }));
  };
}

/** What a checkpoint never packs: the embedding table, which may be the vocabulary projection as well. */
const NEVER = ['lm_head', 'model.embed_tokens'];

/** A method for the projections that are packed; the others are as they are. Those of one product are of one kind in every checkpoint. */
function partly(
  method: LinearMethod,
  left: readonly string[],
  isLeft: (name: string, entry: string) => boolean,
): LinearMethod {
  const methodOf = ({ parts }: Projection): LinearMethod =>
    parts.some(({ name }) => NEVER.includes(name) || left.some((entry) => isLeft(name, entry)))
      ? unquantized
      : method;
  return {
    isForCpu: method.isForCpu,
    apply: (g, x, projection) => methodOf(projection).apply(g, x, projection),
    applyEach: (g, x, counts, projections) =>
      methodOf(projections[0] as Projection).applyEach(g, x, counts, projections),
  };
}

/** Entries of compressed-tensors' `ignore` are names, or regular expressions behind `re:`. */
function isIgnored(name: string, entry: string): boolean {
  return entry.startsWith('re:') ? new RegExp(entry.slice(3)).test(name) : entry === name;
}

/** Whether an entry of `ignore` is no regular expression, or one that JavaScript can read. */
function isReadable(entry: string): boolean {
  try {
    return isIgnored('', entry) || true;
  } catch {
    return false;
  }
}

/** Entries of `modules_to_not_convert` are parts of names. */
function isWithin(name: string, entry: string): boolean {
  return name.includes(entry);
}

/** The inputs that share a scale, where ONNX Runtime has a product for so many. */
function blockOf(size: unknown): number | null {
  return typeof size === 'number' && [16, 32, 64, 128, 256].includes(size) ? size : null;
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

function matches(value: unknown, expected: Settings): boolean {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Settings;
  return Object.entries(expected).every(([key, entry]) => fields[key] === entry);
}
