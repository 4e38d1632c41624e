import { z } from 'zod';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import type { ChatService } from '../chat/chat-service';
import { toolFields } from '../chat/tools';
import { disconnectSignal } from '../event-stream';
import { parseBody } from '../fields';
import { replyContextOf } from '../openai/reply-context';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { tellUnenforced } from '../request-fields/grammar-fields';
import type { RouteSpec } from '../route';
import { answerParts, type AnswerPart } from './answer-lines';
import { commonChatFields, commonFields, idleReason, OTHER_FIELDS } from './common-fields';
import { inOllamasNames } from './field-names';
import { chatMessagesOf, messageSchema } from './messages';
import { modelOf } from './model-name';
import { sendAnswer, sendIdle } from './send-answer';

const schema = z.object(
  {
    ...commonFields,
    messages: z.array(messageSchema, { error: 'must be a list of messages' }).nullish(),
    tools: toolFields.tools,
  },
  { error: NOT_AN_OBJECT },
);

const QUESTION = [{ role: 'user', content: 'What is the capital of France?' }];

const ABOUT: RouteDescription = {
  area: 'Ollama',
  summary: 'The next answer of a conversation, as lines of JSON or whole',
  body: schema,
  examples: {
    'A question': { model: 'default', messages: QUESTION, stream: false, options: { temperature: 0 } },
    'A stream': { model: 'default', messages: QUESTION, options: { num_predict: 16 } },
  },
  reply: 'events',
  only: 'generation',
};

/** `/api/chat`: the next answer of a conversation. */
export function chatRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
  const { facts, chat } = deps;
  return [
    {
      path: '/api/chat',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      about: ABOUT,
      async handler(req, res) {
        const receivedAt = performance.now();
        const gone = disconnectSignal(res);
        try {
          const asked = parseBody(schema, req.body, OTHER_FIELDS);
          const wording = { model: modelOf(asked, deps.manager.served.name), say: sayMessage };
          const recipient = { res, gone, where: 'POST /api/chat', isStream: asked.stream ?? true };
          const messages = asked.messages ?? [];
          if (messages.length === 0) return await sendIdle(idleReason(asked), wording, recipient);
          const model = { contextLen: facts.contextLen, chat, knowsReasoning: chats.knowsReasoning };
          const { body, running } = await inOllamasNames(async () => {
            const last = messages.at(-1);
            const body = chats.parse(
              {
                ...commonChatFields(asked, model),
                messages: chatMessagesOf(messages),
                tools: asked.tools,
                // Ollama lets an answer go on where the last message is one.
                continue_final_message: last?.role === 'assistant' && (last.tool_calls ?? []).length === 0,
              },
              originOf(req, res),
            );
            return { body, running: await chats.start(body, gone) };
          });
          tellUnenforced(res, body.grammar);
          const { textOf } = replyContextOf(deps, body);
          await sendAnswer(answerParts({ ...running, textOf, receivedAt }), wording, recipient);
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
  ];
}

function sayMessage({ text, thinking, calls }: AnswerPart): object {
  return {
    message: {
      role: 'assistant',
      content: text,
      ...(thinking !== '' && { thinking }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  };
}
