import type { Response } from 'express';
import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { oneLine } from '../../logging/python-repr';
import type { AppDeps } from '../app-deps';
import { dialectOf } from '../dialect';
import { toRequestError } from '../error-handler';
import { originOf } from '../origin';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';
import { disconnectSignal, EventStream } from '../event-stream';
import { generateSchema, parseGenerateBody, type GenerateBody } from './generate-body';
import { renderOptions, replyChunks, wholeReply } from './generate-reply';

const GENERATE: RouteDescription = {
  area: 'Native',
  summary: 'Text from a prompt, or from several, whole or as a stream',
  body: generateSchema,
  examples: {
    'A prompt': {
      text: 'The capital of France is',
      sampling_params: { temperature: 0, max_new_tokens: 16 },
    },
    'A stream': {
      text: 'Once upon a time',
      sampling_params: { temperature: 0.8, max_new_tokens: 64 },
      stream: true,
    },
    'Several prompts, with log-probabilities': {
      text: ['The capital of Spain is', 'The capital of Italy is'],
      sampling_params: { temperature: 0, max_new_tokens: 4 },
      return_logprob: true,
      top_logprobs_num: 2,
      return_text_in_logprobs: true,
    },
  },
  reply: 'events',
  only: 'generation',
};

/** `/generate`: text from a prompt, whole or as a stream. */
export function generateRoutes(deps: AppDeps): RouteSpec[] {
  return [
    {
      path: '/generate',
      methods: ['post', 'put'],
      level: 'normal',
      body: 'json',
      about: GENERATE,
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const body = parseGenerateBody(req.body, originOf(req, res));
          await (body.request.stream ? sendStream : sendWhole)(deps, body, { res, gone });
        } catch (error) {
          if (gone.aborted) return;
          if (error instanceof RequestError) logRefusal(error);
          throw error;
        }
      },
    },
  ];
}

interface Client {
  readonly res: Response;
  /** Fires when the client has left. */
  readonly gone: AbortSignal;
}

async function sendWhole(deps: AppDeps, body: GenerateBody, { res, gone }: Client): Promise<void> {
  const job = await deps.manager.generate(body.request, gone);
  const reply = await wholeReply(job, renderOptions(deps, body));
  if (!gone.aborted) res.json(reply);
}

async function sendStream(deps: AppDeps, body: GenerateBody, { res, gone }: Client): Promise<void> {
  let stream: EventStream | null = null;
  try {
    const job = await deps.manager.generate(body.request, gone);
    stream = new EventStream(res);
    for await (const chunk of replyChunks(job, renderOptions(deps, body))) await stream.send(chunk);
  } catch (error) {
    if (gone.aborted) return;
    // A body of the wrong form never becomes a stream; every other error is an event of it.
    if (stream === null && error instanceof RequestError && error.code === 'bad_request') throw error;
    if (error instanceof RequestError) logRefusal(error);
    const told = toRequestError(error, 'POST /generate');
    stream ??= new EventStream(res);
    await stream.send(dialectOf(res).errorEvent(told));
  }
  stream.end();
}

function logRefusal(error: RequestError): void {
  logger.log('error', `[http_server] Error: ${oneLine(error.message)}`);
}
