import type { GenerateMsg, SchedulerMsg, DetokenizerMsg, TokenizerManagerMsg } from './messages';

/**
 * The shape of each message, checked where it arrives: what a receiver would stumble over far from the sender's mistake is
 * refused at the door. By hand, and no deeper than what is used without a further look, because each step passes here.
 */
type Message = SchedulerMsg | DetokenizerMsg | TokenizerManagerMsg;

type Fields = Readonly<Record<string, unknown>>;

type Check = (value: unknown) => boolean;

const string: Check = (value) => typeof value === 'string';
const number: Check = (value) => typeof value === 'number';
const boolean: Check = (value) => typeof value === 'boolean';
const tokens: Check = (value) => value instanceof Int32Array;
const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** An object with all of these fields; others are not looked at. */
function object(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields);
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    checks.every(([name, check]) => check((value as Fields)[name]));
}

const decodeParams = object({
  skipSpecialTokens: boolean,
  spacesBetweenSpecialTokens: boolean,
  noStopTrim: boolean,
  stop: listOf(string),
  stopRegex: listOf(string),
});

const generate: Readonly<Record<Exclude<keyof GenerateMsg, 'type'>, Check>> = {
  rid: string,
  inputIds: (value) => tokens(value) && (value as Int32Array).length > 0,
  sampling: object({
    maxNewTokens: number,
    minNewTokens: number,
    stopTokenIds: listOf(number),
    temperature: number,
    topP: number,
    topK: number,
    minP: number,
    frequencyPenalty: number,
    presencePenalty: number,
    repetitionPenalty: number,
    logitBias: listOf((pair) => listOf(number)(pair) && (pair as number[]).length === 2),
    seed: nullOr(number),
  }),
  decode: decodeParams,
  logprobs: nullOr(object({ startLen: number, topNum: number, tokenIds: nullOr(listOf(number)) })),
  stream: boolean,
  streamInterval: number,
  extraKey: nullOr(string),
  priority: nullOr(number),
  routingKey: nullOr(string),
};

/** What every output has, with tokens or with text. */
const output = {
  rid: string,
  newIds: tokens,
  finish: nullOr(object({ type: string })),
  promptTokens: number,
  completionTokens: number,
  cachedTokens: number,
  retractions: number,
  inputLogprobs: nullOr(Array.isArray),
  outputLogprobs: nullOr(Array.isArray),
};

const call = object({ callId: number });

const CHECKS: Readonly<Record<Message['type'], Check>> = {
  generate: object(generate),
  abort: object({ rid: string }),
  abort_all: () => true,
  stopped: object({ rid: string }),
  pause: object({
    callId: number,
    mode: (mode) => mode === 'abort' || mode === 'retract' || mode === 'in_place',
  }),
  continue: call,
  flush_cache: call,
  get_internal_state: call,
  token_outputs: object({
    outputs: listOf(
      object({ ...output, start: nullOr(object({ decode: decodeParams, promptTail: tokens })) }),
    ),
  }),
  text_outputs: object({ outputs: listOf(object({ ...output, text: string })) }),
  heartbeat: object({
    state: object({ running: number, queued: number, forwardCount: number, busyMs: number }),
  }),
  control_reply: object({ callId: number, result: object({ of: string }) }),
};

/** Whether a message has the fields of its type. Unknown types have none. */
export function isWellFormed(message: { readonly type: string }): boolean {
  return Object.hasOwn(CHECKS, message.type) && CHECKS[message.type as Message['type']](message);
}
