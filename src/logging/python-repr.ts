const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escapeChar(char: string): string {
  return SHORT_ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** A text that came from outside, on one line of the log: control characters become escapes. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, escapeChar);
}

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\p{Cc}]/gu, escapeChar);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

/**
 * A value as Python prints it: the form of SGLang's log line and of argparse's messages.
 * @param asFloat prints whole numbers with `.0`, which JavaScript cannot tell from integers
 */
export function pythonRepr(value: unknown, asFloat = false): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return asFloat && Number.isInteger(value) ? `${value}.0` : String(value);
  if (typeof value === 'string') return reprString(value);
  if (Array.isArray(value)) return `[${value.map((item) => pythonRepr(item, asFloat)).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${reprString(key)}: ${pythonRepr(member)}`);
  return `{${members.join(', ')}}`;
}
