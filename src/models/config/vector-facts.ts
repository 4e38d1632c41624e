import * as path from 'node:path';
import { z } from 'zod';
import { StartupError } from '../../core/errors';
import type { VectorFacts } from '../../core/model-facts';
import { quote, readModelJson } from '../../checkpoint/model-files';
import type { ConfigFile } from './config-file';
import { bool, checkFields, dimension, object } from './fields';

const matryoshkaSchema = z.object({
  is_matryoshka: bool.nullish(),
  matryoshka_dimensions: z.array(dimension, { error: 'a list of whole numbers' }).nullish(),
});

/** To which lengths vectors may be cut, by SGLang's fields of config.json. */
export function readMatryoshka(config: ConfigFile): VectorFacts['matryoshka'] {
  const { is_matryoshka: isAny, matryoshka_dimensions: stated } = config.read(matryoshkaSchema);
  if (stated && stated.length > 0) return [...new Set(stated)].sort((a, b) => a - b);
  return isAny === true ? 'any' : null;
}

const promptsSchema = z.object({
  prompts: object.nullish(),
  default_prompt_name: z.string({ error: 'a text' }).nullish(),
});

const FILE = 'config_sentence_transformers.json';

/**
 * What sentence-transformers puts before texts, by name.
 * @throws StartupError of one line that names the file and what is wrong with it
 */
export function readSentencePrompts(dir: string): Pick<VectorFacts, 'prompts' | 'defaultPrompt'> {
  const stored = readModelJson(dir, FILE);
  if (stored === null) return { prompts: {}, defaultPrompt: null };
  const file = path.join(dir, FILE);
  const fields = checkFields(promptsSchema, stored, () => file);
  const entries = Object.entries(fields.prompts ?? {}).map(([name, text]): [string, string] => {
    if (typeof text !== 'string') {
      throw new StartupError(`${file}: prompt ${quote(name)} must be a text, found ${quote(text)}`);
    }
    return [name, text];
  });
  const defaultPrompt = fields.default_prompt_name ?? null;
  if (defaultPrompt !== null && !entries.some(([name]) => name === defaultPrompt)) {
    throw new StartupError(`${file}: 'default_prompt_name' ${quote(defaultPrompt)} is none of the prompts`);
  }
  return { prompts: Object.fromEntries(entries), defaultPrompt };
}
