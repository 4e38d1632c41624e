import { assertNever } from '../../core/errors';
import type { PositionLogprobs } from '../../core/request';
import type { GenerateJob } from '../../tokenizer-manager';
import type { ToolCall } from '../../tool-calls/whole-text';
import type { AnswerEvent, AnswerForm } from '../chat/answer';
import { chatEvents } from '../chat/chat-events';
import type { TokenCounts } from '../chat/choice-news';
import { chatLogprobs, type TextOf } from '../openai/logprobs';

/** A call as Ollama has it: the arguments are an object. */
interface OllamaCall {
  readonly id: string;
  readonly function: { readonly index: number; readonly name: string; readonly arguments: unknown };
}

/** What one line adds to an answer. */
export interface AnswerPart {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly OllamaCall[];
  readonly logprobs: readonly object[];
  /** What the last line says besides; null before. */
  readonly end: AnswerSums | null;
}

export interface AnswerSums {
  readonly done_reason: string;
  /** Nanoseconds, as all durations. */
  readonly total_duration: number;
  readonly load_duration: number;
  readonly prompt_eval_count: number;
  readonly prompt_eval_duration: number;
  readonly eval_count: number;
  readonly eval_duration: number;
}

const NOTHING: AnswerPart = { text: '', thinking: '', calls: [], logprobs: [], end: null };

interface Source {
  readonly job: GenerateJob;
  readonly form: AnswerForm;
  readonly textOf: TextOf;
  /** By `performance.now()`. */
  readonly receivedAt: number;
}

/** An answer as it grows. The last part has `end`. @throws RequestError as `chatEvents` */
export async function* answerParts({ job, form, textOf, receivedAt }: Source): AsyncGenerator<AnswerPart> {
  const calls = new CallCollector();
  const logprobs: PositionLogprobs[] = [];
  let counts: TokenCounts | null = null;
  let firstAt: number | null = null;
  const take = () => chatLogprobs(logprobs.splice(0), textOf).content;
  for await (const event of chatEvents(job, form)) {
    switch (event.type) {
      case 'begin':
        break;
      case 'counts':
        firstAt ??= performance.now();
        counts = event.counts;
        break;
      case 'answer':
        logprobs.push(...(event.logprobs ?? []));
        for (const part of event.piece === null ? [] : calls.push(event.piece)) {
          yield { ...part, logprobs: take() };
        }
        break;
      case 'end': {
        for (const part of calls.finish()) yield { ...part, logprobs: take() };
        const reason = event.end.finish_reason ?? 'stop';
        const sums = sumsOf(counts, { receivedAt, firstAt: firstAt ?? receivedAt });
        // Ollama has no word of its own for calls.
        const end = { done_reason: reason === 'tool_calls' ? 'stop' : reason, ...sums };
        yield { ...NOTHING, logprobs: take(), end };
        break;
      }
      default:
        assertNever(event);
    }
  }
}

/** All parts as one. @throws RequestError as `answerParts` */
export async function wholeAnswerPart(parts: AsyncIterable<AnswerPart>): Promise<AnswerPart> {
  let whole = NOTHING;
  for await (const { text, thinking, calls, logprobs, end } of parts) {
    whole = {
      text: whole.text + text,
      thinking: whole.thinking + thinking,
      calls: [...whole.calls, ...calls],
      logprobs: [...whole.logprobs, ...logprobs],
      end,
    };
  }
  return whole;
}

/** Has each call come out in one piece, once its arguments are there. */
class CallCollector {
  private open: ToolCall | null = null;
  private count = 0;

  push(piece: AnswerEvent): AnswerPart[] {
    switch (piece.type) {
      case 'text':
        return [...this.finish(), { ...NOTHING, text: piece.text }];
      case 'reasoning':
        return [...this.finish(), { ...NOTHING, thinking: piece.text }];
      case 'call': {
        const done = this.finish();
        this.open = { id: piece.id, name: piece.name, arguments: '' };
        return done;
      }
      case 'arguments':
        if (this.open !== null) this.open = { ...this.open, arguments: this.open.arguments + piece.text };
        return [];
      default:
        return assertNever(piece);
    }
  }

  finish(): AnswerPart[] {
    if (this.open === null) return [];
    const { id, name, arguments: text } = this.open;
    this.open = null;
    const called = { index: this.count++, name, arguments: JSON.parse(text || '{}') as unknown };
    return [{ ...NOTHING, calls: [{ id, function: called }] }];
  }
}

function sumsOf(
  counts: TokenCounts | null,
  { receivedAt, firstAt }: { readonly receivedAt: number; readonly firstAt: number },
): Omit<AnswerSums, 'done_reason'> {
  const now = performance.now();
  return {
    total_duration: nanoseconds(now - receivedAt),
    load_duration: 0,
    prompt_eval_count: counts?.promptTokens ?? 0,
    prompt_eval_duration: nanoseconds(firstAt - receivedAt),
    eval_count: counts?.completionTokens ?? 0,
    eval_duration: nanoseconds(now - firstAt),
  };
}

/** At least 1: clients divide by it. */
export function nanoseconds(ms: number): number {
  return Math.max(1, Math.round(ms * 1e6));
}
