import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionOf, METRICS, type MetricName } from '../../../src/metrics/table';

const GUIDE = readFileSync(join(__dirname, '../../../docs/monitoring/README.md'), 'utf8');

test('docs/monitoring lists every metric as the table has it, and no other', () => {
  const rows = [...GUIDE.matchAll(/^\| `(\w+)`(?:, `(\w+)`)? +\| (\w+) +\|/gm)];
  expect(rows.map(([, name, also, type]) => [name, also, type])).toEqual(
    (Object.keys(METRICS) as MetricName[]).map((name) => {
      const { also, type } = definitionOf(name);
      return [name, also, type];
    }),
  );
});
