import type { ServerArgs } from '../../../src/server-args';
import { TestServer } from './test-server';

let server: TestServer;
afterEach(() => server.close());

const plain = async (reply: Promise<Response>) => [(await reply).status, await (await reply).text()];
const start = async (
  expertDistributionRecorderMode: ServerArgs['expertDistributionRecorderMode'],
  hasExperts = true,
) => {
  server = await TestServer.start({ args: { expertDistributionRecorderMode }, facts: { hasExperts } });
};
const ORDERS = ['start', 'stop', 'dump'];
const path = (order: string) => `/${order}_expert_distribution_record`;

it.each(['GET', 'POST'])('passes orders on and answers in the words of SGLang (%s)', async (method) => {
  await start('stat');
  const ask = (order: string) => plain(fetch(server.url + path(order), { method }));
  expect(await ask('start')).toEqual([200, 'Start recording the expert distribution.\n']);
  expect(await ask('stop')).toEqual([200, 'Stop recording the expert distribution.\n']);
  const now = Date.now() / 1000;
  const [status, text] = await ask('dump');
  expect(status).toBe(200);
  const sent = server.scheduler.all('expert_distribution');
  expect(sent.map(({ order }) => order)).toEqual(ORDERS);
  const stamp = sent[2]?.stamp ?? '';
  expect(text).toBe(`Dump expert distribution record.\n/records/${stamp}.csv\n`);
  expect(stamp).toMatch(/^\d+\.\d{6}$/);
  expect(Math.abs(Number(stamp) - now)).toBeLessThan(60);
});

it.each(ORDERS)('says what is missing where nothing is recorded (%s)', async (order) => {
  await start(null);
  const reply = await server.post(path(order), {});
  expect(reply.status).toBe(400);
  expect(await reply.json()).toEqual({
    error: { message: expect.stringContaining('--expert-distribution-recorder-mode') },
  });
  expect(server.scheduler.received).toEqual([]);
});

it.each(ORDERS)('says that a model has no experts (%s)', async (order) => {
  await start('stat', false);
  const reply = await server.post(path(order), {});
  expect(reply.status).toBe(400);
  expect(await reply.json()).toEqual({ error: { message: expect.stringContaining('no experts') } });
  expect(server.scheduler.received).toEqual([]);
});

it('takes an object or nothing', async () => {
  await start('stat');
  expect((await server.post(path('start'), [])).status).toBe(400);
  expect(server.scheduler.received).toEqual([]);
});

it('tells where the files could not be written', async () => {
  await start('stat');
  server.scheduler.isHolding = true;
  server.scheduler.put = (message) => {
    if (message.type !== 'expert_distribution') return;
    const result = { of: 'error', message: 'The expert distribution could not be written: EACCES' } as const;
    server.scheduler.deliver({ type: 'control_reply', callId: message.callId, result });
  };
  const reply = await server.post(path('dump'), {});
  expect(reply.status).toBe(500);
  expect(await reply.text()).toContain('EACCES');
});
