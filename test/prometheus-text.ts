/** A strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0, for what servers here write. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
/** What samples of a family may be called beyond its name. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

/** @throws Error naming the first line that does not fit */
export function parseText(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  return parse(text.split('\n'), { counter: [''] });
}

/** @throws Error naming the first line that does not fit */
export function parseOpenMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n# EOF\n')) throw new Error('the end is missing');
  const lines = text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1);
  const odd = lines.find((line) => line === '' || /^(# \w+ )?[^\s{]*:/.test(line));
  if (odd !== undefined) throw new Error(`empty, or a name with a colon: ${odd}`);
  return parse(lines, { counter: ['_total'] });
}

function parse(lines: readonly string[], counters: { counter: readonly string[] }): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help: [name: string, text: string] | null = null;
  let current = '';
  for (const line of lines) {
    const fail = (why: string) => new Error(`${why}: ${line}`);
    if (line === '') continue;
    const [, keyword, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      help = [about, rest];
    } else if (keyword === 'TYPE') {
      if (help?.[0] !== about) throw fail('no help');
      if (families.has(about)) throw fail('twice');
      if (!['counter', 'gauge', 'histogram'].includes(rest)) throw fail('unknown type');
      families.set(about, { type: rest, help: help[1], samples: [] });
      current = about;
    } else {
      const [, name = '', labels = '', number = ''] = SAMPLE.exec(line) ?? [];
      const family = families.get(current);
      const suffixes = { ...SUFFIXES, ...counters }[family?.type ?? ''] ?? [''];
      if (!suffixes.some((suffix) => name === current + suffix)) throw fail('not of its family');
      const sample = { name, labels: parseLabels(labels, fail), value: parseNumber(number, fail) };
      const key = name + JSON.stringify(Object.entries(sample.labels).sort());
      if (seen.has(key)) throw fail('the same series again');
      seen.add(key);
      family?.samples.push(sample);
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

function parseLabels(text: string, fail: (why: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const found = LABEL.exec(text);
    if (found === null) throw fail('malformed labels');
    const [, name = '', value = ''] = found;
    if (name in labels) throw fail('a label twice');
    labels[name] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : String(char)));
  }
  return labels;
}

function parseNumber(text: string, fail: (why: string) => Error): number {
  if (text === '+Inf') return Infinity;
  const value = Number(text);
  if (text === '' || Number.isNaN(value)) throw fail('not a number');
  return value;
}

/** Buckets only grow, and the last one holds all. */
function checkHistogram(name: string, { samples }: Family): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.entries({ ...sample.labels, le: '' }).sort());
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, members] of series) {
    const buckets = members.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels['le'] === '+Inf' ? Infinity : Number(labels['le'])));
    const count = members.find((sample) => sample.name === `${name}_count`)?.value;
    const ordered = (values: number[]) =>
      values.every((value, i) => i === 0 || value >= (values[i - 1] ?? 0));
    const sound =
      ordered(bounds) &&
      ordered(buckets.map(({ value }) => value)) &&
      bounds.at(-1) === Infinity &&
      buckets.at(-1)?.value === count &&
      members.some((sample) => sample.name === `${name}_sum`);
    if (!sound) throw new Error(`the histogram ${name} does not add up: ${key}`);
  }
}

/** Values of the series of one name that have these labels. */
export function valuesOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number[] {
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .map(({ value }) => value);
}
