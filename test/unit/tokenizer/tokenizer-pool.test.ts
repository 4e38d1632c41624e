import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from '../../../src/core/errors';
import { logger } from '../../../src/logging/logger';
import { loadTokenizer, type Tokenizer } from '../../../src/tokenizer/tokenizer';
import { TokenizerPool } from '../../../src/tokenizer/tokenizer-pool';

const DIR = join(__dirname, '../../model/checkpoints/random-qwen2');
/** The worker of the sources, and one that does what a text tells it to. */
const WORKER = join(__dirname, 'fixtures/worker.cjs');
const ODD_WORKER = join(__dirname, 'fixtures/odd-worker.cjs');

const nobodyLeaves = new AbortController().signal;
let tokenizer: Tokenizer;
const pools: TokenizerPool[] = [];
beforeAll(async () => {
  tokenizer = await loadTokenizer(DIR);
  logger.level = 'critical';
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function pool(worker = WORKER): TokenizerPool {
  const made = new TokenizerPool(tokenizer, DIR, worker);
  pools.push(made);
  return made;
}

const text = (length: number) => 'The quick brown fox jumps. é中文 '.repeat(length).slice(0, length);
/** A text for the odd worker, long enough for the lane of medium texts. */
const tell = (what: string) => what.padEnd(5000);

it.each([10, 4096, 4097, 70_000])(
  'gives %i characters the ids and the text that the tokenizer gives',
  async (length) => {
    const made = pool();
    const ids = await made.encode(text(length), {}, nobodyLeaves);
    expect(ids).toEqual(tokenizer.encode(text(length)));
    const options = { skipSpecialTokens: true };
    expect(await made.decode(ids, options, nobodyLeaves)).toBe(tokenizer.decode(ids, options));
    const plain = await made.encode(text(length), { addSpecialTokens: false }, nobodyLeaves);
    expect(plain).toEqual(tokenizer.encode(text(length), { addSpecialTokens: false }));
  },
);

it('does not let shorter texts wait for long ones', async () => {
  const made = pool(ODD_WORKER);
  const order: string[] = [];
  const long = made.encode('sleep 500'.padEnd(70_000), {}, nobodyLeaves).then(() => order.push('long'));
  await made.encode(tell('now'), {}, nobodyLeaves).then(() => order.push('medium'));
  await made.encode('short', {}, nobodyLeaves).then(() => order.push('short'));
  await long;
  expect(order).toEqual(['medium', 'short', 'long']);
});

it('drops the work of clients that leave, also what is in progress', async () => {
  const made = pool(ODD_WORKER);
  const [first, second] = [new AbortController(), new AbortController()];
  const running = made.encode(tell('sleep 60000'), {}, first.signal);
  const waiting = made.encode(tell('sleep 60000'), {}, second.signal);
  const next = made.encode(tell('now'), {}, nobodyLeaves);
  await sleep(50);
  second.abort();
  await expect(waiting).rejects.toThrow('disconnected');
  first.abort();
  await expect(running).rejects.toThrow('disconnected');
  expect(await next).toEqual([tell('now').length]);
  await expect(made.encode(tell('now'), {}, first.signal)).rejects.toThrow('disconnected');
});

it('refuses what a thread could not do, and goes on with a new one', async () => {
  const made = pool(ODD_WORKER);
  await expect(made.encode(tell('throw'), {}, nobodyLeaves)).rejects.toMatchObject({ code: 'internal' });
  await expect(made.encode(tell('die'), {}, nobodyLeaves)).rejects.toMatchObject({ code: 'internal' });
  await expect(made.encode(tell('exit'), {}, nobodyLeaves)).rejects.toThrow('could not be tokenized');
  expect(await made.encode(tell('now'), {}, nobodyLeaves)).toEqual([5000]);
});

it('lets only so much text wait', async () => {
  const made = pool(ODD_WORKER);
  const huge = 'sleep 60000'.padEnd(20 * 2 ** 20);
  const running = made.encode(huge, {}, nobodyLeaves);
  running.catch(() => undefined);
  const refused = made.encode(huge, {}, nobodyLeaves);
  await expect(refused).rejects.toThrow(RequestError);
  await expect(refused).rejects.toMatchObject({ code: 'overloaded' });
  await made.close();
  await expect(running).rejects.toMatchObject({ code: 'overloaded' });
});
