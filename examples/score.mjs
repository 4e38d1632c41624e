// How likely each of some answers is after each of several questions, without generating any.
//   node examples/score.mjs [flags of launch_server]
import { launchServer } from 'sglang-node';

const { url, close } = await launchServer(['--port', '0', '--log-level', 'error', ...process.argv.slice(2)]);
const headers = { 'content-type': 'application/json' };
/** @returns {Promise<any>} */
const ask = async (/** @type {string} */ path, /** @type {object} */ body) =>
  (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json();

const answers = [' Paris', ' Madrid', ' Rome'];
const { tokens } = await ask('/tokenize', { prompt: answers, add_special_tokens: false });
const items = ['France is', 'Spain is', 'Italy is'];
const label_token_ids = tokens.map((/** @type {number[]} */ ids) => ids[0]);
const query = 'The capital of ';
const { scores } = await ask('/v1/score', { query, items, label_token_ids, apply_softmax: true });
items.forEach((item, i) => {
  const shares = answers.map((answer, j) => `${answer} ${scores[i][j].toFixed(3)}`);
  console.log(`${query}${item}:${shares.join(',')}`);
});
await close();
