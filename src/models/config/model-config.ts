import * as path from 'node:path';
import { readModelJson } from '../../checkpoint/model-files';
import type { ConfigFile } from './config-file';
import { checkFields } from './fields';
import { rawGenerationConfigSchema } from './raw-config';

/** What the runtime needs to know of any model, from config.json and generation_config.json. */
export interface ModelConfig {
  /** The first of `architectures`; picks the family. */
  readonly architecture: string;
  readonly architectures: readonly string[];
  readonly modelType: string;

  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Divides `numHeads`. */
  readonly numKvHeads: number;
  /** Even. `numHeads * headDim` need not equal `hiddenSize`. */
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
  /** Tokens the model can hold: `maxPositionEmbeddings`, as far as rope scaling stretches it. */
  readonly contextLen: number;

  /** End-of-sequence ids of both files, ascending; may be empty. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | null;
  /** Type the weights were saved in, e.g. `bfloat16`. */
  readonly torchDtype: string;
  /** `temperature`, `top_p`, `top_k`, `min_p` and `repetition_penalty` as far as generation_config.json sets them. */
  readonly generationDefaults: Readonly<Record<string, number>>;
}

/** What a family assumes of heads that its config.json does not give. */
export interface HeadDefaults {
  /** undefined: the field must be there. null, here as in the file, is one for each head. */
  readonly numKvHeads?: number | null;
  /** null: hidden size / heads. */
  readonly headDim?: number | null;
}

/**
 * The part of a config that is read alike for every family.
 * @param contextFactor of the rotary embedding: what the trained length is multiplied with
 * @throws StartupError of one line for a missing or wrong field
 */
export function readModelConfig(
  config: ConfigFile,
  heads: Pick<ModelConfig, 'numHeads' | 'numKvHeads' | 'headDim'>,
  contextFactor: number,
): ModelConfig {
  const { fields } = config;
  const generation = loadGenerationConfig(config.dir);
  const eosTokenIds = [...new Set([...toList(fields.eos_token_id), ...generation.eosTokenIds])];
  return {
    architecture: fields.architectures[0],
    architectures: fields.architectures,
    modelType: fields.model_type,
    vocabSize: fields.vocab_size,
    hiddenSize: fields.hidden_size,
    numLayers: fields.num_hidden_layers,
    ...heads,
    maxPositionEmbeddings: fields.max_position_embeddings,
    contextLen: contextLen(config, contextFactor),
    eosTokenIds: eosTokenIds.sort((a, b) => a - b),
    bosTokenId: toList(fields.bos_token_id)[0] ?? null,
    torchDtype: (fields.dtype ?? fields.torch_dtype ?? 'float32').replace(/^torch\./, ''),
    generationDefaults: generation.defaults,
  };
}

/** @throws StartupError when heads and sizes do not go together */
export function readHeads(
  config: ConfigFile,
  defaults: HeadDefaults,
): Pick<ModelConfig, 'numHeads' | 'numKvHeads' | 'headDim'> {
  const { fields } = config;
  const numHeads = fields.num_attention_heads;
  const stated =
    fields.num_key_value_heads === undefined ? defaults.numKvHeads : fields.num_key_value_heads;
  if (stated === undefined) throw config.refusal(`'num_key_value_heads' is missing`);
  const numKvHeads = stated ?? numHeads;
  if (numHeads % numKvHeads !== 0) {
    throw config.refusal(
      `'num_key_value_heads' must divide 'num_attention_heads' ${numHeads}, found ${numKvHeads}`,
    );
  }
  const headDim = fields.head_dim ?? defaults.headDim ?? fields.hidden_size / numHeads;
  if (!Number.isInteger(headDim)) {
    throw config.refusal(
      `'hidden_size' must be a multiple of 'num_attention_heads' ${numHeads}, found ${fields.hidden_size}`,
    );
  }
  if (headDim % 2 !== 0) throw config.refusal(`'head_dim' must be even, found ${headDim}`);
  return { numHeads, numKvHeads, headDim };
}

/** The trained length goes by several names; the first that the config uses counts. */
function contextLen(config: ConfigFile, factor: number): number {
  const { fields } = config;
  const trained =
    fields.max_sequence_length ??
    fields.seq_length ??
    fields.max_seq_len ??
    fields.model_max_length ??
    fields.max_position_embeddings;
  const stretched = Math.floor(trained * factor);
  if (stretched >= 2 ** 31) throw config.refusal(`a context of ${stretched} tokens is too long`);
  return stretched;
}

function loadGenerationConfig(dir: string): { eosTokenIds: number[]; defaults: Record<string, number> } {
  const stored = readModelJson(dir, 'generation_config.json');
  if (stored === null) return { eosTokenIds: [], defaults: {} };
  const file = path.join(dir, 'generation_config.json');
  const { eos_token_id, ...sampling } = checkFields(rawGenerationConfigSchema, stored, () => file);
  const set = Object.entries(sampling).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return { eosTokenIds: toList(eos_token_id), defaults: Object.fromEntries(set) };
}

/** The ids there are: -1 stands for none. */
function toList(ids: number | number[] | null | undefined): number[] {
  return [ids ?? []].flat().filter((id) => id >= 0);
}
