import { pieces, type AnswerPiece, type ReasoningSplitter } from '../../reasoning/splitter';
import type { ParserEvent, ToolParser } from '../../tool-calls/tool-parser';

/** What a client is told of an answer, piece by piece. */
export type AnswerEvent = AnswerPiece | ParserEvent;

/** How the answers to one request are read. */
export interface AnswerForm {
  /** Tells thought from answer; null where it is all answer. */
  readonly splitter: (() => ReasoningSplitter) | null;
  /** The token that ends thoughts; null where that takes several. */
  readonly reasoningEnd: number | null;
  /** Finds the calls of tools in what is no thought; null where no tool may be called. */
  readonly toolParser: (() => ToolParser) | null;
  /** Whether thoughts are given out as they come, or at once when they have ended. */
  readonly streamsReasoning: boolean;
}

/** One choice's text on its way to the client. */
export class AnswerReader {
  private readonly splitter: ReasoningSplitter | null;
  private readonly toolParser: ToolParser | null;
  private withheld = '';
  private tokens = 0;
  private isThinking: boolean;
  private hasThought = false;

  constructor(private readonly form: AnswerForm) {
    this.splitter = form.splitter?.() ?? null;
    this.toolParser = form.toolParser?.() ?? null;
    this.isThinking = this.splitter !== null;
  }

  /** Tokens up to the end of the thoughts, that end included. */
  get reasoningTokens(): number {
    return this.hasThought ? this.tokens : 0;
  }

  /** @param ids tokens that the text came with */
  push(text: string, ids: readonly number[]): AnswerEvent[] {
    const fresh = this.splitter?.push(text) ?? pieces('text', text);
    this.count(fresh, ids);
    return this.findCalls(this.form.streamsReasoning ? fresh : this.withhold(fresh, false));
  }

  finish(): AnswerEvent[] {
    const fresh = this.splitter?.finish() ?? [];
    this.count(fresh, []);
    const events = this.findCalls(this.form.streamsReasoning ? fresh : this.withhold(fresh, true));
    return [...events, ...(this.toolParser?.finish() ?? [])];
  }

  private findCalls(found: readonly AnswerPiece[]): AnswerEvent[] {
    const { toolParser } = this;
    if (toolParser === null) return [...found];
    return found.flatMap((piece): AnswerEvent[] =>
      piece.type === 'text' ? toolParser.push(piece.text) : [piece],
    );
  }

  private count(events: readonly AnswerPiece[], ids: readonly number[]): void {
    this.hasThought ||= events.some(({ type }) => type === 'reasoning');
    if (!this.isThinking) return;
    const { reasoningEnd } = this.form;
    const end = reasoningEnd === null ? -1 : ids.indexOf(reasoningEnd);
    this.tokens += end < 0 ? ids.length : end + 1;
    this.isThinking = reasoningEnd === null ? !events.some(({ type }) => type === 'text') : end < 0;
  }

  private withhold(events: readonly AnswerPiece[], isLast: boolean): AnswerPiece[] {
    const out: AnswerPiece[] = [];
    const release = () => {
      if (this.withheld !== '') out.push({ type: 'reasoning', text: this.withheld });
      this.withheld = '';
    };
    for (const event of events) {
      if (event.type === 'reasoning') this.withheld += event.text;
      else {
        release();
        out.push(event);
      }
    }
    if (isLast) release();
    return out;
  }
}
