/** What may begin a word, and what begins the name of a special token. */
const STOPS = [...'<\x02'].map(escape).join('');

/**
 * Rules for a text in which none of some words occurs, special tokens neither.
 * @param words each begins with `<`, and has it nowhere else
 */
export function textWithout(words: readonly string[]): string {
  const rules = [...prefixesOf(words)].map(([prefix, next]) => ruleOf(prefix, next));
  return [`root ::= [^${STOPS}]* | [^${STOPS}]* "<" ${nameOf('<')}`, ...rules].join('\n');
}

/** What may follow each beginning of a word, by its characters: true where that makes the word whole. */
function prefixesOf(words: readonly string[]): Map<string, Map<string, boolean>> {
  const prefixes = new Map<string, Map<string, boolean>>();
  for (const word of words) {
    const letters = [...word];
    letters.slice(1).forEach((letter, i) => {
      const prefix = letters.slice(0, i + 1).join('');
      const next = prefixes.get(prefix) ?? new Map<string, boolean>();
      prefixes.set(prefix, next.set(letter, next.get(letter) === true || i + 2 === letters.length));
    });
  }
  return prefixes;
}

/** The text after the beginning of a word: it ends, begins another word, goes on with this one, or is anything else. */
function ruleOf(prefix: string, next: ReadonlyMap<string, boolean>): string {
  const going = [...next].flatMap(([letter, isWhole]) =>
    isWhole ? [] : [`"${escape(letter)}" ${nameOf(prefix + letter)}`],
  );
  const others = `[^${STOPS}${[...next.keys()].map(escape).join('')}] root`;
  return `${nameOf(prefix)} ::= "" | "<" ${nameOf('<')} | ${[...going, others].join(' | ')}`;
}

function nameOf(prefix: string): string {
  return `after_${Buffer.from(prefix).toString('hex')}`;
}

/** A character for a text or a class of characters. Shorter ways would take what follows for more of it. */
function escape(letter: string): string {
  return `\\U${(letter.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
}
