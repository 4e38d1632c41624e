/** A rule of a grammar as the engine prints it. */
export interface Rule {
  readonly name: string;
  readonly body: string;
}

/** The rules of a grammar that the engine printed; null where that is not understood. */
export function splitRules(source: string): readonly Rule[] | null {
  const rules: Rule[] = [];
  for (const text of source.split(/\n(?=[\w.]+ ::= )/)) {
    const [, name, body] = /^([\w.]+) ::= ([^]*)$/.exec(text.trim()) ?? [];
    if (name === undefined || body === undefined) return null;
    rules.push({ name, body });
  }
  return rules;
}

/** Texts, classes of characters, and words, of which some are names of rules. */
const WORD = /("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[\w.]+)/;
/** What the engine calls the rules that grammars begin with. That of the whole is the one that no other uses. */
const ROOT = /^root(?:_\d+)?$/;

/** A grammar, and the rule that it begins with. */
export interface RootedGrammar {
  readonly source: string;
  readonly root: string;
}

/**
 * A structural tag's rules with each that means the same written once. The engine writes those of every part anew, and compiles
 * each of them.
 * @returns null where it is not clear how the rules begin
 */
export function mergeRules(source: string): RootedGrammar | null {
  const rules = splitRules(source)?.map(({ name, body }) => ({ name, words: body.split(WORD) })) ?? [];
  const names = new Set(rules.map(({ name }) => name));
  const used = new Set(rules.flatMap(({ words }) => words));
  const [root, ...others] = [...names].filter((name) => ROOT.test(name) && !used.has(name));
  if (root === undefined || others.length > 0) return null;
  // All rules count as the same until they are found to differ, in themselves or in the rules they name.
  let merged = new Map(rules.map(({ name }) => [name, root]));
  const write = (words: readonly string[]) => words.map((word) => merged.get(word) ?? word).join('');
  for (let count = 0; ;) {
    const first = new Map<string, string>();
    const next = new Map<string, string>();
    for (const { name, words } of rules) {
      const body = write(words);
      first.set(body, first.get(body) ?? name);
      next.set(name, first.get(body) ?? name);
    }
    merged = next;
    if (first.size === count) break;
    count = first.size;
  }
  const kept = rules.filter(({ name }) => merged.get(name) === name);
  return {
    source: kept.map(({ name, words }) => `${name} ::= ${write(words)}`).join('\n'),
    root: merged.get(root) ?? root,
  };
}
