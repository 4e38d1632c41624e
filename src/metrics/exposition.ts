/** How numbers are told over HTTP: the two text formats, and which of them a client wants. Pure. */

/** Before every name in the text format. OpenMetrics without colons: SGLang's own dashboard asks for `sglang_…`. */
export const PREFIX = 'sglang:';
const UNDERSCORED = 'sglang_';

export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores';

/**
 * Whether a client wants OpenMetrics: it names it, and likes it at least as well as plain text.
 * @param accept the header; undefined accepts anything
 */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const ranges = (accept ?? '').split(',').map(readRange);
  const best = (...names: string[]) =>
    Math.max(0, ...ranges.filter(({ name }) => names.includes(name)).map(({ quality }) => quality));
  const openMetrics = best('application/openmetrics-text');
  return openMetrics > 0 && openMetrics >= best('text/plain', 'text/*');
}

function readRange(text: string): { name: string; quality: number } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const given = parameters.find((parameter) => /^q\s*=/.test(parameter))?.split('=')[1];
  const quality = given === undefined ? 1 : Number(given);
  return { name, quality: Number.isNaN(quality) ? 0 : quality };
}

/**
 * The text format as OpenMetrics: colons of names become underscores, families of counters lose their suffix, no line is
 * empty and the last one says that it is the last.
 */
export function toOpenMetrics(text: string): string {
  const counters = new Set([...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map(([, family]) => family));
  const lines = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const [, keyword = '', name = '', rest = ''] = /^(# (?:HELP|TYPE) )?([^\s{]+)(.*)$/.exec(line) ?? [];
    const family = name.replace(/_total$/, '');
    const told = keyword !== '' && counters.has(family) ? family : name;
    return [keyword + told.replace(PREFIX, UNDERSCORED) + rest];
  });
  return `${lines.join('\n')}\n# EOF\n`;
}
