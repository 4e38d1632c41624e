import { median } from './workload.mjs';

/** @import { Figures } from './workload.mjs' */

/**
 * @typedef {{ name: string, startSeconds: number, peakMiB: number, cases: Record<string, Figures[]> }} Result a value for each round
 * @typedef {{ name: string, why: string }} Missing a contender that could not take part
 * @typedef {{ model: string, threads: number, rounds: number, results: Result[], missing: Missing[] }} Report
 */

/** Rates, by which contenders are compared, in the order of the columns. */
const RATES = /** @type {const} */ ({
  prefillRate: 'prefill tok/s',
  decodeRate: 'decode tok/s',
  outputRate: 'output tok/s',
});
const TIMES = /** @type {const} */ ({ ttft: 'TTFT ms', between: 'ms between' });

/**
 * Medians of the rounds; in brackets the rate of the first contender over that of the row, as the median of the rounds' own ratios.
 * @param {Report} report
 * @returns {string} Markdown
 */
export function tableOf({ model, threads, rounds, results, missing }) {
  const head = ['case', 'contender', ...Object.values(RATES), ...Object.values(TIMES), 'same first token'];
  const names = Object.keys(results[0]?.cases ?? {});
  const rows = names.flatMap((name) =>
    results.map((result) => [name, result.name, ...cellsOf(name, result, results[0])]),
  );
  const processes = results.map(({ name, startSeconds, peakMiB }) => [
    name,
    startSeconds.toFixed(1),
    String(peakMiB),
  ]);
  return [
    `${model}, ${threads} threads, medians of ${rounds} rounds; in brackets ${results[0]?.name} ÷ this, by speed\n`,
    markdown(head, rows),
    markdown(['contender', 'start-up s', 'peak RSS MiB'], processes),
    ...missing.map(({ name, why }) => `Not compared: ${name}: ${why}`),
  ].join('\n');
}

/**
 * @param {string} name of the case
 * @param {Result} result
 * @param {Result | undefined} first
 */
function cellsOf(name, result, first) {
  const [own, base] = [result.cases[name] ?? [], first?.cases[name] ?? []];
  const rates = keysOf(RATES).map((key) => {
    const ratio = median(base.map((figures, round) => figures[key] / (own[round]?.[key] ?? NaN)));
    const value = shown(median(own.map((figures) => figures[key])), 1);
    return result === first || Number.isNaN(ratio) ? value : `${value} (${ratio.toFixed(2)})`;
  });
  const times = keysOf(TIMES).map((key) => shown(median(own.map((figures) => figures[key])), 1));
  const pairs = own.flatMap((figures, round) =>
    figures.first.map((id, user) => id === base[round]?.first[user]),
  );
  return [...rates, ...times, `${pairs.filter(Boolean).length}/${pairs.length}`];
}

/**
 * @template {object} T
 * @param {T} object
 */
const keysOf = (object) => /** @type {(keyof T)[]} */ (Object.keys(object));

const shown = (/** @type {number} */ value, /** @type {number} */ digits) =>
  Number.isNaN(value) ? '–' : value.toFixed(digits);

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
function markdown(head, rows) {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, i) => (i === 0 || head[i] === 'contender' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 || head[i] === 'contender' ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return `${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}
