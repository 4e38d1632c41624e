import type { TokenOutput } from '../../ipc/messages';
import type { Request } from './request';

/** Prompt tokens that give the detokenizer its first context. */
const SURROUND = 5;

/** A reply that is not streamed is refreshed this often, so that a stuck client or text is noticed. */
const REFRESH_TOKENS = 50;

/**
 * Collects what a step produced and hands it on as one message, while the next step computes. Stop strings are searched
 * in the text, so a request that has any is sent every token.
 */
export class OutputBatch {
  private outputs: TokenOutput[] = [];

  /** @param announceFirst whether the first token of every reply is told at once, so that the time to it can be taken */
  constructor(
    private readonly send: (outputs: readonly TokenOutput[]) => void,
    private readonly announceFirst = false,
  ) {}

  /** Takes what a request has to say now, if its interval has come or it ended. */
  collect(request: Request): void {
    if (!isDue(request) && !(this.announceFirst && request.emitted === 0)) return;
    const newIds = request.ids.view(request.promptLen + request.emitted).slice();
    this.outputs.push({
      rid: request.rid,
      start: request.opened
        ? null
        : {
            decode: request.decode,
            minNewTokens: request.minNewTokens,
            promptTail: request.ids
              .view(Math.max(0, request.promptLen - SURROUND), request.promptLen)
              .slice(),
            trace: request.trace?.fields ?? null,
          },
      newIds,
      finish: request.finish,
      promptTokens: request.promptLen,
      completionTokens: request.outputLen,
      reasoningTokens: request.sampler.reasoningTokens,
      cachedTokens: request.cachedTokens ?? 0,
      retractions: request.retractions,
      ...(request.drafts === null ? {} : { drafts: request.drafts }),
      inputLogprobs: request.opened ? null : request.inputLogprobs,
      outputLogprobs: request.outputLogprobs,
    });
    request.opened = true;
    request.emitted = request.outputLen;
    request.inputLogprobs = null;
    if (request.outputLogprobs) request.outputLogprobs = [];
  }

  /** Sends everything collected. */
  flush(): void {
    if (this.outputs.length === 0) return;
    this.send(this.outputs);
    this.outputs = [];
  }
}

function isDue(request: Request): boolean {
  if (request.finish) return true;
  if (request.emitted === request.outputLen) return false;
  if (request.decode.stop.length > 0 || request.decode.stopRegex.length > 0) return true;
  if (!request.stream) return request.outputLen - request.emitted >= REFRESH_TOKENS;
  // The first token, and then each that many; several may have come at once.
  const due = (tokens: number) => Math.ceil(tokens / request.streamInterval);
  return due(request.outputLen) > due(request.emitted);
}
