import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import { inSlices } from '../../tokenizer-manager';
import { untilGone } from '../sse';

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
  const tokenize: RouteSpec['handler'] = async (req, res) => {
    const { prompt, add_special_tokens: addSpecialTokens } = parseBody(tokenizeSchema, req.body, OTHER);
    const tokens = await untilGone<number[] | number[][]>(res, (gone) => {
      const encode = (text: string) => manager.tokenizeText(text, { addSpecialTokens }, gone);
      return typeof prompt === 'string' ? encode(prompt) : inSlices(prompt, encode);
    });
    if (tokens === null) return;
    const count = typeof prompt === 'string' ? tokens.length : tokens.map((ids) => (ids as number[]).length);
    res.json({ tokens, count, max_model_len: manager.tokenizer?.modelMaxLength });
  };
  const detokenize: RouteSpec['handler'] = async (req, res) => {
    const { tokens, skip_special_tokens: skipSpecialTokens } = parseBody(detokenizeSchema, req.body, OTHER);
    const text = await untilGone<string | string[]>(res, (gone) => {
      const decode = (ids: number[]) => manager.detokenizeIds(checked(ids), { skipSpecialTokens }, gone);
      return isIntegerList(tokens) ? decode(tokens) : inSlices(tokens, decode);
    });
    if (text !== null) res.json({ text });
  };
  return [
    ...['/tokenize', '/v1/tokenize'].map((path) => post(path, tokenize)),
    ...['/detokenize', '/v1/detokenize'].map((path) => post(path, detokenize)),
  ];
}

function post(path: string, handler: RouteSpec['handler']): RouteSpec {
  return { path, methods: ['post'], level: 'normal', body: 'json_only', handler };
}

function checked(ids: number[]): number[] {
  const negative = ids.find((id) => id < 0);
  if (negative === undefined) return ids;
  throw new RequestError('undecodable_token', `Token ID ${negative} cannot be turned into text.`);
}
