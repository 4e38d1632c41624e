import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { parseAs } from '../../core/parse';
import type { AppDeps } from '../app-deps';
import { templateOf, type ChatService } from '../chat/chat-service';
import { toRequestError } from '../error-handler';
import { disconnectSignal, NAMED_SSE, untilGone } from '../event-stream';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { tellUnenforced } from '../request-fields/grammar-fields';
import type { RouteSpec } from '../route';
import { sendEvents } from '../send-events';
import { anthropic } from './dialect';
import { messageEvents, messageReply } from './message-reply';
import { countSchema, messageSchema, type MessageRequest } from './request';
import { chatBody, chatPrompt, type Model } from './to-chat';

const QUESTION = {
  model: 'default',
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
};

const MESSAGES: RouteDescription = {
  area: 'Anthropic',
  summary: 'The next message of a conversation, whole or as a stream',
  body: messageSchema,
  examples: {
    'A question': { ...QUESTION, max_tokens: 32, temperature: 0 },
    'A stream': { ...QUESTION, max_tokens: 32, stream: true, system: 'Answer in one word.' },
  },
  reply: 'events',
  only: 'generation',
};

const COUNT: RouteDescription = {
  area: 'Anthropic',
  summary: 'How many tokens a conversation takes',
  body: countSchema,
  examples: { 'A question': QUESTION },
  only: 'generation',
};

/** Anthropic's Messages API: `/v1/messages` and `/v1/messages/count_tokens`. */
export function messagesRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
  const { manager } = deps;
  const model = (): Model => ({
    chat: templateOf(deps),
    pastThoughts: chats.pastThoughts,
    knowsReasoning: chats.knowsReasoning,
  });
  const answer = async (req: Request, res: Response, gone: AbortSignal) => {
    const request = parseAs(messageSchema, req.body);
    const body = chats.parse(await chats.inOrder(chatBody(request, model()), gone), originOf(req, res));
    const { job, form } = await chats.start(body, gone);
    tellUnenforced(res, body.grammar);
    const context = { ...contextOf(request), form };
    if (body.request.stream) {
      const where = 'POST /v1/messages';
      const tell = (error: unknown) => anthropic.errorEvent(toRequestError(error, where));
      await sendEvents(messageEvents(job, context, tell), { res, gone, where, form: NAMED_SSE });
      return;
    }
    const [result] = await job.results();
    if (!gone.aborted && result !== undefined) res.json(messageReply(result, context));
  };
  return [
    {
      path: '/v1/messages',
      methods: ['post'],
      level: 'normal',
      keyHeader: 'x-api-key',
      body: 'json_only',
      about: MESSAGES,
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          await answer(req, res, gone);
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
    {
      path: '/v1/messages/count_tokens',
      methods: ['post'],
      level: 'normal',
      keyHeader: 'x-api-key',
      body: 'json_only',
      about: COUNT,
      async handler(req, res) {
        const ids = await untilGone(res, async (gone) => {
          const request = parseAs(countSchema, req.body);
          const body = chats.parse(
            await chats.inOrder(chatPrompt(request, model()), gone),
            originOf(req, res),
          );
          const { text } = await templateOf(deps).prompt(body.conversation, gone);
          return manager.tokenizeText(text, { addSpecialTokens: false }, gone);
        });
        if (ids !== null) res.json({ input_tokens: ids.length });
      },
    },
  ];
}

function contextOf({ model, stop_sequences, thinking }: MessageRequest) {
  return {
    id: `msg_${randomUUID().replaceAll('-', '')}`,
    model,
    stopSequences: stop_sequences ?? [],
    hidesThoughts: thinking?.display === 'omitted',
  };
}
