import type { AppDeps } from '../app-deps';
import { chatSchema } from '../chat/chat-body';
import type { ChatService } from '../chat/chat-service';
import { disconnectSignal } from '../event-stream';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { tellUnenforced } from '../request-fields/grammar-fields';
import type { RouteSpec } from '../route';
import { sendEvents } from '../send-events';
import { chatChunks, chatReply } from './chat-reply';
import { replyContextOf } from './reply-context';

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
export function chatRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
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
          const body = chats.parse(req.body, originOf(req, res));
          const { job, form } = await chats.start(body, gone);
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
