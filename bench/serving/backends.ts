import { LineReader } from './event-lines';
import type { Sample } from './datasets';
import type { Options } from './options';
import type { ReplyMeter } from './reply-meter';

/** What a reply amounted to. */
export interface Outcome {
  readonly outputLen: number;
  readonly text: string;
  /** What went wrong although the status was 200. */
  readonly error: string | null;
}

/** Reads one reply while it comes in. */
export interface ReplyReader {
  push(chunk: Buffer, now: number): void;
  /** @throws Error when the reply makes no sense */
  finish(): Outcome;
}

/** How to ask one kind of API for a completion. */
export interface Api {
  readonly path: string;
  body(sample: Sample): string;
  reader(meter: ReplyMeter): ReplyReader;
}

export function makeApi(options: Options, model: string): Api {
  switch (options.backend) {
    case 'sglang':
    case 'sglang-native':
      return nativeApi(options);
    case 'sglang-oai':
      return openaiApi(options, '/v1/completions', (prompt) => ({
        model,
        prompt,
        ...(options.returnLogprob && { logprobs: 0 }),
      }));
    case 'sglang-oai-chat':
      return openaiApi(options, '/v1/chat/completions', (prompt) => ({
        model,
        messages: [{ role: 'user', content: asText(prompt) }],
        ...(options.returnLogprob && { logprobs: true }),
      }));
  }
}

/** POST /generate: every event repeats the whole text so far, and says how many tokens it has. */
function nativeApi(options: Options): Api {
  const stream = !options.disableStream;
  return {
    path: '/generate',
    body: ({ prompt, outputLen }) =>
      JSON.stringify({
        ...(typeof prompt === 'string' ? { text: prompt } : { input_ids: prompt }),
        sampling_params: {
          temperature: 0,
          max_new_tokens: outputLen,
          ignore_eos: !options.disableIgnoreEos,
        },
        stream,
        return_logprob: options.returnLogprob,
        logprob_start_len: -1,
        ...options.extraRequestBody,
      }),
    reader: (meter) => (stream ? new NativeStreamReader(meter) : new WholeReader(nativeOutcome)),
  };
}

function asText(prompt: Sample['prompt']): string {
  if (typeof prompt === 'string') return prompt;
  throw new Error('sglang-oai-chat sends text: name a --tokenizer, or use --dataset-name sharegpt or custom');
}

/** OpenAI's routes: every event carries the text that is new. */
function openaiApi(options: Options, path: string, ask: (prompt: Sample['prompt']) => object): Api {
  const stream = !options.disableStream;
  return {
    path,
    body: ({ prompt, outputLen }) =>
      JSON.stringify({
        ...ask(prompt),
        temperature: 0,
        max_tokens: outputLen,
        ignore_eos: !options.disableIgnoreEos,
        stream,
        ...(stream ? { stream_options: { include_usage: true } } : {}),
        ...options.extraRequestBody,
      }),
    reader: (meter) => (stream ? new OpenaiStreamReader(meter) : new WholeReader(openaiOutcome)),
  };
}

const DATA = Buffer.from('data: ');
const DONE = Buffer.from('data: [DONE]');
const COMPLETION_TOKENS = Buffer.from('"completion_tokens":');

/** The payload of an event, or null for what is none. */
function payload(line: Buffer): Buffer | null {
  if (line.length <= DATA.length || DONE.equals(line) || !DATA.equals(line.subarray(0, DATA.length)))
    return null;
  return line.subarray(DATA.length);
}

/**
 * Looks for the token count only: parsing each cumulative event would take time quadratic in the output, on the cores
 * the server needs. Within a JSON string the searched text cannot occur, because its quotes would be escaped.
 */
class NativeStreamReader implements ReplyReader {
  private now = 0;
  private last: Buffer | null = null;
  private readonly lines = new LineReader((line) => {
    const event = payload(line);
    if (event === null) return;
    this.last = event;
    this.meter.note(numberAfter(event, COMPLETION_TOKENS), this.now);
  });

  constructor(private readonly meter: ReplyMeter) {}

  push(chunk: Buffer, now: number): void {
    this.now = now;
    this.lines.push(chunk);
  }

  finish(): Outcome {
    if (this.last === null) throw new Error('the stream ended without an event');
    return nativeOutcome(JSON.parse(this.last.toString()) as NativeReply);
  }
}

class OpenaiStreamReader implements ReplyReader {
  private now = 0;
  private text = '';
  private usage: number | null = null;
  private error: string | null = null;
  private readonly lines = new LineReader((line) => {
    const event = payload(line);
    if (event !== null) this.note(JSON.parse(event.toString()) as OpenaiReply);
  });

  constructor(private readonly meter: ReplyMeter) {}

  push(chunk: Buffer, now: number): void {
    this.now = now;
    this.lines.push(chunk);
  }

  finish(): Outcome {
    return { outputLen: this.usage ?? this.meter.count, text: this.text, error: this.error };
  }

  private note(event: OpenaiReply): void {
    const { outputLen, text, error } = openaiOutcome(event);
    this.error ??= error;
    if (event.usage) this.usage = outputLen;
    if (text === '') return;
    this.text += text;
    this.meter.note(this.meter.count + 1, this.now);
  }
}

/** A reply that comes in one piece. */
class WholeReader<Reply> implements ReplyReader {
  private readonly chunks: Buffer[] = [];

  constructor(private readonly outcomeOf: (reply: Reply) => Outcome) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  finish(): Outcome {
    return this.outcomeOf(JSON.parse(Buffer.concat(this.chunks).toString()) as Reply);
  }
}

interface NativeReply {
  readonly text?: string;
  readonly error?: { readonly message?: string };
  readonly meta_info?: {
    readonly completion_tokens?: number;
    readonly finish_reason?: { readonly type: string; readonly message?: string } | null;
  };
}

function nativeOutcome({ text, error, meta_info }: NativeReply): Outcome {
  return {
    outputLen: meta_info?.completion_tokens ?? 0,
    text: text ?? '',
    error: error ? (error.message ?? 'error') : endError(meta_info?.finish_reason),
  };
}

type NativeFinish = NonNullable<NativeReply['meta_info']>['finish_reason'];

function endError(finish: NativeFinish): string | null {
  if (!finish) return 'the reply ended before the request';
  return finish.type === 'abort' ? (finish.message ?? 'aborted') : null;
}

/** A completion or an answer, whole or an event of a stream. */
interface OpenaiReply {
  readonly error?: { readonly message?: string };
  readonly choices?: readonly {
    readonly text?: string;
    readonly message?: { readonly content?: string | null };
    readonly delta?: { readonly content?: string | null };
  }[];
  readonly usage?: { readonly completion_tokens?: number } | null;
}

function openaiOutcome({ error, choices, usage }: OpenaiReply): Outcome {
  return {
    outputLen: usage?.completion_tokens ?? 0,
    text:
      choices?.map(({ text, message, delta }) => text ?? message?.content ?? delta?.content ?? '').join('') ??
      '',
    error: error ? (error.message ?? 'error') : null,
  };
}

/** The whole number that follows the last `key`; 0 where there is none. */
function numberAfter(bytes: Buffer, key: Buffer): number {
  const at = bytes.lastIndexOf(key);
  if (at < 0) return 0;
  let value = 0;
  for (let i = at + key.length; i < bytes.length; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (bytes[i] !== 32) break;
  }
  return value;
}
