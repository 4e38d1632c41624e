// Vectors of texts, and how alike they are.
//   node examples/vectors.mjs [flags of launch_server]
import { Engine } from 'sglang-node';

const engine = await Engine.create(['--is-embedding', ...process.argv.slice(2)]);
const texts = ['Paris is in France.', 'Madrid is in Spain.', 'Is an elephant an animal?'];
const vectors = (await engine.encode({ text: texts })).map(({ embedding }) => embedding);
await engine.shutdown();

/** Vectors have length 1, so their product is the cosine. */
const cosine = (/** @type {readonly number[]} */ a, /** @type {readonly number[]} */ b) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
texts.forEach((text, i) => {
  console.log(vectors.map((vector) => cosine(vectors[i] ?? [], vector).toFixed(3)).join('  '), text);
});
