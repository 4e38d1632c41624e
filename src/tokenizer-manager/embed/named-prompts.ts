import { RequestError } from '../../core/errors';
import type { VectorFacts } from '../../core/model-facts';
import type { EmbedPrompt } from './embed-texts';

/**
 * Puts the prompt that a request names before its texts, or the model's default one, as sentence-transformers does. Pairs and token
 * ids are taken as they are.
 * @param name null for the default
 * @param vectors null for a model of scores
 * @throws RequestError for a name that is not known, with those that are
 */
export function withPrompt(
  prompts: readonly EmbedPrompt[],
  name: string | null,
  vectors: Pick<VectorFacts, 'prompts' | 'defaultPrompt'> | null,
): readonly EmbedPrompt[] {
  const named = name ?? vectors?.defaultPrompt ?? null;
  if (named === null) return prompts;
  const known = vectors?.prompts ?? {};
  const before = Object.hasOwn(known, named) ? known[named] : undefined;
  if (before === undefined) {
    const names = Object.keys(known);
    refuse(
      `Prompt name '${named.slice(0, 64)}' is not known: ` +
        (names.length === 0 ? 'this model has no prompts.' : `this model has ${names.join(', ')}.`),
    );
  }
  return prompts.map((prompt) => {
    if ('text' in prompt && typeof prompt.text === 'string') return { text: before + prompt.text };
    if (name !== null) refuse('prompt_name is for texts: token ids and pairs are taken as they are.');
    return prompt;
  });
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message, 'prompt_name');
}
