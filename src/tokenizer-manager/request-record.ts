import type { VectorOutput } from '../ipc/messages';
import type { TraceAttributes } from '../tracing/request-tracer';
import type { EmbedRequest } from './embed/embed-request';
import type { GenerateRequest } from './generate-request';
import type { GenerateResult } from './request-state';
import type { SessionParams } from './sessions/session-params';

/** A request or its result as logs and dumps show it, under SGLang's names. */
export type RecordFields = Readonly<Record<string, unknown>>;

export type AnyRequest = GenerateRequest | EmbedRequest;

export function requestFields(request: AnyRequest, rid: string | readonly string[]): RecordFields {
  const { text, inputIds: input_ids } = request;
  if (!('samplingParams' in request)) return { rid, text, input_ids };
  return {
    rid,
    text,
    input_ids,
    sampling_params: request.samplingParams,
    return_logprob: request.returnLogprob,
    stream: request.stream,
    priority: request.priority,
    extra_key: request.extraKey,
    ...(request.session && { session_params: sessionFields(request.session) }),
  };
}

function sessionFields({ id, rid, offset, replace, dropPreviousOutput }: SessionParams): RecordFields {
  return { id, rid, offset, replace, drop_previous_output: dropPreviousOutput };
}

export function resultFields(result: GenerateResult): RecordFields {
  return {
    text: result.text,
    output_ids: result.outputIds,
    meta_info: {
      id: result.rid,
      finish_reason: result.finish,
      prompt_tokens: result.promptTokens,
      completion_tokens: result.completionTokens,
      cached_tokens: result.cachedTokens,
      total_retractions: result.retractions,
      e2e_latency: result.e2eLatency,
    },
  };
}

/** The same for its trace. */
export function traceAttributes(
  result: Pick<GenerateResult, 'finish' | 'promptTokens' | 'completionTokens' | 'cachedTokens'>,
): TraceAttributes {
  return {
    'gen_ai.usage.prompt_tokens': result.promptTokens,
    'gen_ai.usage.completion_tokens': result.completionTokens,
    'gen_ai.usage.cached_tokens': result.cachedTokens,
    ...(result.finish && { 'gen_ai.response.finish_reasons': [result.finish.type] }),
  };
}

/** @param e2eLatency seconds since the request arrived */
export function vectorFields(output: VectorOutput, e2eLatency: number): RecordFields {
  const { rid: id, vector, promptTokens: prompt_tokens, finish: finish_reason } = output;
  return {
    embedding: vector === null ? null : Array.from(vector),
    meta_info: { id, finish_reason, prompt_tokens, e2e_latency: e2eLatency },
  };
}

/** The part of a request that is its prompt number `index`: what all of them share, and its own text, ids and parameters. */
export function memberOf<T extends AnyRequest>(request: T, index: number): T {
  const { text, inputIds } = request;
  const own = {
    text: typeof text === 'string' || text === null ? text : (text[index] ?? null),
    inputIds: inputIds === null || typeof inputIds[0] === 'number' ? inputIds : (inputIds[index] ?? null),
  };
  if (!('samplingParams' in request) || !Array.isArray(request.samplingParams)) return { ...request, ...own };
  return { ...request, ...own, samplingParams: (request.samplingParams as unknown[])[index] ?? {} };
}
