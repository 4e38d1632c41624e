/** Words by their characters. */
interface Trie {
  /** What may come next; null where that ends a word. */
  readonly next: ReadonlyMap<string, Trie | null>;
}

/**
 * Rules for a text in which none of some words occurs, special tokens neither. They do without recursion, which would take the
 * engine many times as long.
 * @param words each begins with `<`, and has it nowhere else
 */
export function textWithout(words: readonly string[]): string {
  const trie = trieOf(words.map((word) => [...word].slice(1)));
  return [
    // Beginnings of words end with the next beginning, with a character that no word goes on with, or with the text.
    `root ::= [^${STOPS}]* (begun* other [^${STOPS}]*)* begun*`,
    `begun ::= "<" ${going(trie)}`,
    `other ::= "<" ${leaving(trie)}`,
  ].join('\n');
}

function trieOf(words: readonly (readonly string[])[]): Trie {
  const next = new Map<string, Trie | null>();
  for (const letter of new Set(words.map(([first = '']) => first))) {
    const rests = words.filter(([first]) => first === letter).map(([, ...rest]) => rest);
    next.set(letter, rests.some((rest) => rest.length === 0) ? null : trieOf(rests));
  }
  return { next };
}

/** Goes on with a word for a while, not to its end. */
function going(trie: Trie): string {
  const ways = waysOn(trie, going);
  return ways.length === 0 ? '""' : `(${ways.join(' | ')})?`;
}

/** Goes on with a word for a while, and then with a character that is not its next. */
function leaving(trie: Trie): string {
  const others = `[^${STOPS}${[...trie.next.keys()].map(escape).join('')}]`;
  return `(${[others, ...waysOn(trie, leaving)].join(' | ')})`;
}

function waysOn({ next }: Trie, then: (rest: Trie) => string): string[] {
  return [...next].flatMap(([letter, rest]) => (rest === null ? [] : [`"${escape(letter)}" ${then(rest)}`]));
}

/** A character for a text or a class of characters. Shorter ways would take what follows for more of it. */
function escape(letter: string): string {
  return `\\U${(letter.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`;
}

/** What begins words, and the names of special tokens. */
const STOPS = [...'<\x02'].map(escape).join('');
