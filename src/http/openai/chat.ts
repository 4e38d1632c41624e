import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { pythonRepr } from '../../logging/python-repr';
import type { ChatPrompt, ChatTemplate } from '../../chat-template';
import type { GenerateRequest, RawSamplingParams } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { originOf } from '../origin';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';
import { disconnectSignal } from '../sse';
import { chatSchema, parseChatBody, type ChatBody } from './chat-body';
import type { AnswerForm } from './answer';
import { tellUnenforced } from './grammar-fields';
import { chatChunks, chatReply } from './chat-reply';
import { reasoningSetup, splitterFor, type ReasoningSetup } from './reasoning';
import { replyContextOf } from './reply-context';
import { sendEvents } from './send-events';
import { toolParserFor } from './tools';

const CHAT: RouteDescription = {
  area: 'OpenAI',
  summary: 'The next answer of a conversation, whole or as a stream',
  body: chatSchema,
  examples: {
    'A question': {
      model: 'default',
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      temperature: 0,
    },
    'A stream, with a system message': {
      model: 'default',
      messages: [
        { role: 'system', content: 'Answer in upper case.' },
        { role: 'user', content: 'What is the capital of Spain?' },
      ],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    },
    'Two choices, with log-probabilities': {
      model: 'default',
      messages: [{ role: 'user', content: 'Tell me a short story.' }],
      max_tokens: 8,
      n: 2,
      seed: 7,
      logprobs: true,
      top_logprobs: 2,
    },
  },
  reply: 'events',
  only: 'generation',
};

/** `/v1/chat/completions`: the next answer of a conversation. */
export function chatRoutes(deps: AppDeps): RouteSpec[] {
  const { args, manager } = deps;
  const defaults = chatDefaults(deps);
  const reasoning = reasoningSetup(deps);
  return [
    {
      path: '/v1/chat/completions',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: CHAT,
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const chat = templateOf(deps);
          const limits = { defaults, contextLength: args.contextLength, chat };
          const body = parseChatBody(req.body, originOf(req, res), limits);
          const prompt = await chat.prompt(body.conversation, gone);
          const form = formOf(deps, body, prompt, reasoning);
          const job = await manager.generate(requestOf(body, prompt, form, reasoning), gone);
          tellUnenforced(res, body.grammar);
          const context = { ...replyContextOf(deps, body), form };
          if (body.request.stream) {
            await sendEvents(chatChunks(job, context), { res, gone, where: 'POST /v1/chat/completions' });
          } else {
            const reply = chatReply(await job.results(), context);
            if (!gone.aborted) res.json(reply);
          }
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
  ];
}

/** @throws RequestError where no conversation can be rendered */
export function templateOf({ chat, facts }: Pick<AppDeps, 'chat' | 'facts'>): ChatTemplate {
  if (chat !== null) return chat;
  throw new RequestError(
    'not_available',
    facts.kind === 'embedding'
      ? 'This model gives vectors (--is-embedding): it cannot chat.'
      : 'This server was started with --skip-tokenizer-init: it cannot render conversations.',
  );
}

/** The request with its prompt. It ends where the client or the template says, and shows what the reading of the answer needs. */
function requestOf(
  { request }: ChatBody,
  { text, stop }: ChatPrompt,
  form: AnswerForm,
  reasoning: ReasoningSetup | null,
): GenerateRequest {
  const params = request.samplingParams as RawSamplingParams;
  const own = (params['stop'] ?? []) as string | string[];
  const samplingParams = {
    ...params,
    ...(stop.length > 0 && { stop: [...new Set([own, stop].flat())] }),
    // Marks of calls and thoughts may be special tokens.
    ...((reasoning?.isSpecial || form.toolParser !== null) && { skip_special_tokens: false }),
  };
  return { ...request, text, samplingParams };
}

function formOf(
  deps: AppDeps,
  { conversation, isForced, separatesReasoning, streamsReasoning }: ChatBody,
  prompt: ChatPrompt,
  reasoning: ReasoningSetup | null,
): AnswerForm {
  const isApart = reasoning !== null && separatesReasoning;
  return {
    toolParser: toolParserFor(deps, conversation, isForced),
    splitter: isApart ? splitterFor(reasoning, prompt) : null,
    reasoningEnd: reasoning?.endToken ?? null,
    streamsReasoning,
  };
}

/** What holds where a request says nothing: the operator's wishes before those of the model's authors. */
function chatDefaults({ args, facts }: AppDeps): RawSamplingParams {
  const model = args.samplingDefaults === 'model' ? facts.generationDefaults : {};
  if (facts.kind === 'generation' && Object.keys(model).length > 0) {
    const sorted = Object.fromEntries(Object.entries(model).sort(([a], [b]) => (a < b ? -1 : 1)));
    logger.log(
      'info',
      `Using default chat sampling params from model generation config: ${pythonRepr(sorted)}`,
    );
  }
  return { ...model, ...args.preferredSamplingParams };
}
