import type { Mark, Thinking } from '../core/thinking';
import { ThoughtTracker } from '../core/thinking';
import { parserOfTemplate, REASONING_PARSERS, type ReasoningParser } from '../reasoning/parsers';
import type { Tokenizer } from '../tokenizer/tokenizer';
import type { ServerArgs } from '../server-args/server-args';
import type { ThoughtsBefore } from './generate-request';

/** What is known of the thoughts of this server's model. */
export interface Reasoning {
  readonly parser: ReasoningParser;
  /** Whether its marks are special tokens, which must not be left out of a text that is to be split. */
  readonly isSpecial: boolean;
  readonly start: Mark;
  readonly end: Mark;
}

/**
 * What `--reasoning-parser` says.
 * @param template the model's chat template, where `auto` looks; null without one
 * @returns null without the flag, without a tokenizer, and where `auto` finds a template without thoughts
 */
export function readReasoning(
  wanted: ServerArgs['reasoningParser'],
  template: string | null,
  tokenizer: Tokenizer | null,
): Reasoning | null {
  const name = wanted === 'auto' ? parserOfTemplate(template ?? '') : wanted;
  if (name === null || tokenizer === null) return null;
  const parser: ReasoningParser = REASONING_PARSERS[name];
  const { thoughts } = parser;
  const markOf = (text: string): Mark => ({
    text,
    ids: tokenizer.encode(text, { addSpecialTokens: false }),
  });
  const [first = -1] = markOf(thoughts.end).ids;
  const isSpecial = first >= 0 && tokenizer.decode([first], { skipSpecialTokens: true }) === '';
  return { parser, isSpecial, start: markOf(thoughts.start), end: markOf(thoughts.end) };
}

/** What the prompt of a request says of thoughts. */
export interface ThoughtfulPrompt {
  /** The end of it, as text; null where only its ids are known. */
  readonly text: string | null;
  readonly ids: ArrayLike<number>;
  /** How many characters at the end of its text are part of the answer. */
  readonly begunLength: number;
  readonly thoughtsBefore: ThoughtsBefore;
  /** Whether there is a grammar that waits for the end of thoughts. */
  readonly isGrammarAfter: boolean;
}

/** Tokens of a prompt that are looked at where its text is not known, or too short to say it all. */
const TAIL = 32;
const SHORT = 64;

/** How a model is going to think after a prompt, with no limit; null where it is not. */
export function thinkingAfter(
  { parser, start, end }: Reasoning,
  { text, ids, begunLength, thoughtsBefore, isGrammarAfter }: ThoughtfulPrompt,
  tokenizer: Tokenizer,
): Pick<Thinking, 'isBegun' | 'start' | 'end' | 'otherEnds' | 'isGrammarAfter'> | null {
  const isText = text !== null && (text.length >= SHORT || begunLength > 0);
  const whole = isText ? text : tokenizer.decode(lastOf(ids, TAIL), { skipSpecialTokens: false });
  const prompt = whole.slice(0, whole.length - begunLength);
  const { thoughts } = parser;
  // What interrupts thoughts is no answer that a grammar knows.
  const otherEnds = [...(thoughts.otherEnds ?? []), ...(isGrammarAfter ? [] : (thoughts.interrupts ?? []))];
  const tracker = new ThoughtTracker(
    { start: thoughts.start, ends: [thoughts.end, ...otherEnds] },
    parser.phaseAfter(prompt),
  );
  tracker.push(whole.slice(prompt.length));
  if (tracker.phase === 'after') return null;
  const isBegun = tracker.phase === 'inside' || thoughtsBefore === 'required';
  return { isBegun, start, end, otherEnds, isGrammarAfter };
}

function lastOf(ids: ArrayLike<number>, count: number): number[] {
  const from = Math.max(0, ids.length - count);
  return Array.from({ length: ids.length - from }, (_, i) => ids[from + i] as number);
}
