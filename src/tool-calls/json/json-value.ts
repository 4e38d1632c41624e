import type { Source, Step } from '../text/source';
import { JsonScanner } from './json-scanner';

/**
 * Reads one JSON value and hands it on while it comes.
 * @param onText what is sure of it
 * @returns the scanner at the end of the value, or where it is none
 */
export function* scanJson(source: Source, onText: (text: string) => void): Step<JsonScanner> {
  const scanner = new JsonScanner();
  for (;;) {
    source.advance(scanner.scan(source.rest));
    onText(scanner.take());
    if (scanner.state !== 'open') return scanner;
    if (yield* source.more()) continue;
    scanner.end();
    onText(scanner.take());
    return scanner;
  }
}

/** Reads one JSON value. @returns its text; null where it is none */
export function* readJson(source: Source): Step<string | null> {
  let text = '';
  const { state } = yield* scanJson(source, (piece) => (text += piece));
  return state === 'done' ? text : null;
}

/** Reads a JSON string. @returns null where it is none */
export function* readJsonString(source: Source): Step<string | null> {
  if ((yield* source.peek()) !== '"') return null;
  const text = yield* readJson(source);
  return text === null ? null : (JSON.parse(text) as string);
}

/**
 * A call's arguments as the JSON text of an object, from the JSON text of whatever the model wrote: an object, one within a
 * string, or nothing.
 * @returns null for what cannot be arguments
 */
export function argumentsOf(text: string): string | null {
  const value: unknown = JSON.parse(text);
  if (value === null) return '{}';
  if (isObject(value)) return text;
  if (typeof value !== 'string') return null;
  try {
    return isObject(JSON.parse(value)) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
