/** The first of several marks in a text, and where it stands; null where there is none. */
export function firstMark(
  text: string,
  marks: readonly string[],
): { readonly mark: string; readonly at: number } | null {
  const found = marks.map((mark) => ({ mark, at: text.indexOf(mark) })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at)[0] ?? null;
}

/**
 * How many characters at the end of a text may be the beginning of a mark that is not complete yet.
 * @param marks none of which the text contains
 */
export function heldBack(text: string, marks: readonly string[]): number {
  const longest = Math.min(text.length, Math.max(0, ...marks.map(({ length }) => length - 1)));
  for (let length = longest; length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (marks.some((mark) => mark.length > length && mark.startsWith(tail))) return length;
  }
  return 0;
}
