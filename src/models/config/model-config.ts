import * as path from 'node:path';
import { StartupError } from '../../core/errors';
import { quote, readModelJson } from '../../checkpoint/model-files';
import { checkFields, rawConfigSchema, rawGenerationConfigSchema, type RawConfig } from './raw-config';
import { readRope, type RopeScaling } from './rope';
import { slidingWindows } from './sliding-windows';

export type { RopeScaling } from './rope';

/** A decoder's shape and habits, from config.json and generation_config.json, with its family's defaults filled in. */
export interface ModelConfig {
  /** The first of `architectures`; picks the graph builder. */
  readonly architecture: string;
  readonly architectures: readonly string[];
  readonly modelType: string;

  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Divides `numHeads`. */
  readonly numKvHeads: number;
  /** Even. `numHeads * headDim` need not equal `hiddenSize`. */
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly hiddenAct: 'silu';
  readonly tieWordEmbeddings: boolean;
  /** The query, key and value projections have a bias. */
  readonly qkvBias: boolean;
  /** The projection that leaves the attention has a bias. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;

  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
  readonly maxPositionEmbeddings: number;
  /** Tokens the model can hold: `maxPositionEmbeddings`, stretched by linear rope scaling. */
  readonly contextLen: number;
  /** For each layer, how many positions a token attends to, itself included; null is all of them. */
  readonly slidingWindows: readonly (number | null)[];

  /** End-of-sequence ids of both files, ascending; may be empty. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | null;
  /** Type the weights were saved in, e.g. `bfloat16`. */
  readonly torchDtype: string;
  /** `temperature`, `top_p`, `top_k`, `min_p` and `repetition_penalty` as far as generation_config.json sets them. */
  readonly generationDefaults: Readonly<Record<string, number>>;
}

/** What a family does when its config.json is silent. */
interface FamilyDefaults {
  /** Null: the field must be there. */
  readonly numKvHeads: 'as many as heads' | null;
  /** Null: hidden size / heads. */
  readonly headDim: number | null;
  /** Null: as `attention_bias` says. */
  readonly qkvBias: boolean | null;
  readonly outputBias: boolean | null;
}

const FAMILIES: ReadonlyMap<string, FamilyDefaults> = new Map(
  Object.entries({
    llama: { numKvHeads: 'as many as heads', headDim: null, qkvBias: null, outputBias: null },
    mistral: { numKvHeads: null, headDim: null, qkvBias: false, outputBias: false },
    qwen2: { numKvHeads: null, headDim: null, qkvBias: true, outputBias: false },
    qwen3: { numKvHeads: null, headDim: 128, qkvBias: null, outputBias: null },
  }),
);
const OTHER_FAMILY: FamilyDefaults = { numKvHeads: null, headDim: null, qkvBias: null, outputBias: null };

/**
 * Reads a Hugging Face model folder's config.json and, where present, generation_config.json.
 * @param dir the model folder
 * @param overrides of --json-model-override-args; each replaces a top-level field of config.json
 * @throws StartupError of one line for a missing file, a missing or wrong field, or a feature that no family here has
 */
export function loadModelConfig(dir: string, overrides: Readonly<Record<string, unknown>>): ModelConfig {
  const file = path.join(dir, 'config.json');
  const stored = readModelJson(dir, 'config.json');
  if (stored === null) throw new StartupError(`${file}: no such file`);
  const raw = checkFields(rawConfigSchema, { ...stored, ...overrides }, (field) =>
    Object.hasOwn(overrides, field) ? '--json-model-override-args' : file,
  );
  const family = FAMILIES.get(raw.model_type) ?? OTHER_FAMILY;
  const rope = readRope(raw, file);
  const generation = loadGenerationConfig(dir);

  if ((raw.hidden_act ?? 'silu') !== 'silu') {
    throw new StartupError(`${file}: 'hidden_act' ${quote(raw.hidden_act)} is not supported (silu is)`);
  }
  return {
    architecture: raw.architectures[0],
    architectures: raw.architectures,
    modelType: raw.model_type,
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    numLayers: raw.num_hidden_layers,
    ...readHeads(raw, family, file),
    rmsNormEps: raw.rms_norm_eps ?? 1e-6,
    hiddenAct: 'silu',
    tieWordEmbeddings: raw.tie_word_embeddings ?? false,
    qkvBias: family.qkvBias ?? raw.attention_bias ?? false,
    outputBias: family.outputBias ?? raw.attention_bias ?? false,
    mlpBias: raw.mlp_bias ?? false,
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    maxPositionEmbeddings: raw.max_position_embeddings,
    contextLen: contextLen(raw, rope.contextFactor, file),
    slidingWindows: slidingWindows(raw, file),
    eosTokenIds: [...new Set([...toList(raw.eos_token_id), ...generation.eosTokenIds])].sort((a, b) => a - b),
    bosTokenId: toList(raw.bos_token_id)[0] ?? null,
    torchDtype: (raw.dtype ?? raw.torch_dtype ?? 'float32').replace(/^torch\./, ''),
    generationDefaults: generation.defaults,
  };
}

function readHeads(raw: RawConfig, family: FamilyDefaults, file: string) {
  const numHeads = raw.num_attention_heads;
  const numKvHeads = raw.num_key_value_heads ?? (family.numKvHeads === null ? null : numHeads);
  if (numKvHeads === null) throw new StartupError(`${file}: 'num_key_value_heads' is missing`);
  if (numHeads % numKvHeads !== 0) {
    throw new StartupError(
      `${file}: 'num_key_value_heads' must divide 'num_attention_heads' ${numHeads}, found ${numKvHeads}`,
    );
  }
  const headDim = raw.head_dim ?? family.headDim ?? raw.hidden_size / numHeads;
  if (!Number.isInteger(headDim)) {
    throw new StartupError(
      `${file}: 'hidden_size' must be a multiple of 'num_attention_heads' ${numHeads}, found ${raw.hidden_size}`,
    );
  }
  if (headDim % 2 !== 0) throw new StartupError(`${file}: 'head_dim' must be even, found ${headDim}`);
  return { numHeads, numKvHeads, headDim };
}

/** The trained length goes by several names; the first that the config uses counts. */
function contextLen(raw: RawConfig, factor: number, file: string): number {
  const trained =
    raw.max_sequence_length ??
    raw.seq_length ??
    raw.max_seq_len ??
    raw.model_max_length ??
    raw.max_position_embeddings;
  const stretched = Math.floor(trained * factor);
  if (stretched >= 2 ** 31) throw new StartupError(`${file}: a context of ${stretched} tokens is too long`);
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

function toList(ids: number | number[] | null | undefined): number[] {
  if (ids === null || ids === undefined) return [];
  return typeof ids === 'number' ? [ids] : ids;
}
