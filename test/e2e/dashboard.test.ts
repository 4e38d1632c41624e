import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseOpenMetrics, parseText, type Family, type Sample } from '../prometheus-text';
import { answer, generate, greedy, promptIds, streamed } from './client';
import { launch } from './harness';

/** The dashboard of docs/monitoring against a page of a real server: each query finds what it asks for. */

interface Dashboard {
  readonly panels: readonly { title: string; targets: readonly { expr: string; legendFormat: string }[] }[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}

const DASHBOARD = JSON.parse(
  readFileSync(join(__dirname, '../../docs/monitoring/grafana-dashboard.json'), 'utf8'),
) as Dashboard;
/** Labels that Prometheus adds when it scrapes. */
const ADDED = ['instance', 'job'];

interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** The selectors of a query, each with its matchers. */
function selectorsOf(query: string): Matcher[][] {
  return [...query.matchAll(/\{(?:[^{}"]|"[^"]*")*\}/g)].map(([selector]) =>
    [...selector.matchAll(/([a-z_]+)(=~|!~|!=|=)"([^"]*)"/g)].map(
      ([, label = '', operator = '', value = '']): Matcher => ({ label, operator, value }),
    ),
  );
}

/** The samples that a selector finds. Variables of the dashboard stand for anything. */
function select(samples: readonly Sample[], matchers: readonly Matcher[]): Sample[] {
  const fits = (text: string, { operator, value }: Matcher) => {
    const isEqual = operator.includes('~') ? new RegExp(`^(?:${value})$`).test(text) : text === value;
    return isEqual !== operator.startsWith('!');
  };
  return samples.filter((sample) =>
    matchers.every((matcher) => {
      if (matcher.label === '__name__') return fits(sample.name, matcher);
      if (ADDED.includes(matcher.label)) return true;
      const text = sample.labels[matcher.label];
      return text !== undefined && (matcher.value.startsWith('$') || fits(text, matcher));
    }),
  );
}

const samplesOf = (families: ReadonlyMap<string, Family>) =>
  [...families.values()].flatMap(({ samples }) => samples);

let pages: Sample[][];
beforeAll(async () => {
  const server = await launch(['--enable-metrics']);
  await generate(server, { input_ids: promptIds(30), sampling_params: greedy(20) });
  await streamed(server, { input_ids: promptIds(30), sampling_params: greedy(20) });
  await (await server.fetch('/nowhere')).text();
  await answer(server.post('/generate', { text: 1 }));
  // Long enough for the first report of each process.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const page = async (accept: string) => (await server.fetch('/metrics', { headers: { accept } })).text();
  pages = [
    samplesOf(parseText(await page('text/plain'))),
    samplesOf(parseOpenMetrics(await page('application/openmetrics-text'))),
  ];
});

const QUERIES = [
  ...DASHBOARD.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
  ...DASHBOARD.templating.list.flatMap(({ definition }) =>
    definition === undefined ? [] : [['variable', definition] as const],
  ),
];

test.each(QUERIES)('%s: %s', (_, query) => {
  const selectors = selectorsOf(query);
  expect(selectors.length).toBeGreaterThan(0);
  const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
  const asked = [...grouped, ...[...(/label_values\(.*, (\w+)\)/.exec(query)?.slice(1) ?? [])]];
  for (const page of pages) {
    for (const matchers of selectors) {
      expect(matchers[0]).toMatchObject({ label: '__name__', operator: '=~' });
      const found = select(page, matchers);
      expect([matchers, found.length > 0]).toEqual([matchers, true]);
      for (const label of asked.filter((name) => !ADDED.includes(name))) {
        expect([label, found.every(({ labels }) => label in labels)]).toEqual([label, true]);
      }
    }
  }
});

test('what a legend shows is grouped by', () => {
  for (const { expr, legendFormat } of DASHBOARD.panels.flatMap(({ targets }) => targets)) {
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
      expect(expr).toMatch(new RegExp(`by \\([^)]*\\b${label}\\b`));
    }
  }
});

test('a query for what is not there would be found out', () => {
  const [page = []] = pages;
  const name = { label: '__name__', operator: '=~', value: 'sglang[:_]num_running_reqs' };
  expect(select(page, [name])).toHaveLength(1);
  expect(select(page, [{ ...name, value: 'sglang[:_]num_runing_reqs' }])).toEqual([]);
  expect(select(page, [name, { label: 'modell', operator: '=~', value: '$model_name' }])).toEqual([]);
});
