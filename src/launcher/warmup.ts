import { request } from 'node:http';
import { env } from '../core/env';
import { errorMessage } from '../core/errors';
import type { ModelFacts } from '../core/model-facts';
import { NAN_HAPPENED } from '../core/request';
import type { ServerArgs } from '../server-args/server-args';

const PROMPT = 'The capital city of France is';
const PROMPT_IDS = [10, 11, 12];
const DEFAULT_TIMEOUT_SECONDS = 600;

/** The warm-up request failed: the server would not serve its users either. */
export class WarmupError extends Error {
  override readonly name = 'WarmupError';
}

/**
 * Sends the server its first request, through its own HTTP interface and one for each scheduler, and waits for the replies.
 * `SGLANG_WARMUP_TIMEOUT` bounds the wait in seconds (default 600).
 * @param url where this machine reaches the server
 * @throws WarmupError in the words SGLang's users know
 */
export async function warmUp(
  url: string,
  args: Pick<ServerArgs, 'apiKey' | 'dpSize' | 'skipTokenizerInit'>,
  facts: Pick<ModelFacts, 'kind' | 'vocabSize'>,
): Promise<void> {
  const prompt = args.skipTokenizerInit
    ? { input_ids: PROMPT_IDS.map((id) => Math.min(id, facts.vocabSize - 1)) }
    : { text: PROMPT };
  const [path, body] =
    facts.kind === 'embedding'
      ? ['/encode', prompt]
      : ['/generate', { ...prompt, sampling_params: { temperature: 0, max_new_tokens: 8 } }];
  try {
    const signal = AbortSignal.timeout(timeoutMs());
    await ask('GET', `${url}/model_info`, args.apiKey, null, signal);
    const bodies = Array.from({ length: args.dpSize }, (_, rank) =>
      args.dpSize === 1 ? body : { ...body, routed_dp_rank: rank },
    );
    const texts = bodies.map((one) => ask('POST', url + path, args.apiKey, JSON.stringify(one), signal));
    for (const text of await Promise.all(texts)) checkReply(text);
  } catch (error) {
    throw new WarmupError(`Initialization failed. warmup error: ${errorMessage(error)}`);
  }
}

/** A model that computes NaN answers with status 200 and no text: that is no server to let users in to. */
function checkReply(text: string): void {
  const reply = JSON.parse(text) as { meta_info?: { finish_reason?: { matched?: unknown } } };
  if (reply.meta_info?.finish_reason?.matched !== NAN_HAPPENED) return;
  throw new Error(
    "the model's logits are NaN. Its weights are damaged, or the computation overflows " +
      '(--skip-server-warmup serves it all the same)',
  );
}

function timeoutMs(): number {
  const seconds = env('SGLANG_WARMUP_TIMEOUT');
  return (seconds > 0 ? seconds : DEFAULT_TIMEOUT_SECONDS) * 1000;
}

/** A header of bytes: Node sends each character as one. */
function bearer(key: string): string {
  return Buffer.from(`Bearer ${key}`).toString('latin1');
}

/** Resolves with the whole reply once it has come with status 200. */
function ask(
  method: 'GET' | 'POST',
  url: string,
  apiKey: string | null,
  body: string | null,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(apiKey === null ? {} : { authorization: bearer(apiKey) }),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    };
    // A connection of its own: none stays open towards ourselves.
    const call = request(url, { method, headers, signal, agent: false }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => (text += chunk));
      reply.on('error', reject);
      reply.on('end', () => {
        if (reply.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${url} answered ${reply.statusCode}: ${text}`));
      });
    });
    call.on('error', reject);
    // As bytes: a text would have Node send the head in the text's encoding with it.
    call.end(body === null ? undefined : Buffer.from(body));
  });
}
