import { readdirSync } from 'node:fs';
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
const MAX_TEMPLATE_BYTES = 2 ** 20;
const NAMED_TEMPLATES = 'additional_chat_templates';

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

/**
 * The chat templates of a folder by their names: `chat_template.jinja` wins over the one in tokenizer_config.json, and named
 * ones may lie in a folder of their own. Empty where there is none.
 * @throws StartupError in one line that names the file
 */
export function readChatTemplates(dir: string, config: Record<string, unknown>): Record<string, string> {
  const inConfig = config['chat_template'];
  const listed = Array.isArray(inConfig) ? inConfig.filter(isNamed) : [];
  const templates = Object.fromEntries(listed.map(({ name, template }) => [name, template]));
  const own = readModelText(dir, 'chat_template.jinja', MAX_TEMPLATE_BYTES);
  const fallback = typeof inConfig === 'string' ? inConfig : null;
  const main = own ?? fallback;
  if (main !== null) templates['default'] = main;
  for (const name of namedTemplates(dir)) {
    const text = readModelText(dir, `${NAMED_TEMPLATES}/${name}.jinja`, MAX_TEMPLATE_BYTES);
    if (text !== null) templates[name] = text;
  }
  return templates;
}

function isNamed(entry: unknown): entry is { readonly name: string; readonly template: string } {
  const { name, template } = (entry ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof template === 'string';
}

function namedTemplates(dir: string): string[] {
  try {
    const names = readdirSync(join(dir, NAMED_TEMPLATES));
    return names.filter((name) => name.endsWith('.jinja')).map((name) => name.slice(0, -'.jinja'.length));
  } catch {
    return [];
  }
}

function missing(dir: string): string {
  const other = ['tokenizer.model', 'vocab.json', 'vocab.txt'].find(
    (name) => findModelFile(dir, name) !== null,
  );
  const found =
    other === undefined ? '' : ` (found ${other}, which transformers' save_pretrained can convert)`;
  return `${join(dir, 'tokenizer.json')}: no such file${found}`;
}
