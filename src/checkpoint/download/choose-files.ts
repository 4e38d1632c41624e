import { StartupError } from '../../core/errors';
import { quote } from '../model-files';
import type { Needs } from '../snapshot-complete';
import { filesOfIndex, SHARD_NAME, SINGLE_WEIGHTS, WEIGHTS_INDEX } from '../weight-files';

/**
 * Which of a repository's files a server needs: what is not named here is not downloaded, code and pickles least of all.
 */

const CONFIG: readonly string[] = [
  'config.json',
  'generation_config.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
];

const TOKENIZER: readonly string[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
];

/** What a tokenizer is made of where nobody has written tokenizer.json; not enough here. */
const OTHER_TOKENIZERS: readonly string[] = ['tokenizer.model', 'vocab.json', 'vocab.txt', 'spiece.model'];

const NAMED_TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/;

/** Files that say what else is needed. */
export const DIRECTORIES = [WEIGHTS_INDEX, 'modules.json'] as const;

/**
 * Files that are needed whatever stands in them.
 * @throws StartupError when the repository lacks what cannot be done without: better before than after gigabytes
 */
export function chooseFirst(repo: string, names: readonly string[], needs: Needs): string[] {
  const has = (name: string) => names.includes(name);
  if (needs.config && !has('config.json')) {
    const gguf = names.find((name) => name.endsWith('.gguf'));
    throw new StartupError(
      gguf === undefined
        ? `${repo} has no config.json: it is no repository of a model in transformers' form.`
        : `${repo} has no config.json but GGUF files, of which none is chosen for you: download one (${quote(gguf)}) and give its path.`,
    );
  }
  if (needs.tokenizer && !has('tokenizer.json')) {
    throw new StartupError(
      `${repo} has no tokenizer.json${found(OTHER_TOKENIZERS.filter(has))}. --tokenizer-path names another tokenizer, ` +
        '--skip-tokenizer-init does without.',
    );
  }
  const weights = needs.weights ? chooseWeights(repo, names) : [];
  return names.filter(
    (name) =>
      (needs.config && CONFIG.includes(name)) ||
      (needs.tokenizer && (TOKENIZER.includes(name) || NAMED_TEMPLATE.test(name))) ||
      weights.includes(name),
  );
}

/** As the loader looks for them: one file, an index, or shards without an index. */
function chooseWeights(repo: string, names: readonly string[]): string[] {
  const one = [SINGLE_WEIGHTS, WEIGHTS_INDEX].find((name) => names.includes(name));
  const chosen = one === undefined ? names.filter((name) => SHARD_NAME.test(name)) : [one];
  if (chosen.length === 0) {
    const other = names.filter((name) => /\.(bin|pt|pth|gguf|onnx|safetensors|h5|msgpack)$/.test(name));
    throw new StartupError(
      `${repo} has no ${SINGLE_WEIGHTS} or ${WEIGHTS_INDEX}${found(other)}: weights in safetensors format are needed.`,
    );
  }
  return chosen;
}

function found(names: readonly string[]): string {
  return names[0] === undefined ? '' : ` (but ${quote(names[0])})`;
}

/**
 * Files that those of the first choice name.
 * @param content of the files in DIRECTORIES that were chosen, parsed
 * @throws StartupError when the index names shards that the repository lacks
 */
export function chooseNamed(
  repo: string,
  names: readonly string[],
  content: Readonly<Partial<Record<(typeof DIRECTORIES)[number], unknown>>>,
): string[] {
  const index = content[WEIGHTS_INDEX];
  const shards =
    typeof index === 'object' && index !== null ? filesOfIndex(index as Record<string, unknown>) : [];
  const lost = shards.find((name) => !names.includes(name));
  if (lost !== undefined) {
    throw new StartupError(
      `${repo}: its ${WEIGHTS_INDEX} names a file ${quote(lost)}, which the repository does not have.`,
    );
  }
  const ofModules = modulePaths(content['modules.json']).flatMap((folder) => [
    `${folder}/config.json`,
    `${folder}/model.safetensors`,
  ]);
  return [...shards, ...ofModules.filter((name) => names.includes(name))];
}

/** Folders of the parts of a sentence-transformers model; what is wrong with them is the loader's to say. */
function modulePaths(modules: unknown): string[] {
  if (!Array.isArray(modules)) return [];
  return modules.flatMap((module: unknown) => {
    const { path } = (module ?? {}) as { path?: unknown };
    return typeof path === 'string' && path !== '' ? [path] : [];
  });
}
