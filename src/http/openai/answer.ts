import type { AnswerPiece, ReasoningSplitter } from '../../reasoning/splitter';

/** What a client is told of an answer, piece by piece. */
export type AnswerEvent = AnswerPiece;

/** How the answers to one request are read. */
export interface AnswerForm {
  /** Tells thought from answer; null where it is all answer. */
  readonly splitter: (() => ReasoningSplitter) | null;
  /** The token that ends thoughts; null where that takes several. */
  readonly reasoningEnd: number | null;
  /** Whether thoughts are given out as they come, or at once when they have ended. */
  readonly streamsReasoning: boolean;
}

/** One choice's text on its way to the client. */
export class AnswerReader {
  private readonly splitter: ReasoningSplitter | null;
  private withheld = '';
  private tokens = 0;
  private isThinking: boolean;
  private hasThought = false;

  constructor(private readonly form: AnswerForm) {
    this.splitter = form.splitter?.() ?? null;
    this.isThinking = this.splitter !== null;
  }

  /** Tokens up to the end of the thoughts, that end included. */
  get reasoningTokens(): number {
    return this.hasThought ? this.tokens : 0;
  }

  /** @param ids tokens that the text came with */
  push(text: string, ids: readonly number[]): AnswerEvent[] {
    if (this.splitter === null) return text === '' ? [] : [{ type: 'text', text }];
    const events = this.splitter.push(text);
    this.count(events, ids);
    return this.form.streamsReasoning ? events : this.withhold(events, false);
  }

  finish(): AnswerEvent[] {
    const events = this.splitter?.finish() ?? [];
    this.count(events, []);
    return this.form.streamsReasoning ? events : this.withhold(events, true);
  }

  private count(events: readonly AnswerEvent[], ids: readonly number[]): void {
    this.hasThought ||= events.some(({ type }) => type === 'reasoning');
    if (!this.isThinking) return;
    const { reasoningEnd } = this.form;
    const end = reasoningEnd === null ? -1 : ids.indexOf(reasoningEnd);
    this.tokens += end < 0 ? ids.length : end + 1;
    this.isThinking = reasoningEnd === null ? !events.some(({ type }) => type === 'text') : end < 0;
  }

  private withhold(events: readonly AnswerEvent[], isLast: boolean): AnswerEvent[] {
    const out: AnswerEvent[] = [];
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
