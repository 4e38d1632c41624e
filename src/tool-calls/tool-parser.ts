import { bug } from '../core/errors';
import { CallWriter } from './call-writer';
import { Source, type Step } from './text/source';

/** A function that a request offers to the model. */
export interface Tool {
  readonly name: string;
  /** JSON schema of its arguments; null where there is none. Formats without types of their own convert by it. */
  readonly parameters: unknown;
}

/**
 * What a parser makes of a text, in order. Texts and pieces of arguments may be cut anywhere; joined they do not depend on how
 * the text came in.
 */
export type ParserEvent =
  /** Text that belongs to no call. */
  | { readonly type: 'text'; readonly text: string }
  /** A call begins; `index` counts the calls from 0. Its arguments follow before any other event. */
  | { readonly type: 'call'; readonly index: number; readonly id: string; readonly name: string }
  /**
   * A piece of a call's arguments; together they are the JSON text of an object. `cut` where the text broke off before the
   * arguments did: this last piece then only closes what was open.
   */
  | { readonly type: 'arguments'; readonly index: number; readonly text: string; readonly cut?: true };

/** One choice's text on its way into calls. No text is lost: what is no call is text. */
export interface ToolParser {
  /** @param text what the model wrote since the last time */
  push(text: string): ParserEvent[];
  /** The end of the text: gives out what was held back. Nothing may follow. */
  finish(): ParserEvent[];
}

export interface ToolParserOptions {
  readonly tools: readonly Tool[];
  /** Whether names that no tool has make calls; they are text otherwise. Default false. */
  readonly forwardUnknown?: boolean;
  /** Calls earlier in the conversation, for formats that number theirs. Default 0. */
  readonly callsBefore?: number;
}

export type ToolParserFactory = (options: ToolParserOptions) => ToolParser;

/** What a grammar reads from and writes to. */
export interface Parsing {
  readonly source: Source;
  readonly writer: CallWriter;
}

/**
 * What a stretch of text turned out to be:
 * - `call`: it is written, and all of it that was read is accounted for
 * - `unknown`: it has the form of a call, and a name that no tool has
 * - `broken`: it is no call
 */
export type Outcome = 'call' | 'unknown' | 'broken';

/** How a format is read: a coroutine that suspends where it needs more text, and ends with the text. */
export type Grammar = (parsing: Parsing) => Step<void>;

/** How a format names its calls. @param position of the call in the conversation, from 0 */
export type CallIds = (name: string, position: number) => string;

/** The parsers of a format. @param ids without it, `call_` and 24 random hexadecimal digits */
export function parserOf(grammar: Grammar, ids?: CallIds): ToolParserFactory {
  return (options) => {
    const source = new Source();
    const writer = new CallWriter(options, ids);
    const run = grammar({ source, writer });
    run.next();
    return {
      push(text) {
        source.feed(text);
        run.next();
        return writer.take();
      },
      finish() {
        source.end();
        if (run.next().done !== true) throw bug('a tool parser waits for text after the end');
        return writer.take();
      },
    };
  };
}
