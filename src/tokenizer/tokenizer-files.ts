import { join } from 'node:path';
import { readGguf } from '../checkpoint/gguf/gguf-file';
import { folderOf, isGgufPlace } from '../checkpoint/gguf/locate';
import { findModelFile, parseJsonObject, readModelJson, readModelText } from '../checkpoint/model-files';
import { StartupError } from '../core/errors';
import { templateOfGguf, tokenizerOfGguf } from './gguf/gguf-tokenizer';

/** The files of a tokenizer. All are opened by the guarded way of the model folder: they may come from a stranger. */
export interface TokenizerFiles {
  /** tokenizer.json: vocabulary, merges, normalizers. */
  readonly definition: Record<string, unknown>;
  /** tokenizer_config.json with what special_tokens_map.json adds; empty where a checkpoint has neither. */
  readonly config: Record<string, unknown>;
}

/** Large vocabularies take some 35 MB. */
const MAX_DEFINITION_BYTES = 256 * 2 ** 20;

/**
 * @param place a folder, or a GGUF file, which counts where no tokenizer.json stands beside it
 * @throws StartupError in one line that names the file
 */
export function readTokenizerFiles(place: string): TokenizerFiles {
  if (!isGgufPlace(place)) return readFolder(place);
  const gguf = readGguf(place);
  const folder = folderOf(place);
  if (findModelFile(folder, 'tokenizer.json') === null) return tokenizerOfGguf(gguf);
  const { definition, config } = readFolder(folder);
  return { definition, config: { ...templateOfGguf(gguf.metadata), ...config } };
}

/** The file that errors of the tokenizer are about. */
export function tokenizerPath(place: string): string {
  const beside = join(folderOf(place), 'tokenizer.json');
  return isGgufPlace(place) && findModelFile(folderOf(place), 'tokenizer.json') === null ? place : beside;
}

function readFolder(dir: string): TokenizerFiles {
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
