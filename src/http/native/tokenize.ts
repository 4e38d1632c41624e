import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';
import type { Tokenizer } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';

const object = { error: NOT_AN_OBJECT };
const flag = z.boolean({ error: 'must be true or false' }).default(true);

const tokenizeSchema = z.object(
  {
    prompt: z.custom<string | string[]>((value) => typeof value === 'string' || isStringList(value), {
      error: 'must be a string or a list of strings',
    }),
    add_special_tokens: flag,
  },
  object,
);

const detokenizeSchema = z.object(
  {
    tokens: z.custom<number[] | number[][]>((value) => isIntegerList(value) || isIntegerLists(value), {
      error: 'must be a list of integers or a list of lists of integers',
    }),
    skip_special_tokens: flag,
  },
  object,
);

/** There is one model, whatever it is called. */
const OTHER = { ignored: ['model'] };

/** Text to token ids and back, without the model. */
export function tokenizeRoutes({ manager }: AppDeps): RouteSpec[] {
  const tokenize: RouteSpec['handler'] = (req, res) => {
    const { prompt, add_special_tokens: addSpecialTokens } = parseBody(tokenizeSchema, req.body, OTHER);
    const tokenizer = tokenizerOf(manager);
    const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens });
    const max_model_len = tokenizer.modelMaxLength;
    if (typeof prompt === 'string') {
      const tokens = encode(prompt);
      return void res.json({ tokens, count: tokens.length, max_model_len });
    }
    const tokens = prompt.map(encode);
    res.json({ tokens, count: tokens.map((ids) => ids.length), max_model_len });
  };
  const detokenize: RouteSpec['handler'] = (req, res) => {
    const { tokens, skip_special_tokens: skipSpecialTokens } = parseBody(detokenizeSchema, req.body, OTHER);
    const tokenizer = tokenizerOf(manager);
    const decode = (ids: number[]) => tokenizer.decode(checked(ids), { skipSpecialTokens });
    res.json({ text: isIntegerList(tokens) ? decode(tokens) : tokens.map(decode) });
  };
  return [
    ...['/tokenize', '/v1/tokenize'].map((path) => post(path, tokenize)),
    ...['/detokenize', '/v1/detokenize'].map((path) => post(path, detokenize)),
  ];
}

function post(path: string, handler: RouteSpec['handler']): RouteSpec {
  return { path, methods: ['post'], level: 'normal', body: 'json_only', handler };
}

function tokenizerOf({ tokenizer }: AppDeps['manager']): Tokenizer {
  if (tokenizer !== null) return tokenizer;
  throw new RequestError(
    'not_available',
    'This server was started with --skip-tokenizer-init: it has no tokenizer.',
  );
}

function checked(ids: number[]): number[] {
  const negative = ids.find((id) => id < 0);
  if (negative === undefined) return ids;
  throw new RequestError('undecodable_token', `Token ID ${negative} cannot be turned into text.`);
}
