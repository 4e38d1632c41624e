import { z } from 'zod';
import { RequestError } from '../../core/errors';

const LATEST = ':latest';

/** `name` is what old clients call it. */
export const modelFields = {
  model: z.string({ error: 'must be a string' }).nullish(),
  name: z.string({ error: 'must be a string' }).nullish(),
};

/**
 * The model that a request names, as it names it: the served name, its last part where it is a path, or `default`; each with or
 * without Ollama's `:latest`.
 * @throws RequestError for no name, and for any other
 */
export function modelOf({ model, name }: z.output<z.ZodObject<typeof modelFields>>, served: string): string {
  const wanted = (model ?? '') === '' ? (name ?? '') : (model ?? '');
  if (wanted === '') throw new RequestError('bad_value', 'model is required', 'model');
  const plain = withoutTag(wanted);
  const known = [served, withoutTag(served), served.split('/').at(-1), 'default'];
  if (known.includes(plain) || wanted === served) return wanted;
  throw new RequestError(
    'model_not_found',
    `model '${wanted.slice(0, 256)}' not found: this server has '${served}'`,
    'model',
  );
}

function withoutTag(name: string): string {
  return name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : name;
}
