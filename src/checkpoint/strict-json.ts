import { StartupError } from '../core/errors';
import { parseJsonObject, quote } from './model-files';

/** Deepest nesting in the files read here: header, entry, list. A little more is allowed for metadata. */
const MAX_DEPTH = 8;

/**
 * Parses a JSON object that says where tensors are, and refuses two things that JSON.parse lets pass: a key that stands
 * twice in one object (the last one wins here, another reader may take the first), and nesting so deep that parsing
 * takes many times the file's size in memory.
 * @param shown names the file in errors
 * @throws StartupError
 */
export function parseStrictJson(text: string, shown: string): Record<string, unknown> {
  checkDepth(text, shown);
  const value = parseJsonObject(text, shown);
  checkKeys(text, shown);
  return value;
}

/** Calls `visit` for each bracket and each string. Any text will do; whether it is JSON is for the parser to say. */
function scan(text: string, visit: (symbol: string, start: number, end: number) => void): void {
  for (let at = 0; at < text.length; at++) {
    const symbol = text.charAt(at);
    if (symbol === '"') {
      const start = at++;
      while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
      visit(symbol, start, at + 1);
    } else if ('{}[]'.includes(symbol)) {
      visit(symbol, at, at + 1);
    }
  }
}

function checkDepth(text: string, shown: string): void {
  let depth = 0;
  scan(text, (symbol) => {
    if (symbol === '{' || symbol === '[') depth++;
    if (symbol === '}' || symbol === ']') depth--;
    if (depth > MAX_DEPTH) throw new StartupError(`${shown}: JSON is nested too deep`);
  });
}

/** @param text valid JSON */
function checkKeys(text: string, shown: string): void {
  /** Keys seen in each open object; null stands for an open list. */
  const open: (Set<string> | null)[] = [];
  scan(text, (symbol, start, end) => {
    if (symbol === '{' || symbol === '[') open.push(symbol === '{' ? new Set() : null);
    if (symbol === '}' || symbol === ']') open.pop();
    const keys = open.at(-1);
    if (symbol !== '"' || !keys || nextSymbol(text, end) !== ':') return;
    const key = JSON.parse(text.slice(start, end)) as string;
    if (keys.has(key)) throw new StartupError(`${shown}: ${quote(key)} is in it twice`);
    keys.add(key);
  });
}

function nextSymbol(text: string, start: number): string {
  let at = start;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return text.charAt(at);
}
