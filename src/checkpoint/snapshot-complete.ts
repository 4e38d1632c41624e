import * as fs from 'node:fs';
import * as path from 'node:path';
import { holdsOnlyGguf } from './gguf/locate';
import { readModelJson } from './model-files';
import { filesOfIndex, isWholeSet, SHARD_NAME, SINGLE_WEIGHTS, WEIGHTS_INDEX } from './weight-files';

/** Which of a model's files somebody wants. */
export interface Needs {
  /** config.json and what stands beside it. */
  readonly config: boolean;
  readonly weights: boolean;
  readonly tokenizer: boolean;
}

/**
 * Whether a snapshot has what cannot be done without. An interrupted download, or one of the tokenizer alone, leaves
 * a folder that has not.
 */
export function isComplete(dir: string, { config, weights, tokenizer }: Needs): boolean {
  if (holdsOnlyGguf(dir)) return true;
  const has = (name: string) => fs.existsSync(path.join(dir, name));
  return (
    (!config || has('config.json')) &&
    (!tokenizer || has('tokenizer.json')) &&
    (!weights || hasWeights(dir, has))
  );
}

function hasWeights(dir: string, has: (name: string) => boolean): boolean {
  if (has(SINGLE_WEIGHTS)) return true;
  if (!has(WEIGHTS_INDEX))
    return isWholeSet(fs.readdirSync(dir).filter((name) => SHARD_NAME.test(name) && has(name)));
  try {
    return filesOfIndex(readModelJson(dir, WEIGHTS_INDEX) ?? {}).every(has);
  } catch {
    return true; // What is wrong with the index is the loader's to say; another download would not mend it.
  }
}
