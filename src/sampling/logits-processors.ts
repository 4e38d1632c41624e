import type { SamplingParams } from '../core/request';

/** What a processor may know of its request beside the row. */
export interface SamplingState {
  /** Tokens generated so far. */
  readonly generated: number;
  /** Whether the request's grammar allows nothing but these tokens now; false without one. */
  allowsOnly(ids: readonly number[]): boolean;
}

/** Changes rows of logits of one request before a token is chosen. It lives as long as the request. */
export interface LogitsProcessor {
  /** Changes a row in place. */
  apply(logits: Float32Array, state: SamplingState): void;
  /** Is told of each generated token, in order and once. */
  observe?(id: number): void;
}

/** Makes the processor of a request; null for a request that does not ask for it, which then costs it nothing. */
type MakeProcessor = (params: SamplingParams, promptIds: Int32Array) => LogitsProcessor | null;

/** All there are, in the order in which they shape a row: SGLang's. A further one is one more entry. */
const LOGITS_PROCESSORS: readonly MakeProcessor[] = [
  outputPenalties,
  repetitionPenalty,
  minNewTokens,
  logitBias,
];

/** The processors that a request asks for; none for most. */
export function processorsOf(params: SamplingParams, promptIds: Int32Array): readonly LogitsProcessor[] {
  return LOGITS_PROCESSORS.flatMap((make) => make(params, promptIds) ?? []);
}

/** Frequency and presence penalty: subtracted from generated tokens, once for each time and once at all. */
function outputPenalties({ frequencyPenalty, presencePenalty }: SamplingParams): LogitsProcessor | null {
  if (frequencyPenalty === 0 && presencePenalty === 0) return null;
  const counts = new Map<number, number>();
  return {
    apply(logits) {
      for (const [id, count] of counts) logits[id]! -= count * frequencyPenalty + presencePenalty;
    },
    observe(id) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
    },
  };
}

/** Divides positive and multiplies negative logits of tokens in prompt or output. */
function repetitionPenalty({ repetitionPenalty: by }: SamplingParams, promptIds: Int32Array) {
  if (by === 1) return null;
  const seen = new Set(promptIds);
  return {
    apply(logits: Float32Array) {
      for (const id of seen) {
        const logit = logits[id]!;
        logits[id] = logit > 0 ? logit / by : logit * by;
      }
    },
    observe(id: number) {
      seen.add(id);
    },
  };
}

/** Rules the stop tokens out until enough tokens exist, unless a grammar leaves no others. */
function minNewTokens({ minNewTokens: least, stopTokenIds }: SamplingParams): LogitsProcessor | null {
  if (least === 0 || stopTokenIds.length === 0) return null;
  return {
    apply(logits, state) {
      if (state.generated >= least || state.allowsOnly(stopTokenIds)) return;
      for (const id of stopTokenIds) logits[id] = -Infinity;
    },
  };
}

function logitBias({ logitBias: biases }: SamplingParams): LogitsProcessor | null {
  if (biases.length === 0) return null;
  return {
    apply(logits) {
      for (const [id, bias] of biases) logits[id]! += bias;
    },
  };
}
