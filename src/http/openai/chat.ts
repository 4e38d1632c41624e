import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { pythonRepr } from '../../logging/python-repr';
import type { ChatTemplate } from '../../chat-template';
import type { GenerateRequest, RawSamplingParams } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { disconnectSignal } from '../sse';
import { parseChatBody, type ChatBody } from './chat-body';
import { chatChunks, chatReply } from './chat-reply';
import type { ReplyContext } from './reply-context';
import { sendEvents } from './send-events';

/** `/v1/chat/completions`: the next answer of a conversation. */
export function chatRoutes(deps: AppDeps): RouteSpec[] {
  const { args, manager } = deps;
  const defaults = chatDefaults(deps);
  return [
    {
      path: '/v1/chat/completions',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const chat = templateOf(deps);
          const limits = { defaults, contextLength: args.contextLength, chat };
          const body = parseChatBody(req.body, originOf(req, res), limits);
          const job = await manager.generate(await withPrompt(body, chat, gone), gone);
          const context = contextOf(deps, body);
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

/** The prompt of the conversation, which ends where the request or the template says. */
async function withPrompt(
  { request, conversation }: ChatBody,
  chat: ChatTemplate,
  gone: AbortSignal,
): Promise<GenerateRequest> {
  const { text, stop } = await chat.prompt(conversation, gone);
  if (stop.length === 0) return { ...request, text };
  const params = request.samplingParams as RawSamplingParams;
  const own = (params['stop'] ?? []) as string | string[];
  return { ...request, text, samplingParams: { ...params, stop: [...new Set([own, stop].flat())] } };
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

function contextOf({ args, manager }: AppDeps, { id, model, n, streamOptions }: ChatBody): ReplyContext {
  return {
    id,
    model: model ?? args.servedModelName,
    n,
    includeUsage: streamOptions.includeUsage || args.streamResponseDefaultIncludeUsage,
    continuousUsage: streamOptions.continuousUsage,
    reportsCache: args.enableCacheReport,
    weightVersion: args.weightVersion,
    textOf: (token) => manager.tokenizer?.tokenText(token) ?? '',
  };
}
