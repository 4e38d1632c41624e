import { join } from 'node:path';
import { findModelFile, parseJsonObject, readModelJson, readModelText } from '../checkpoint/model-files';
import { StartupError } from '../core/errors';

/** The files of a tokenizer. All are opened by the guarded way of the model folder: they may come from a stranger. */
export interface TokenizerFiles {
  /** tokenizer.json: vocabulary, merges, normalizers. */
  readonly definition: Record<string, unknown>;
  /** tokenizer_config.json with what special_tokens_map.json adds; empty where a checkpoint has neither. */
  readonly config: Record<string, unknown>;
}

/** Large vocabularies take some 35 MB. */
const MAX_DEFINITION_BYTES = 256 * 2 ** 20;

/** @throws StartupError in one line that names the file */
export function readTokenizerFiles(dir: string): TokenizerFiles {
  const text = readModelText(dir, 'tokenizer.json', MAX_DEFINITION_BYTES);
  if (text === null) throw new StartupError(missing(dir));
  return {
    definition: parseJsonObject(text, join(dir, 'tokenizer.json')),
    config: {
      ...readModelJson(dir, 'special_tokens_map.json'),
      ...readModelJson(dir, 'tokenizer_config.json'),
    },
  };
}

function missing(dir: string): string {
  const other = ['tokenizer.model', 'vocab.json', 'vocab.txt'].find(
    (name) => findModelFile(dir, name) !== null,
  );
  const found =
    other === undefined ? '' : ` (found ${other}, which transformers' save_pretrained can convert)`;
  return `${join(dir, 'tokenizer.json')}: no such file${found}`;
}
