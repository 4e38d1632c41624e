import { pieces, type AnswerPiece, type ReasoningSplitter } from '../../reasoning/splitter';
import type { ParserEvent, ToolParser } from '../../tool-calls/tool-parser';

/** What a client is told of an answer, piece by piece. */
export type AnswerEvent = AnswerPiece | ParserEvent;

/** How the answers to one request are read. */
export interface AnswerForm {
  /** Tells thought from answer; null where it is all answer. */
  readonly splitter: (() => ReasoningSplitter) | null;
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

  constructor(private readonly form: AnswerForm) {
    this.splitter = form.splitter?.() ?? null;
    this.toolParser = form.toolParser?.() ?? null;
  }

  push(text: string): AnswerEvent[] {
    const fresh = this.splitter?.push(text) ?? pieces('text', text);
    return this.findCalls(this.form.streamsReasoning ? fresh : this.withhold(fresh, false));
  }

  finish(): AnswerEvent[] {
    const fresh = this.splitter?.finish() ?? [];
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
