import type { DecodeParams, LogprobParams, SamplingParams } from '../../../../src/core/request';
import type { GenerateMsg } from '../../../../src/ipc/messages';
import { RequestSampler } from '../../../../src/sampling/request-sampler';
import { Preparing } from '../../../../src/scheduler/generation/preparation';
import { Request } from '../../../../src/scheduler/generation/request';
import { WaitingQueue, type WaitingLimits } from '../../../../src/scheduler/generation/waiting-queue';

export const VOCAB = 32;

export const GREEDY: SamplingParams = {
  maxNewTokens: 8,
  minNewTokens: 0,
  stopTokenIds: [],
  temperature: 0,
  topP: 1,
  topK: 1,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  seed: null,
  grammar: null,
};

export const DECODE: DecodeParams = {
  skipSpecialTokens: true,
  noStopTrim: false,
  stop: [],
  stopRegex: [],
};

export interface Overrides {
  readonly rid?: string;
  readonly sample?: number;
  readonly prompt?: readonly number[];
  readonly sampling?: Partial<SamplingParams>;
  readonly decode?: Partial<DecodeParams>;
  readonly logprobs?: LogprobParams | null;
  readonly stream?: boolean;
  readonly streamInterval?: number;
  readonly extraKey?: string | null;
  readonly priority?: number | null;
  readonly routingKey?: string | null;
}

export function generateMsg(overrides: Overrides = {}): GenerateMsg {
  return {
    type: 'generate',
    rid: overrides.rid ?? 'r',
    sample: overrides.sample ?? 0,
    inputIds: Int32Array.from(overrides.prompt ?? [1, 2, 3]),
    sampling: { ...GREEDY, ...overrides.sampling },
    decode: { ...DECODE, ...overrides.decode },
    thinking: null,
    logprobs: overrides.logprobs ?? null,
    stream: overrides.stream ?? false,
    streamInterval: overrides.streamInterval ?? 1,
    extraKey: overrides.extraKey ?? null,
    priority: overrides.priority ?? null,
    routingKey: overrides.routingKey ?? null,
    trace: null,
  };
}

/** A request as the scheduler makes it, in a context of 64 tokens. */
export function makeRequest(overrides: Overrides = {}): Request {
  const msg = generateMsg(overrides);
  return new Request(msg, new RequestSampler(msg.sampling, VOCAB, msg.inputIds, 1), 64, 0);
}

/** A queue of requests that need no preparation; unlimited and without priorities unless told otherwise. */
export function waitingQueue(limits: Partial<WaitingLimits> = {}): WaitingQueue {
  const defaults = { maxQueued: null, priority: false, lowPriorityValuesFirst: false };
  return new WaitingQueue({ ...defaults, ...limits }, new Preparing([], () => undefined));
}
