/**
 * How many characters at the end of a text may be the beginning of a marker that is not complete yet.
 * @param markers none of which the text contains
 */
export function heldBack(text: string, markers: readonly string[]): number {
  const longest = Math.min(text.length, Math.max(0, ...markers.map(({ length }) => length - 1)));
  for (let length = longest; length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (markers.some((marker) => marker.length > length && marker.startsWith(tail))) return length;
  }
  return 0;
}
