import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Copies, scramble } from '../e2e/checkpoints';
import { Embedder } from './embedder';
import { CHECKPOINTS, Engine } from './support';

/** Each family takes other weights of its own, and says then what it says when it starts with them. */

const copies = new Copies();
const ids = Array.from({ length: 20 }, (_, i) => 5 + ((i * 7) % 40));
const names = readdirSync(CHECKPOINTS).filter((name) =>
  existsSync(join(CHECKPOINTS, name, 'model.safetensors')),
);
const named = (wanted: RegExp) => names.filter((name) => wanted.test(name));
const ENCODERS = named(/bert/);
const HEADS = named(/classifier|reward|reranker/);
const DECODERS = names.filter((name) => !ENCODERS.includes(name) && !HEADS.includes(name));

const answer = async (engine: Engine) => {
  const logprobs = { startLen: 0, topNum: 2, tokenIds: null };
  const { ids: output, outputLogprobs, cachedTokens } = await engine.generate({ prompt: ids, logprobs });
  return { output, outputLogprobs, cachedTokens };
};

test.each(DECODERS)('%s', async (name) => {
  const source = join(CHECKPOINTS, name);
  const other = copies.make(name, scramble, source);
  const fresh = await Engine.start(other);
  const changed = await answer(fresh);
  await fresh.close();
  const engine = await Engine.start(source);
  const original = await answer(engine);
  expect(original).not.toEqual(changed);
  for (const [modelDir, expected] of [
    [other, changed],
    [source, original],
  ] as const) {
    const loaded = await engine.call({ type: 'load_weights', modelDir, loadFormat: 'auto' });
    expect(loaded).toEqual({ of: 'load_weights', failure: null });
    await engine.call({ type: 'swap_weights', flushCache: true });
    expect(await answer(engine)).toEqual(expected);
  }
  await engine.close();
});

test.each([...ENCODERS, ...HEADS.filter((name) => !ENCODERS.includes(name))])('%s', async (name) => {
  const source = join(CHECKPOINTS, name);
  const other = copies.make(name, scramble, source);
  const fresh = await Embedder.start(other);
  const changed = await fresh.embed(ids);
  await fresh.close();
  const embedder = await Embedder.start(source);
  expect((await embedder.embed(ids)).vector).not.toEqual(changed.vector);
  await embedder.call({ type: 'load_weights', modelDir: other, loadFormat: 'auto' });
  await embedder.call({ type: 'swap_weights', flushCache: true });
  expect((await embedder.embed(ids)).vector).toEqual(changed.vector);
  await embedder.close();
});
