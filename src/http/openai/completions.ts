import { inSlices } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { originOf } from '../origin';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';
import { disconnectSignal } from '../event-stream';
import { completionSchema, parseCompletionBody, type CompletionBody } from './completion-body';
import { completionChunks, completionReply } from './completion-reply';
import { tellUnenforced } from '../request-fields/grammar-fields';
import { replyContextOf } from './reply-context';
import { sendEvents } from '../send-events';

const COMPLETIONS: RouteDescription = {
  area: 'OpenAI',
  summary: 'Text from a prompt, whole or as a stream',
  body: completionSchema,
  examples: {
    'A prompt': { model: 'default', prompt: 'The capital of France is', max_tokens: 8, temperature: 0 },
    'A stream': { model: 'default', prompt: 'Once upon a time', max_tokens: 48, stream: true },
  },
  reply: 'events',
  only: 'generation',
};

/** `/v1/completions`: text from a prompt. */
export function completionRoutes(deps: AppDeps): RouteSpec[] {
  const { args, manager } = deps;
  return [
    {
      path: '/v1/completions',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: COMPLETIONS,
      async handler(req, res) {
        const gone = disconnectSignal(res);
        try {
          const body = parseCompletionBody(req.body, originOf(req, res), args.preferredSamplingParams ?? {});
          const context = { ...replyContextOf(deps, body), echo: await echoOf(deps, body, gone) };
          const job = await manager.generate(body.request, gone);
          tellUnenforced(res, body.grammar);
          if (body.request.stream) {
            await sendEvents(completionChunks(job, context), { res, gone, where: 'POST /v1/completions' });
          } else {
            const reply = completionReply(await job.results(), context);
            if (!gone.aborted) res.json(reply);
          }
        } catch (error) {
          if (!gone.aborted) throw error;
        }
      },
    },
  ];
}

/** The prompts as they stand before the completions; null where they do not. */
async function echoOf(
  { manager }: AppDeps,
  { echo }: CompletionBody,
  gone: AbortSignal,
): Promise<readonly string[] | null> {
  if (echo === null) return null;
  return inSlices(echo, async (prompt) =>
    typeof prompt === 'string' ? prompt : manager.detokenizeIds(prompt, { skipSpecialTokens: true }, gone),
  );
}
