import { quote } from '../../checkpoint/model-files';
import { z } from 'zod';
import { ACTIVATIONS, type Activation } from '../layers/activation';
import type { ConfigFile } from './config-file';
import { bool, positive, text, whole } from './fields';
import { readHeads, readModelConfig, type ModelConfig } from './model-config';

/** What an encoder of the BERT line needs to be built. */
export interface EncoderConfig extends ModelConfig {
  readonly intermediateSize: number;
  readonly hiddenAct: Activation;
  readonly layerNormEps: number;
  /** Rows of the table of token types. */
  readonly tokenTypes: number;
  /** Row of the position table that the first token of a text has. `contextLen` is what is left of the table after it. */
  readonly firstPosition: number;
}

/** In what one encoder of the BERT line differs from another. */
export interface EncoderTraits {
  /** See `EncoderConfig.firstPosition`. */
  firstPosition(padTokenId: number | null): number;
}

const schema = z.object({
  layer_norm_eps: positive.nullish(),
  type_vocab_size: whole(1, 2 ** 16).nullish(),
  pad_token_id: whole(0, 2 ** 31 - 1).nullish(),
  position_embedding_type: text.nullish(),
  is_decoder: bool.nullish(),
});

const DEFAULT_EPSILON = 1e-12;
const DEFAULT_TOKEN_TYPES = 2;

/** @throws StartupError of one line for a missing or wrong field, or for what is not supported */
export function readEncoderConfig(file: ConfigFile, traits: EncoderTraits): EncoderConfig {
  const own = file.read(schema);
  const { fields } = file;
  const positions = own.position_embedding_type ?? 'absolute';
  if (positions !== 'absolute') {
    throw file.refusal(`'position_embedding_type' ${quote(positions)} is not supported (absolute is)`);
  }
  if (own.is_decoder === true) throw file.refusal(`'is_decoder' true is not supported: it is served as an encoder`);
  const firstPosition = traits.firstPosition(own.pad_token_id ?? null);
  const contextLen = fields.max_position_embeddings - firstPosition;
  if (contextLen < 1) {
    throw file.refusal(`'max_position_embeddings' must be above ${firstPosition}, where texts begin`);
  }
  return {
    ...readModelConfig(file, readHeads(file, { numKvHeads: null }), 1),
    contextLen,
    intermediateSize: fields.intermediate_size,
    hiddenAct: readActivation(file, fields.hidden_act ?? 'gelu'),
    layerNormEps: own.layer_norm_eps ?? DEFAULT_EPSILON,
    tokenTypes: own.type_vocab_size ?? DEFAULT_TOKEN_TYPES,
    firstPosition,
  };
}

function readActivation(file: ConfigFile, name: string): Activation {
  if (Object.hasOwn(ACTIVATIONS, name)) return name as Activation;
  throw file.refusal(
    `'hidden_act' ${quote(name)} is not supported (${Object.keys(ACTIVATIONS).join(', ')} are)`,
  );
}
