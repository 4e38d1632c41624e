import { refuse } from '../bounds';
import { checkRegex } from '../regex/check-regex';
import { writeRegex } from '../regex/write-regex';
import { isObject, type JsonObject, type Reading } from './report';

/** Formats that the engine holds strings to. */
const FORMATS = ['date', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'time', 'uri', 'uuid'];

/**
 * One character between the quotes of a JSON string, as it is or as a short escape. The engine's own lengths would let control
 * characters through.
 */
const CHARACTER = String.raw`([^\u{0}-\u{1f}\u{22}\u{5c}]|\u{5c}[\u{22}\u{5c}bfnrt])`;

/** Strings by one of length, pattern and format: the engine passes over the others. */
export function readString(schema: JsonObject, path: string, reading: Reading): JsonObject {
  const { format, pattern } = schema;
  const lengths = Object.fromEntries(
    ['minLength', 'maxLength'].flatMap((name) => {
      const value = schema[name];
      if (value === undefined || (name === 'minLength' && value === 0)) return [];
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        refuse(reading.field, `${reading.field}: ${name} at ${path} must be a whole number of at least 0.`);
      }
      return [[name, value as number]];
    }),
  );
  const { minLength = 0, maxLength = Infinity } = lengths as { minLength?: number; maxLength?: number };
  if (minLength > maxLength) refuse(reading.field, `${reading.field}: no value satisfies ${path}.`);
  if (pattern !== undefined) {
    if (format !== undefined) reading.unenforced('format', path);
    for (const name of Object.keys(lengths)) reading.unenforced(name, path);
    return { type: 'string', pattern: readPattern(pattern, path, reading) };
  }
  if (format !== undefined) {
    for (const name of Object.keys(lengths)) reading.unenforced(name, path);
    if (typeof format === 'string' && FORMATS.includes(format)) return { type: 'string', format };
    reading.unenforced('format', path);
  }
  if (minLength === 0 && maxLength === Infinity) return { type: 'string' };
  return ofLength(minLength, maxLength);
}

function ofLength(minLength: number, maxLength: number): JsonObject {
  // The engine passes over the lengths beside a pattern; whoever counts characters instead leaves the pattern out.
  const most = maxLength === Infinity ? '' : maxLength;
  return {
    type: 'string',
    ...(minLength > 0 && { minLength }),
    ...(maxLength < Infinity && { maxLength }),
    pattern: `${CHARACTER}{${minLength},${most}}`,
  };
}

/**
 * Alternatives with strings that are bounded by nothing but their length joined, where all lengths between are allowed. Several of
 * them take the engine many times as long as one, whose characters are counted beside it.
 * @param options as they were read
 */
export function joinLengths(options: readonly unknown[]): readonly unknown[] {
  const isBounded = (option: unknown): option is JsonObject =>
    isObject(option) && option['type'] === 'string' && ('minLength' in option || 'maxLength' in option);
  const lengths = options
    .filter(isBounded)
    .map(({ minLength = 0, maxLength = Infinity }) => [minLength as number, maxLength as number] as const)
    .sort(([a], [b]) => a - b);
  const joined: [number, number][] = [];
  for (const [least, most] of lengths) {
    const last = joined.at(-1);
    if (last !== undefined && least <= last[1] + 1) last[1] = Math.max(last[1], most);
    else joined.push([least, most]);
  }
  return [
    ...joined.map(([least, most]) => ofLength(least, most)),
    ...options.filter((option) => !isBounded(option)),
  ];
}

function readPattern(pattern: unknown, path: string, { field }: Reading): string {
  if (typeof pattern !== 'string') refuse(field, `${field}: pattern at ${path} must be a string.`);
  const where = `pattern at ${path}`;
  // The engine puts quotes around it as it is.
  return `(${writeRegex(checkRegex(pattern, where), 'json_string', where)})`;
}
