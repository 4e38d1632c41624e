import type { ReasoningSplitter } from '../../reasoning/splitter';
import type { ChatPrompt } from '../../chat-template';
import type { Reasoning } from '../../tokenizer-manager';

/**
 * A splitter for each answer to a prompt, which may have begun the answer.
 * @param isHeld whether a grammar holds what comes after the thoughts
 */
export function splitterFor(
  { parser }: Reasoning,
  { text, begun }: ChatPrompt,
  isHeld: boolean,
): () => ReasoningSplitter {
  const prompt = text.slice(0, text.length - begun.length);
  return () => {
    const splitter = parser.splitter(prompt, isHeld);
    splitter.push(begun);
    return splitter;
  };
}
