import { assertNever, bug } from '../../core/errors';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import type { AnswerEvent, AnswerForm } from '../chat/answer';
import { chatEvents, wholeAnswer } from '../chat/chat-events';
import type { ChoiceEnd } from '../chat/choice-end';
import type { TokenCounts } from '../chat/choice-news';

/** What a message is told with. */
export interface MessageContext {
  readonly id: string;
  /** As the client called it. */
  readonly model: string;
  readonly form: AnswerForm;
  readonly stopSequences: readonly string[];
  /** Whether blocks of thought keep their text to themselves (`thinking.display` omitted). */
  readonly hidesThoughts: boolean;
}

/** A message in one piece: thought, text, calls. */
export function messageReply(result: GenerateResult, context: MessageContext): object {
  const { id, model, form, hidesThoughts } = context;
  const { text, reasoning, calls, end, counts } = wholeAnswer(result, form);
  const content = [
    ...(reasoning === null ? [] : [thinkingBlock(hidesThoughts ? '' : reasoning)]),
    ...(text === '' && calls.length > 0 ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, arguments: json }) => ({
      type: 'tool_use',
      id,
      name,
      input: parseInput(json),
    })),
  ];
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    ...stopOf(end, context),
    usage: { ...inputUsage(counts), output_tokens: counts.completionTokens },
  };
}

function thinkingBlock(thinking: string): object {
  // Clients' types ask for a signature; there is nobody here who would check one.
  return { type: 'thinking', thinking, signature: '' };
}

/** The model may have broken off within the arguments. */
function parseInput(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

function stopOf({ finish_reason, matched_stop }: ChoiceEnd, { stopSequences }: MessageContext): object {
  const stop = (stop_reason: string, stop_sequence: string | null = null) => ({ stop_reason, stop_sequence });
  switch (finish_reason) {
    case 'length':
      return stop('max_tokens');
    case 'tool_calls':
      return stop('tool_use');
    case 'stop':
      if (typeof matched_stop !== 'string' || !stopSequences.includes(matched_stop)) return stop('end_turn');
      return stop('stop_sequence', matched_stop);
    case 'abort':
      return stop('end_turn');
    case null:
      throw bug('a message without an end');
    default:
      return assertNever(finish_reason);
  }
}

function inputUsage({ promptTokens, cachedTokens }: TokenCounts): object {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  };
}

/** A block that is being told. */
interface OpenBlock {
  readonly kind: 'thinking' | 'text' | 'tool_use';
  readonly index: number;
}

/** Opens and closes blocks as pieces of an answer come in: one is open at a time. */
class Blocks {
  private open: OpenBlock | null = null;
  private count = 0;

  constructor(private readonly hidesThoughts: boolean) {}

  *push(piece: AnswerEvent): Generator<object> {
    switch (piece.type) {
      case 'reasoning': {
        const index = yield* this.within('thinking', { type: 'thinking', thinking: '', signature: '' });
        if (!this.hidesThoughts) yield delta(index, { type: 'thinking_delta', thinking: piece.text });
        return;
      }
      case 'text':
        // What stands between calls is mostly a line break.
        if (this.open?.kind !== 'text' && this.count > 0 && piece.text.trim() === '') return;
        yield delta(yield* this.within('text', { type: 'text', text: '' }), {
          type: 'text_delta',
          text: piece.text,
        });
        return;
      case 'call':
        yield* this.close();
        yield* this.within('tool_use', { type: 'tool_use', id: piece.id, name: piece.name, input: {} });
        return;
      case 'arguments':
        if (this.open?.kind !== 'tool_use') throw bug('arguments without a call');
        yield delta(this.open.index, { type: 'input_json_delta', partial_json: piece.text });
        return;
      default:
        return assertNever(piece);
    }
  }

  /** Closes what is open; a message without any block gets an empty one. */
  *finish(): Generator<object> {
    if (this.count === 0) yield* this.within('text', { type: 'text', text: '' });
    yield* this.close();
  }

  private *within(kind: OpenBlock['kind'], block: object): Generator<object, number> {
    if (this.open?.kind === kind) return this.open.index;
    yield* this.close();
    this.open = { kind, index: this.count++ };
    yield { type: 'content_block_start', index: this.open.index, content_block: block };
    return this.open.index;
  }

  *close(): Generator<object> {
    if (this.open === null) return;
    const { index, kind } = this.open;
    if (kind === 'thinking') yield delta(index, { type: 'signature_delta', signature: '' });
    yield { type: 'content_block_stop', index };
    this.open = null;
  }
}

function delta(index: number, of: object): object {
  return { type: 'content_block_delta', index, delta: of };
}

/**
 * The events of a stream.
 * @param errorEvent tells the client of what goes wrong after the first event
 * @throws what `chatEvents` throws before the first event
 */
export async function* messageEvents(
  job: GenerateJob,
  context: MessageContext,
  errorEvent: (error: unknown) => object,
): AsyncGenerator<object> {
  const blocks = new Blocks(context.hidesThoughts);
  let counts: TokenCounts | null = null;
  try {
    for await (const event of chatEvents(job, context.form)) {
      switch (event.type) {
        case 'counts':
          counts = event.counts;
          break;
        case 'begin':
          yield messageStart(context, known(counts));
          break;
        case 'answer':
          if (event.piece !== null) yield* blocks.push(event.piece);
          break;
        case 'end':
          yield* blocks.finish();
          yield {
            type: 'message_delta',
            delta: stopOf(event.end, context),
            usage: { ...inputUsage(known(counts)), output_tokens: known(counts).completionTokens },
          };
          yield { type: 'message_stop' };
          break;
        default:
          assertNever(event);
      }
    }
  } catch (error) {
    if (counts === null) throw error;
    yield* blocks.close();
    yield errorEvent(error);
    yield { type: 'message_stop' };
  }
}

function known(counts: TokenCounts | null): TokenCounts {
  if (counts === null) throw bug('an event of a chat before its counts');
  return counts;
}

function messageStart({ id, model }: MessageContext, counts: TokenCounts): object {
  return {
    type: 'message_start',
    message: {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...inputUsage(counts), output_tokens: 0 },
    },
  };
}
