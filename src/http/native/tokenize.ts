import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isIntegerList, isIntegerLists } from '../../core/parse';
import type { AppDeps } from '../app-deps';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';
import { NOT_AN_OBJECT } from '../body';
import { parseBody } from '../fields';
import { templateOf } from '../chat/chat-service';
import { promptFields, readConversation } from '../chat/chat-body';
import { inSlices } from '../../tokenizer-manager';
import { untilGone } from '../event-stream';
import { IDS_SCHEMA, strings } from './prompt-fields';

const object = { error: NOT_AN_OBJECT };
const flag = z.boolean({ error: 'must be true or false' }).default(true);

const tokenizeSchema = z.object(
  {
    prompt: strings,
    messages: promptFields.messages.nullish(),
    continue_final_message: promptFields.continue_final_message,
    chat_template_kwargs: promptFields.chat_template_kwargs,
    reasoning_effort: promptFields.reasoning_effort,
    tools: promptFields.tools,
    tool_choice: promptFields.tool_choice,
    add_special_tokens: flag,
  },
  object,
);

const detokenizeSchema = z.object(
  {
    tokens: z
      .custom<number[] | number[][]>((value) => isIntegerList(value) || isIntegerLists(value), {
        error: 'must be a list of integers or a list of lists of integers',
      })
      .meta(IDS_SCHEMA),
    skip_special_tokens: flag,
  },
  object,
);

const TOKENIZE: RouteDescription = {
  area: 'Texts and tokens',
  summary: 'Token ids of texts, or of a conversation as the model sees it',
  body: tokenizeSchema,
  examples: {
    'A text': { prompt: 'Hello, world!' },
    'Several texts': { prompt: ['Hello,', 'world!'], add_special_tokens: false },
  },
};
const DETOKENIZE: RouteDescription = {
  area: 'Texts and tokens',
  summary: 'The text of token ids',
  body: detokenizeSchema,
  examples: { 'Some ids': { tokens: [40, 41, 42] } },
};

/** There is one model, whatever it is called. */
const OTHER = { ignored: ['model'] };

/** Text to token ids and back, without the model. */
export function tokenizeRoutes(deps: AppDeps): RouteSpec[] {
  const { manager } = deps;
  const tokenize: RouteSpec['handler'] = async (req, res) => {
    const body = parseBody(tokenizeSchema, req.body, OTHER);
    const { prompt = null, messages = null } = body;
    if ((prompt === null) === (messages === null)) {
      throw new RequestError('bad_request', "Exactly one of 'prompt' or 'messages' must be provided.");
    }
    const tokens = await untilGone<number[] | number[][]>(res, async (gone) => {
      const encode = (text: string, addSpecialTokens: boolean) =>
        manager.tokenizeText(text, { addSpecialTokens }, gone);
      if (messages !== null) return encode(await chatText(deps, { ...body, messages }, gone), false);
      const encodePrompt = (text: string) => encode(text, body.add_special_tokens);
      return Array.isArray(prompt) ? inSlices(prompt, encodePrompt) : encodePrompt(prompt ?? '');
    });
    if (tokens === null) return;
    const count = Array.isArray(prompt) ? tokens.map((ids) => (ids as number[]).length) : tokens.length;
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
    ...['/tokenize', '/v1/tokenize'].map((path) => post(path, TOKENIZE, tokenize)),
    ...['/detokenize', '/v1/detokenize'].map((path) => post(path, DETOKENIZE, detokenize)),
  ];
}

async function chatText(
  deps: AppDeps,
  body: Parameters<typeof readConversation>[0],
  gone: AbortSignal,
): Promise<string> {
  const chat = templateOf(deps);
  return (await chat.prompt(readConversation(body, chat), gone)).text;
}

function post(path: string, about: RouteDescription, handler: RouteSpec['handler']): RouteSpec {
  return { path, methods: ['post'], level: 'normal', body: 'json_only', about, handler };
}

function checked(ids: number[]): number[] {
  const negative = ids.find((id) => id < 0);
  if (negative === undefined) return ids;
  throw new RequestError('undecodable_token', `Token ID ${negative} cannot be turned into text.`);
}
