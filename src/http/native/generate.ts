import type { Response } from 'express';
import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { oneLine } from '../../logging/python-repr';
import type { AppDeps } from '../app-deps';
import { dialectOf } from '../dialect';
import { toRequestError } from '../error-handler';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { disconnectSignal, EventStream } from '../sse';
import { parseGenerateBody, type GenerateBody } from './generate-body';
import { renderResult, type RenderOptions } from './generate-reply';

/** `/generate`: text from a prompt, whole or as a stream. */
export function generateRoutes(deps: AppDeps): RouteSpec[] {
  return [
    {
      path: '/generate',
      methods: ['post', 'put'],
      level: 'normal',
      body: 'json',
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const body = parseGenerateBody(req.body, originOf(req, res));
          const options = {
            tokenizer: deps.manager.tokenizer,
            weightVersion: deps.args.weightVersion,
            returnTextInLogprobs: body.returnTextInLogprobs,
          };
          await (body.request.stream ? streamReply : wholeReply)(deps, body, { res, gone }, options);
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

async function wholeReply(
  { manager }: AppDeps,
  { request }: GenerateBody,
  { res, gone }: Client,
  options: RenderOptions,
): Promise<void> {
  const job = await manager.generate(request, gone);
  const results = await job.results();
  if (gone.aborted) return;
  const replies = results.map((result) => renderResult(result, result.outputIds, true, options));
  res.json(job.isBatch ? replies : replies[0]);
}

async function streamReply(
  { args, manager }: AppDeps,
  { request }: GenerateBody,
  { res, gone }: Client,
  options: RenderOptions,
): Promise<void> {
  let stream: EventStream | null = null;
  try {
    const job = await manager.generate(request, gone);
    stream = new EventStream(res);
    const chunks = job.chunks(({ index, result, newIds, isFirst }) => {
      const chunk = renderResult(result, args.streamOutput ? newIds : result.outputIds, isFirst, options);
      return job.isBatch ? { ...chunk, index } : chunk;
    });
    for await (const chunk of chunks) await stream.send(chunk);
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
