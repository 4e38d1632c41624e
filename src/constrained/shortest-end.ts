import { splitRules } from './rules';

/** One way to write a rule: characters of its own, and the rules it holds. */
interface Alternative {
  readonly length: number;
  readonly rules: readonly string[];
}

/** Where it is longer, reading it would take too long. */
const MAX_SOURCE = 2 ** 18;
/** Rules that are looked at again, for each there is: far more than grammars that are no trap need. */
const MAX_VISITS = 32;

/**
 * How many characters it takes to complete any rule of a grammar, at most. Text that a grammar forces is the beginning of every
 * way to complete it, so that it cannot be longer than that for each rule that is begun.
 * @param source the grammar as the engine prints it: normalized, a rule a line
 * @returns Infinity where a rule cannot be completed at all, or the source is not understood
 */
export function shortestEnd(source: string): number {
  const rules = source.length > MAX_SOURCE ? null : readRules(source);
  if (rules === null) return Infinity;
  const ends = new Map<string, number>();
  const users = usersOf(rules);
  const open = new Set(rules.keys());
  let visits = rules.size * MAX_VISITS;
  // A set hands out what is added while it is walked through.
  for (const name of open) {
    open.delete(name);
    visits -= 1;
    if (visits < 0) return Infinity;
    const end = Math.min(...(rules.get(name) ?? []).map((alternative) => endOf(alternative, ends)));
    if (end >= (ends.get(name) ?? Infinity)) continue;
    ends.set(name, end);
    for (const user of users.get(name) ?? []) open.add(user);
  }
  return Math.max(0, ...[...rules.keys()].map((name) => ends.get(name) ?? Infinity));
}

function endOf({ length, rules }: Alternative, ends: ReadonlyMap<string, number>): number {
  return rules.reduce((sum, rule) => sum + (ends.get(rule) ?? Infinity), length);
}

function usersOf(rules: ReadonlyMap<string, readonly Alternative[]>): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  for (const [name, alternatives] of rules) {
    for (const rule of alternatives.flatMap((alternative) => alternative.rules)) {
      users.set(rule, (users.get(rule) ?? new Set()).add(name));
    }
  }
  return users;
}

/** By name; null where something is not understood. */
function readRules(source: string): Map<string, readonly Alternative[]> | null {
  const all = splitRules(source);
  if (all === null) return null;
  const rules = new Map<string, readonly Alternative[]>();
  for (const { name, body } of all) {
    // Free text until some mark may end at any time; what follows the mark is a rule of its own.
    const alternatives = body.startsWith('TagDispatch(')
      ? [{ length: 0, rules: [] }]
      : readAlternatives(body);
    if (alternatives === null) return null;
    rules.set(name, alternatives);
  }
  return rules;
}

/** A text, a class of characters (once or any number of times), a name, or one of `(`, `)`, `|` and what looks ahead. */
const PART = /\s*(?:"((?:\\.|[^"\\])*)"|(\[(?:\\.|[^\]\\])*\])(\*?)|([\w.]+)|(\(=)|([()|]))/y;
/** A letter of a text, which may be escaped: `\n`, `\x0a`, `\u00e9`. */
const LETTER = /\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\.|[^]/gi;

function readAlternatives(body: string): readonly Alternative[] | null {
  const all: Alternative[] = [];
  let length = 0;
  let rules: string[] = [];
  let depth = 0;
  PART.lastIndex = 0;
  for (let at = 0; at < body.length; at = PART.lastIndex) {
    PART.lastIndex = at;
    const part = PART.exec(body);
    if (part === null) return null;
    const [, text, anyOf, star, name, ahead, sign] = part;
    // What has to follow is no part of the rule, and stands at its end.
    if (ahead !== undefined) break;
    if (text !== undefined) length += text.match(LETTER)?.length ?? 0;
    else if (anyOf !== undefined) length += star === '*' ? 0 : 1;
    else if (name !== undefined) rules.push(name);
    else if (sign === '(') depth += 1;
    else if (sign === ')') depth -= 1;
    if (depth > 2) return null;
    const isEnd = (sign === '|' && depth === 1) || (sign === ')' && depth === 0);
    if (sign === '|' && !isEnd) return null;
    if (!isEnd) continue;
    all.push({ length, rules });
    length = 0;
    rules = [];
  }
  return depth === 0 && all.length > 0 ? all : null;
}
