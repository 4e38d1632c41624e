import { fileURLToPath } from 'node:url';
import { spawnPinned } from '../child.mjs';

/** @import { Contender, Setting } from '../child.mjs' */

const LAUNCHER = fileURLToPath(new URL('../../../dist/launch-server.js', import.meta.url));

/**
 * This project, as it is built, through HTTP: a streamed request for each user.
 * @param {Setting} setting
 * @param {string} precision as it is called in the table
 * @param {string[]} flags
 * @returns {Contender}
 */
export function sglangNode({ checkpoint, threads, longest, users }, precision, flags) {
  const served = ['--model-path', checkpoint, '--port', '0', '--skip-tokenizer-init'];
  const bounds = ['--context-length', String(longest), '--max-running-requests', String(users)];
  return {
    name: `sglang-node ${precision}`,
    async start() {
      const { child, ended, pid, stop } = spawnPinned(
        [process.execPath, LAUNCHER, ...served, ...bounds, ...flags],
        threads,
      );
      const url = await new Promise((/** @type {(url: string) => void} */ resolve, reject) => {
        let log = '';
        child.stderr.on('data', (bytes) => {
          if (log.includes('fired up')) return;
          log += String(bytes);
          if (log.includes('fired up')) resolve(/Uvicorn running on (\S+)/.exec(log)?.[1] ?? '');
        });
        void ended.then((why) => reject(new Error(why)));
      });
      return {
        pid,
        stop,
        async generate(prompts, newTokens, onTokens) {
          await Promise.all(
            prompts.map((ids, user) => stream(url, ids, newTokens, (more) => onTokens(user, more))),
          );
        },
      };
    },
  };
}

/**
 * @param {string} url
 * @param {number[]} ids
 * @param {number} newTokens
 * @param {(ids: number[]) => void} onIds
 */
async function stream(url, ids, newTokens, onIds) {
  const sampling = { temperature: 0, max_new_tokens: newTokens, ignore_eos: true };
  const reply = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input_ids: ids, stream: true, sampling_params: sampling }),
  });
  if (!reply.ok || reply.body === null) throw new Error(`${reply.status}: ${await reply.text()}`);
  let seen = 0;
  let rest = '';
  for await (const chunk of reply.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events.filter((line) => line !== 'data: [DONE]')) {
      const message = JSON.parse(event.slice('data: '.length));
      if (message.error) throw new Error(message.error.message);
      // Each event has all ids so far.
      const more = message.output_ids.slice(seen);
      seen += more.length;
      if (more.length > 0) onIds(more);
    }
  }
  if (seen !== newTokens) throw new Error(`${seen} tokens came instead of ${newTokens}`);
}
