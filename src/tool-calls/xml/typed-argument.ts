import { numberOf } from '../python/number';
import { readPythonLiteral } from '../python/python-literal';
import { Source } from '../text/source';
import { typeOf, type ArgumentSchema } from './argument-schema';

/** Kinds of types, by the names that schemas give them; those of databases and of Python are among them. */
const INTEGERS = /^(?:u?int|long|short|unsigned|bigint)/;
const NUMBERS = /^(?:num|float|double|decimal|real)/;
const BOOLEANS = /^bool/;
const CONTAINERS = /^(?:object|dict|map|array|list|arr|tuple|set)/;

/**
 * The value of an argument that a format writes as bare text, as JSON: what the tool's schema says it is, and the text itself where
 * it cannot be that.
 */
export function typedArgument(text: string, argument: ArgumentSchema): string {
  const plain = text.trim();
  const asText = JSON.stringify(text);
  if (plain.toLowerCase() === 'null') return 'null';
  const type = typeOf(argument);
  if (INTEGERS.test(type)) return /^[-+]?\d+$/.test(plain) ? (numberOf(plain) ?? asText) : asText;
  if (NUMBERS.test(type)) return numberOf(plain) ?? asText;
  if (BOOLEANS.test(type)) return String(plain.toLowerCase() === 'true');
  if (CONTAINERS.test(type)) return jsonOf(plain) ?? pythonOf(plain) ?? asText;
  return asText;
}

function jsonOf(text: string): string | null {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}

function pythonOf(text: string): string | null {
  const source = new Source();
  source.feed(text);
  source.end();
  const { value } = readPythonLiteral(source).next();
  return source.rest === '' ? (value ?? null) : null;
}
