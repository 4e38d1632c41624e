import { randomUUID } from 'node:crypto';
import { assertNever, bug } from '../../core/errors';
import type { AnswerEvent } from '../chat/answer';
import type { ChatLogprobs } from '../openai/logprobs';
import type { OutputItem } from './response-object';

/** An event of a stream, without its place in it. */
export type OutputEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

type Token = ChatLogprobs['content'][number];

/** The item that grows. */
interface Growing {
  readonly kind: OutputItem['type'];
  readonly id: string;
  readonly index: number;
  text: string;
  readonly logprobs: Token[];
  /** Of a function call. */
  readonly call: { readonly id: string; readonly name: string } | null;
}

/**
 * Makes items of the pieces of an answer, and says how they grow: one is closed before the next opens. A whole answer goes the
 * same way, so that it has the items of its stream.
 */
export class Output {
  /** Those that are closed. */
  readonly items: OutputItem[] = [];
  private growing: Growing | null = null;

  /** @param isSummary whether thoughts are told as their summary (`reasoning.summary`) */
  constructor(private readonly isSummary: boolean) {}

  /** @param logprobs of the tokens that the piece came with; null where none were asked for */
  *push(piece: AnswerEvent | null, logprobs: ChatLogprobs | null): Generator<OutputEvent> {
    if (piece !== null) yield* this.pushPiece(piece);
    if (this.growing?.kind === 'message') this.growing.logprobs.push(...(logprobs?.content ?? []));
  }

  /** Closes what is open. @param isComplete whether the model came to an end */
  *finish(isComplete: boolean): Generator<OutputEvent> {
    yield* this.close(isComplete ? 'completed' : 'incomplete');
  }

  private *pushPiece(piece: AnswerEvent): Generator<OutputEvent> {
    switch (piece.type) {
      case 'reasoning': {
        const item = yield* this.within('reasoning');
        item.text += piece.text;
        const type = this.isSummary
          ? 'response.reasoning_summary_text.delta'
          : 'response.reasoning_text.delta';
        yield { type, ...this.place(item), delta: piece.text };
        return;
      }
      case 'text': {
        // What stands between calls is mostly a line break.
        if (this.growing?.kind === 'function_call' && piece.text.trim() === '') return;
        const item = yield* this.within('message');
        item.text += piece.text;
        yield { type: 'response.output_text.delta', ...this.place(item), delta: piece.text, logprobs: [] };
        return;
      }
      case 'call':
        yield* this.close('completed');
        yield* this.open('function_call', { id: piece.id, name: piece.name });
        return;
      case 'arguments': {
        const item = this.growing;
        if (item?.kind !== 'function_call') throw bug('arguments without a call');
        item.text += piece.text;
        const { id: item_id, index: output_index } = item;
        yield { type: 'response.function_call_arguments.delta', item_id, output_index, delta: piece.text };
        return;
      }
      default:
        assertNever(piece);
    }
  }

  private *within(kind: 'reasoning' | 'message'): Generator<OutputEvent, Growing> {
    if (this.growing?.kind === kind) return this.growing;
    yield* this.close('completed');
    return yield* this.open(kind, null);
  }

  private *open(kind: Growing['kind'], call: Growing['call']): Generator<OutputEvent, Growing> {
    const id = `${PREFIXES[kind]}_${randomUUID().replaceAll('-', '')}`;
    const item: Growing = { kind, id, index: this.items.length, text: '', logprobs: [], call };
    this.growing = item;
    yield {
      type: 'response.output_item.added',
      output_index: item.index,
      item: { ...this.itemOf(item, 'in_progress'), ...EMPTY[kind] },
    };
    if (kind !== 'function_call')
      yield { type: this.partEvent(item, 'added'), ...this.place(item), part: this.partOf(item, '') };
    return item;
  }

  private *close(status: 'completed' | 'incomplete'): Generator<OutputEvent> {
    const { growing: item } = this;
    if (item === null) return;
    const { kind, text, call, id: item_id, index: output_index } = item;
    if (kind === 'function_call') {
      const type = 'response.function_call_arguments.done';
      yield { type, item_id, output_index, name: call?.name, arguments: text };
    } else {
      const logprobs = kind === 'message' ? { logprobs: [] } : {};
      yield { type: this.textEvent(kind), ...this.place(item), text, ...logprobs };
      yield { type: this.partEvent(item, 'done'), ...this.place(item), part: this.partOf(item, text) };
    }
    const done = this.itemOf(item, status);
    this.growing = null;
    this.items.push(done);
    yield { type: 'response.output_item.done', output_index, item: done };
  }

  private textEvent(kind: 'reasoning' | 'message'): string {
    if (kind === 'message') return 'response.output_text.done';
    return this.isSummary ? 'response.reasoning_summary_text.done' : 'response.reasoning_text.done';
  }

  private partEvent({ kind }: Growing, what: 'added' | 'done'): string {
    const isSummary = kind === 'reasoning' && this.isSummary;
    return isSummary ? `response.reasoning_summary_part.${what}` : `response.content_part.${what}`;
  }

  private place({ kind, id, index }: Growing): object {
    const isSummary = kind === 'reasoning' && this.isSummary;
    return { item_id: id, output_index: index, [isSummary ? 'summary_index' : 'content_index']: 0 };
  }

  private partOf({ kind, logprobs }: Growing, text: string): object {
    if (kind === 'reasoning') return { type: this.isSummary ? 'summary_text' : 'reasoning_text', text };
    return { type: 'output_text', text, annotations: [], logprobs: logprobs.length === 0 ? null : logprobs };
  }

  private itemOf(item: Growing, status: OutputItem['status']): OutputItem {
    const { kind, id, text, call } = item;
    switch (kind) {
      case 'reasoning': {
        const part = [this.partOf(item, text)];
        const [summary, content] = this.isSummary ? [part, []] : [[], part];
        return { id, type: kind, summary, content, status };
      }
      case 'message':
        return { id, type: kind, role: 'assistant', content: [this.partOf(item, text)], status };
      case 'function_call':
        return { id, type: kind, call_id: call?.id, name: call?.name, arguments: text, status };
      default:
        return assertNever(kind);
    }
  }
}

const PREFIXES = { reasoning: 'rs', message: 'msg', function_call: 'fc' } as const;
/** What items hold of themselves when they open: parts are added by events. */
const EMPTY = {
  reasoning: { summary: [], content: [] },
  message: { content: [] },
  function_call: {},
} as const;
