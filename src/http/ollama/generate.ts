import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import type { ChatBody } from '../chat/chat-body';
import type { ChatService, RunningChat } from '../chat/chat-service';
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
import { imagesField, refuseImages } from './messages';
import { modelOf } from './model-name';
import { sendAnswer, sendIdle } from './send-answer';

const text = z.string({ error: 'must be a string' }).nullish();

const schema = z.object(
  {
    ...commonFields,
    prompt: text,
    system: text,
    raw: z.boolean({ error: 'must be true or false' }).nullish(),
    suffix: text,
    template: text,
    context: z.array(z.int(), { error: 'must be a list of integers' }).nullish(),
    images: imagesField,
  },
  { error: NOT_AN_OBJECT },
);

type Body = z.output<typeof schema>;

const ABOUT: RouteDescription = {
  area: 'Ollama',
  summary: 'The answer to a prompt, as lines of JSON or whole',
  body: schema,
  examples: {
    'A prompt': {
      model: 'default',
      prompt: 'What is the capital of France?',
      stream: false,
      options: { temperature: 0 },
    },
    'A text that goes on': {
      model: 'default',
      prompt: 'The capital of France is',
      raw: true,
      options: { num_predict: 8 },
    },
  },
  reply: 'events',
  only: 'generation',
};

/** `/api/generate`: the answer to a prompt, in the model's chat format unless `raw`. */
export function generateRoutes(deps: AppDeps, chats: ChatService): RouteSpec[] {
  return [
    {
      path: '/api/generate',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      about: ABOUT,
      async handler(req, res) {
        const receivedAt = performance.now();
        const gone = disconnectSignal(res);
        try {
          const asked = parseBody(schema, req.body, OTHER_FIELDS);
          const wording = { model: modelOf(asked, deps.manager.served.name), say: sayResponse };
          const recipient = { res, gone, where: 'POST /api/generate', isStream: asked.stream ?? true };
          refuseWhatIsNotHere(asked);
          if ((asked.prompt ?? '') === '') return await sendIdle(idleReason(asked), wording, recipient);
          const { body, running } = await inOllamasNames(() =>
            start(deps, chats, asked, originOf(req, res), gone),
          );
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

/** A prompt that is taken as it is, and any prompt of a model without a chat template, is all text. */
const PLAIN: RunningChat['form'] = { splitter: null, toolParser: null, streamsReasoning: true };

async function start(
  { chat, facts, manager }: AppDeps,
  chats: ChatService,
  asked: Body,
  origin: RequestOrigin,
  gone: AbortSignal,
): Promise<{ readonly body: ChatBody; readonly running: RunningChat }> {
  const { prompt, system, raw } = asked;
  const messages = [
    ...((system ?? '') === '' ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ];
  const { knowsReasoning } = chats;
  const fields = commonChatFields(asked, { contextLen: facts.contextLen, chat, knowsReasoning });
  const body = chats.parse({ ...fields, messages }, origin);
  if (raw !== true && chat?.source != null) return { body, running: await chats.start(body, gone) };
  const text = raw === true ? (prompt ?? '') : messages.map(({ content }) => content ?? '').join('\n\n');
  const job = await manager.generate({ ...body.request, text, addSpecialTokens: true }, gone);
  return { body, running: { job, form: PLAIN } };
}

function refuseWhatIsNotHere({ suffix, template, context, images }: Body): void {
  refuseImages(images);
  const refused = { suffix, template, context };
  for (const [name, value] of Object.entries(refused)) {
    if (value == null || value.length === 0) continue;
    const instead = name === 'context' ? ' Send the conversation to /api/chat.' : '';
    throw new RequestError('not_available', `${name} is not available on this server.${instead}`, name);
  }
}

function sayResponse({ text, thinking, calls }: AnswerPart): object {
  return {
    response: text,
    ...(thinking !== '' && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
