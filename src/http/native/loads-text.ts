import type { RankLoad } from './loads';

/** How the sections of a load report are called in names; the others keep theirs. */
const SECTION_NAMES: Readonly<Record<string, string>> = { speculative: 'spec', disaggregation: 'disagg' };

/** A load report in Prometheus' text format: a gauge for each number, `sglang_<field>` or `sglang_<section>_<field>`. */
export function renderLoads(loads: readonly RankLoad[]): string {
  const gauges = new Map<string, string[]>();
  for (const load of loads) {
    for (const [field, value] of numbersOf(load)) {
      const samples = gauges.get(field) ?? [];
      gauges.set(field, [...samples, `sglang_${field}{dp_rank="${load.dp_rank}"} ${value}`]);
    }
  }
  const blocks = [...gauges].map(([field, samples]) =>
    [
      `# HELP sglang_${field} ${field.replaceAll('_', ' ')} of a rank`,
      `# TYPE sglang_${field} gauge`,
      ...samples,
      '',
    ].join('\n'),
  );
  return blocks.join('');
}

function numbersOf(load: RankLoad): [field: string, value: number][] {
  return Object.entries(load).flatMap(([name, value]) => {
    if (name === 'dp_rank') return [];
    if (typeof value === 'number') return [[name, value] satisfies [string, number]];
    const prefix = SECTION_NAMES[name] ?? name;
    return Object.entries(value).flatMap(([member, inner]) =>
      typeof inner === 'number' ? [[`${prefix}_${member}`, inner] satisfies [string, number]] : [],
    );
  });
}
