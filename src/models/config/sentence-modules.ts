import * as path from 'node:path';
import { z } from 'zod';
import { StartupError } from '../../core/errors';
import { findModelFile, parseJsonObject, quote, readModelJson, readModelText } from '../../checkpoint/model-files';
import { readFloats, readSafetensors } from '../../checkpoint/safetensors';
import { bool, checkFields, dimension, object, positions, text } from './fields';
import type { ModelConfig } from './model-config';

/** How one vector comes of those of a text's tokens, under sentence-transformers' names. */
export type PoolingMode =
  'cls' | 'max' | 'mean' | 'mean_sqrt_len_tokens' | 'weightedmean' | 'lasttoken';

export type DenseActivation = 'Identity' | 'Tanh' | 'ReLU' | 'Sigmoid';

/** activation(weight · vector + bias) */
export interface Dense {
  /** [outputs, inputs], row-major. */
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
  readonly outputs: number;
  readonly activation: DenseActivation;
}

/** What becomes of a pooled vector, in order. */
export type SentenceStep = Dense | 'normalize';

/** How a checkpoint makes vectors of texts. */
export interface SentenceModules {
  /** At least one; the vectors of several stand one behind the other. */
  readonly modes: readonly PoolingMode[];
  readonly steps: readonly SentenceStep[];
  /** Values of a vector. */
  readonly width: number;
  /** Whether a prompt that stands before a text counts among the tokens of which its vector comes. */
  readonly includesPrompt: boolean;
  /** Tokens a text should have at most; null where nothing is said. */
  readonly maxLength: number | null;
}

/** The boolean of each mode in 1_Pooling/config.json, in the order in which several are put together. */
const MODE_FIELDS = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
} as const satisfies Record<string, PoolingMode>;
type ModeField = keyof typeof MODE_FIELDS;
const MODES: readonly string[] = Object.values(MODE_FIELDS);

const ACTIVATION_NAMES: readonly string[] = ['Identity', 'Tanh', 'ReLU', 'Sigmoid'] satisfies DenseActivation[];

const moduleSchema = z.object({ path: z.string(), type: text });
const sentenceSchema = z.object({ max_seq_length: positions.nullish() });
const poolingSchema = z.object({
  pooling_mode: z
    .custom<string | string[]>((value) => typeof value === 'string' || Array.isArray(value), { error: 'a text' })
    .nullish(),
  pooling_mode_cls_token: bool.nullish(),
  pooling_mode_max_tokens: bool.nullish(),
  pooling_mode_mean_tokens: bool.nullish(),
  pooling_mode_mean_sqrt_len_tokens: bool.nullish(),
  pooling_mode_weightedmean_tokens: bool.nullish(),
  pooling_mode_lasttoken: bool.nullish(),
  include_prompt: bool.nullish(),
});
const denseSchema = z.object({
  in_features: dimension,
  out_features: dimension,
  bias: bool.nullish(),
  activation_function: text.nullish(),
});

/**
 * Reads `modules.json` and what it names, and the length in `sentence_bert_config.json`. A checkpoint without `modules.json`
 * is pooled in the model's own way and brought to length 1, as SGLang does.
 * @param own the model's own way
 * @throws StartupError of one line that names the file and what is wrong with it
 */
export function readSentenceModules(
  dir: string,
  { hiddenSize }: Pick<ModelConfig, 'hiddenSize'>,
  own: PoolingMode,
): SentenceModules {
  const shown = path.join(dir, 'modules.json');
  const content = readModelText(dir, 'modules.json', 2 ** 20);
  if (content === null) {
    return { modes: [own], steps: ['normalize'], width: hiddenSize, includesPrompt: true, maxLength: null };
  }
  let modes: readonly PoolingMode[] | null = null;
  let includesPrompt = true;
  let width = hiddenSize;
  const steps: SentenceStep[] = [];
  for (const { folder, name } of listModules(content, shown)) {
    switch (name) {
      case 'Transformer':
        break;
      case 'Pooling':
        ({ modes, includesPrompt } = readPooling(dir, folder));
        width = hiddenSize * modes.length;
        break;
      case 'Dense': {
        const dense = readDense(dir, folder, width);
        steps.push(dense);
        width = dense.outputs;
        break;
      }
      case 'Normalize':
        steps.push('normalize');
        break;
      default:
        throw new StartupError(
          `${shown}: module ${quote(name)} is not supported (Transformer, Pooling, Dense and Normalize are)`,
        );
    }
  }
  return { modes: modes ?? [own], steps, width, includesPrompt, maxLength: readMaxLength(dir) };
}

/**
 * What becomes of vectors under the weights of another checkpoint of the same model: what its own modules say, which must make
 * vectors in the same way; where it has none, what was said before.
 * @param served null for a model that gives no vectors
 * @throws StartupError of one line as `readSentenceModules`, and for another way of making vectors
 */
export function readSameSentences(
  dir: string,
  config: Pick<ModelConfig, 'hiddenSize'>,
  served: SentenceModules | null,
): SentenceModules | null {
  if (served === null || findModelFile(dir, 'modules.json') === null) return served;
  const other = readSentenceModules(dir, config, served.modes[0] ?? 'lasttoken');
  const [wanted, found] = [served, other].map(wayOf);
  if (wanted === found) return other;
  throw new StartupError(
    `${path.join(dir, 'modules.json')}: makes vectors by ${found}, and the model that is served by ${wanted}`,
  );
}

function wayOf({ modes, steps, includesPrompt }: SentenceModules): string {
  const named = steps.map((step) =>
    step === 'normalize' ? step : `dense ${step.outputs} ${step.activation} ${step.bias ? 'with' : 'without'} bias`,
  );
  return [modes.join('+'), ...(includesPrompt ? [] : ['without prompts']), ...named].join(', ');
}

/** Modules in order, by the last part of their Python names: the packages before it have changed. */
function listModules(content: string, shown: string): { folder: string; name: string }[] {
  const { modules } = parseJsonObject(`{"modules":${content}}`, shown);
  if (!Array.isArray(modules)) throw new StartupError(`${shown}: must be a list`);
  return modules.map((module: unknown) => {
    const fields = object.safeParse(module);
    if (!fields.success) throw new StartupError(`${shown}: must be a list of objects`);
    const { path: folder, type } = checkFields(moduleSchema, fields.data, () => shown);
    return { folder, name: type.split('.').at(-1) ?? type };
  });
}

function readPooling(dir: string, folder: string): Pick<SentenceModules, 'modes' | 'includesPrompt'> {
  const { file, stored } = readConfig(dir, folder);
  const fields = checkFields(poolingSchema, stored, () => file);
  const stated = fields.pooling_mode ?? null;
  const names =
    stated === null
      ? Object.entries(MODE_FIELDS).flatMap(([field, mode]) => (fields[field as ModeField] === true ? [mode] : []))
      : [stated].flat();
  const unknown = names.find((name) => !MODES.includes(name));
  if (unknown !== undefined) {
    throw new StartupError(`${file}: pooling ${quote(unknown)} is not supported (${MODES.join(', ')} are)`);
  }
  const modes = names.length === 0 ? (['mean'] as const) : (names as PoolingMode[]);
  return { modes, includesPrompt: fields.include_prompt ?? true };
}

function readDense(dir: string, folder: string, inputs: number): Dense {
  const { file, stored } = readConfig(dir, folder);
  const fields = checkFields(denseSchema, stored, () => file);
  if (fields.in_features !== inputs) {
    throw new StartupError(`${file}: 'in_features' must be ${inputs}, the width before it, found ${fields.in_features}`);
  }
  const activation = (fields.activation_function ?? 'Tanh').split('.').at(-1) ?? '';
  if (!ACTIVATION_NAMES.includes(activation)) {
    throw new StartupError(
      `${file}: 'activation_function' ${quote(activation)} is not supported (${ACTIVATION_NAMES.join(', ')} are)`,
    );
  }
  const outputs = fields.out_features;
  const tensor = tensorsOf(dir, folder);
  return {
    weight: tensor('linear.weight', [outputs, inputs]),
    bias: fields.bias === false ? null : tensor('linear.bias', [outputs]),
    outputs,
    activation: activation as DenseActivation,
  };
}

/** A way to the tensors of a module's own file. */
function tensorsOf(dir: string, folder: string): (name: string, shape: readonly number[]) => Float32Array {
  const name = `${folder}/model.safetensors`;
  const shown = path.join(dir, name);
  const file = findModelFile(dir, name);
  if (file === null) throw new StartupError(`${shown}: no such file; weights in safetensors format are needed`);
  const tensors = readSafetensors(file, shown);
  return (wanted, shape) => {
    const tensor = tensors.find((one) => one.name === wanted);
    if (tensor === undefined) throw new StartupError(`${shown}: tensor ${quote(wanted)} is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw new StartupError(
        `${shown}: tensor ${quote(wanted)} has shape [${tensor.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
    }
    return readFloats(tensor);
  };
}

function readConfig(dir: string, folder: string): { file: string; stored: Record<string, unknown> } {
  const name = `${folder}/config.json`;
  const file = path.join(dir, name);
  const stored = readModelJson(dir, name);
  if (stored === null) throw new StartupError(`${file}: no such file`);
  return { file, stored };
}

function readMaxLength(dir: string): number | null {
  const name = 'sentence_bert_config.json';
  const stored = readModelJson(dir, name);
  if (stored === null) return null;
  return checkFields(sentenceSchema, stored, () => path.join(dir, name)).max_seq_length ?? null;
}
