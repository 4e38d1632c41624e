import type { Parsing } from '../tool-parser';
import type { Step } from './source';

/**
 * Gives text out up to a mark, which is read but not accounted for. Whitespace that stands between text and a call, or between
 * calls, is part of neither; it waits for what comes after it.
 * @returns the mark; null at the end of the text
 */
export function* prose({ source, writer }: Parsing, ...marks: readonly string[]): Step<string | null> {
  let spaces = '';
  for (;;) {
    const mark = source.readTo(marks);
    const text = source.take();
    const end = text.trimEnd().length;
    if (end > 0) {
      writer.text(spaces + text.slice(0, end));
      spaces = '';
    }
    spaces += text.slice(end);
    if (mark !== null) {
      source.untake(spaces);
      source.advance(mark.length);
      return mark;
    }
    if (!(yield* source.more())) break;
  }
  if (!writer.isAfterCall) writer.text(spaces);
  return null;
}
