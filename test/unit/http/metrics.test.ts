import { parseText, valuesOf, type Family } from '../../prometheus-text';
import { TestServer } from './test-server';

let server: TestServer;
const start = async (args = {}) => {
  server = await TestServer.start({ args: { enableMetrics: true, ...args } });
};
afterEach(() => server.close());

async function scrape(): Promise<Map<string, Family>> {
  return parseText(await (await server.get('/metrics')).text());
}

/** Scrapes until `condition` holds: a reply is counted when its connection is done with it. */
async function until(condition: (families: Map<string, Family>) => boolean): Promise<Map<string, Family>> {
  for (;;) {
    const families = await scrape();
    if (condition(families)) return families;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const body = { text: 'hi', sampling_params: { max_new_tokens: 3 } };
const value = (families: Map<string, Family>, name: string, labels = {}) =>
  valuesOf(families, `sglang:${name}`, labels)[0];

test('without the flag there is no such page', async () => {
  server = await TestServer.start();
  const reply = await server.get('/metrics');
  expect([reply.status, await reply.json()]).toEqual([404, { detail: 'Not Found' }]);
});

test('the page needs no key, has a type and is the same with a slash behind', async () => {
  await start({ apiKey: 'secret' });
  for (const path of ['/metrics', '/metrics/']) {
    const reply = await server.get(path);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    parseText(await reply.text());
  }
  expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
});

describe('HTTP requests', () => {
  test('count under the pattern of their route, whatever clients think of', async () => {
    await start();
    for (let i = 0; i < 20; i++) {
      await (await server.get(`/nowhere/${i}`)).text();
      await (await server.get(`/v1/models/m${i}?x=${i}`)).text();
    }
    await server.ask('/generate', body);
    await server.ask('/generate', { ...body, sampling_params: { n: -1 } });
    await (await server.get('/generate')).text();
    await (await server.get('/v1/models/%ff')).text();
    const families = await until(
      (now) => value(now, 'http_responses_total', { endpoint: '/generate', status_code: '405' }) === 1,
    );
    const endpoints = families
      .get('sglang:http_requests_total')
      ?.samples.map(({ labels }) => labels['endpoint']);
    expect(new Set(endpoints)).toEqual(new Set(['unmatched', '/v1/models/*name', '/generate', '/metrics']));
    const responses = (labels: object) => value(families, 'http_responses_total', { ...labels });
    expect(responses({ endpoint: 'unmatched', status_code: '404', method: 'GET' })).toBe(20);
    expect(responses({ endpoint: 'unmatched', status_code: '400', method: 'GET' })).toBe(1);
    expect(responses({ endpoint: '/v1/models/*name', status_code: '404', method: 'GET' })).toBe(20);
    expect(responses({ endpoint: '/generate', status_code: '200', method: 'POST' })).toBe(1);
    expect(responses({ endpoint: '/generate', status_code: '400', method: 'POST' })).toBe(1);
    expect(value(families, 'http_requests_total', { endpoint: '/generate', method: 'POST' })).toBe(2);
  });

  test('are active until their reply is over; a client that leaves before is told apart', async () => {
    await start();
    server.scheduler.isHolding = true;
    const leaver = new AbortController();
    const headers = { 'x-smg-routing-key': 'key' };
    const waiting = server.post('/generate', { ...body, rid: 'a' }, { headers });
    const leaving = server.post('/generate', { ...body, rid: 'b' }, { headers, signal: leaver.signal });
    await server.scheduler.until('generate', 2);
    const busy = await scrape();
    expect(value(busy, 'http_requests_active', { endpoint: '/generate' })).toBe(2);
    expect(value(busy, 'routing_keys_active')).toBe(1);
    leaver.abort();
    await expect(leaving).rejects.toThrow();
    server.scheduler.emit('a', 'done', { type: 'length', length: 4 });
    await (await waiting).text();
    const calm = await until((now) => value(now, 'http_requests_active', { endpoint: '/generate' }) === 0);
    expect(value(calm, 'routing_keys_active')).toBe(0);
    expect(value(calm, 'http_responses_total', { endpoint: '/generate', status_code: '200' })).toBe(1);
    expect(value(calm, 'http_responses_total', { endpoint: '/generate', status_code: '499' })).toBe(1);
  });
});

describe('custom labels', () => {
  const teams = (families: Map<string, Family>) =>
    (families.get('sglang:num_requests_total')?.samples ?? []).map(({ labels, value: count }) => [
      labels['team'],
      count,
    ]);

  test('come with the body or the header, where they are allowed', async () => {
    await start({
      tokenizerMetricsAllowedCustomLabels: ['team'],
      tokenizerMetricsCustomLabelsHeader: 'X-Labels',
    });
    const ask = (fields: object, header: string) =>
      server.ask('/generate', { ...body, ...fields }, { headers: { 'x-labels': header } });
    await ask({ custom_labels: { team: 'red', other: 'x' } }, '');
    await ask({}, '{"team":"blue"}');
    await ask({ custom_labels: { team: 'red' } }, '{"team":"blue"}');
    for (const header of ['{"team":', '[1]', '{"team":1}', 'null']) {
      expect((await ask({}, header)).status).toBe(200);
    }
    expect(teams(await scrape())).toEqual([
      ['', 4],
      ['red', 2],
      ['blue', 1],
    ]);
  });

  test('are ignored where none are, and refused where they are no texts', async () => {
    await start();
    await server.ask('/generate', { ...body, custom_labels: { team: 'red' } });
    expect(teams(await scrape())).toEqual([[undefined, 1]]);
    for (const custom_labels of [{ team: 1 }, ['team'], 'team']) {
      expect(await server.ask('/generate', { ...body, custom_labels })).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining('custom_labels') },
      });
    }
  });

  test('a request that wants to be left out is', async () => {
    await start();
    await server.ask('/generate', { ...body, log_metrics: false });
    await server.ask('/generate', { ...body, log_metrics: true });
    const families = await scrape();
    expect(value(families, 'num_requests_total')).toBe(1);
    expect(value(families, 'time_to_first_token_seconds_count')).toBe(1);
    expect(value(families, 'per_stage_req_latency_seconds_count', { stage: 'request_process' })).toBe(1);
  });
});
