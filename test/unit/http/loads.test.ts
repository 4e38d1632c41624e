import { parseText } from '../../prometheus-text';
import { TestServer } from './test-server';

let server: TestServer;
beforeEach(async () => void (server = await TestServer.start()));
afterEach(() => server.close());

const json = async (path: string) => (await server.get(path)).json();

const CORE = {
  dp_rank: 0,
  num_running_reqs: 2,
  num_waiting_reqs: 3,
  num_used_tokens: 500,
  max_total_num_tokens: 1000,
  token_usage: 0.5,
  gen_throughput: 12.5,
  cache_hit_rate: 0.25,
  utilization: 0.5,
  max_running_requests: 8,
  num_total_reqs: 5,
};

test('/get_load, one entry a rank', async () => {
  expect(await json('/get_load')).toEqual([
    {
      rid: null,
      http_worker_ipc: null,
      dp_rank: 0,
      num_reqs: 5,
      num_waiting_reqs: 3,
      num_tokens: 570,
      ts_tic: expect.any(Number),
    },
  ]);
});

test('/v1/loads, the core alone and with every section', async () => {
  expect(await json('/v1/loads')).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    version: expect.any(String),
    dp_rank_count: 1,
    loads: [CORE],
    aggregate: {
      total_running_reqs: 2,
      total_waiting_reqs: 3,
      total_reqs: 5,
      avg_token_usage: 0.5,
      avg_throughput: 12.5,
      avg_utilization: 0.5,
    },
  });
  expect(await json('/v1/loads?include=all&dp_rank=0')).toMatchObject({
    loads: [
      {
        ...CORE,
        memory: { weight_gb: 1, kv_cache_gb: 0.5, graph_gb: 0, token_capacity: 1000 },
        disaggregation: { mode: 'null' },
        queues: { waiting: 3, grammar: 1, paused: 0, retracted: 1 },
      },
    ],
  });
  expect(await json('/v1/loads?include=core,queues')).toMatchObject({ loads: [{ queues: { waiting: 3 } }] });
  expect(await json('/v1/loads?dp_rank=1')).toMatchObject({ dp_rank_count: 0, loads: [] });
});

test('/v1/loads as text', async () => {
  const reply = await server.get('/v1/loads?format=prometheus&include=memory,queues');
  expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = parseText(await reply.text());
  const sample = (name: string) => families.get(name)?.samples;
  const labels = { dp_rank: '0' };
  expect(sample('sglang_num_running_reqs')).toEqual([{ name: 'sglang_num_running_reqs', labels, value: 2 }]);
  expect(sample('sglang_memory_weight_gb')).toEqual([{ name: 'sglang_memory_weight_gb', labels, value: 1 }]);
  expect(sample('sglang_queues_retracted')).toEqual([{ name: 'sglang_queues_retracted', labels, value: 1 }]);
});

test.each(['include=core,nothing', 'format=xml', 'dp_rank=-1', 'dp_rank=x', 'include=core&include=all'])(
  '/v1/loads?%s is refused',
  async (query) => {
    const reply = await server.get(`/v1/loads?${query}`);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ object: 'error', message: expect.any(String) });
  },
);

test('callers at the same time share one question', async () => {
  const states = await Promise.all(Array.from({ length: 8 }, () => server.manager.loads()));
  expect(new Set(states).size).toBe(1);
  expect(server.scheduler.all('get_internal_state')).toHaveLength(1);
  await server.manager.loads();
  expect(server.scheduler.all('get_internal_state')).toHaveLength(2);
});
