import { parserOfTemplate, REASONING_PARSERS, type ReasoningParser } from '../../reasoning/parsers';
import type { ReasoningSplitter } from '../../reasoning/splitter';
import type { ChatPrompt } from '../../chat-template';
import type { Tokenizer } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';

/** How this server tells the thoughts of its model from its answers. */
export interface ReasoningSetup {
  readonly parser: ReasoningParser;
  /** The token that ends thoughts; null where that takes several. */
  readonly endToken: number | null;
  /** Whether the marks are special tokens, which must not be left out of the text then. */
  readonly isSpecial: boolean;
}

/** What `--reasoning-parser` sets up; null without it, and where `auto` finds a template without thoughts. */
export function reasoningSetup({ args, chat, manager }: AppDeps): ReasoningSetup | null {
  const wanted = args.reasoningParser;
  if (wanted === null) return null;
  const name = wanted === 'auto' ? parserOfTemplate(chat?.source ?? '') : wanted;
  if (name === null) return null;
  const parser: ReasoningParser = REASONING_PARSERS[name];
  const { tokenizer } = manager;
  if (tokenizer === null) return { parser, endToken: null, isSpecial: false };
  const end = parser.marks?.end ?? '<|channel|>';
  const [endToken = null, ...more] = tokenizer.encode(end, { addSpecialTokens: false });
  const isSpecial = more.length === 0 && isHidden(endToken, tokenizer);
  return { parser, endToken: parser.marks === null || more.length > 0 ? null : endToken, isSpecial };
}

function isHidden(id: number | null, tokenizer: Tokenizer): boolean {
  return id !== null && tokenizer.decode([id], { skipSpecialTokens: true }) === '';
}

/** A splitter for each answer to a prompt, which may have begun the answer. */
export function splitterFor(
  { parser }: ReasoningSetup,
  { text, begun }: ChatPrompt,
): () => ReasoningSplitter {
  const prompt = text.slice(0, text.length - begun.length);
  return () => {
    const splitter = parser.splitter(prompt);
    splitter.push(begun);
    return splitter;
  };
}
