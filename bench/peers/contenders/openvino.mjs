import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLines, writtenOnce } from '../child.mjs';

/** @import { Contender, Setting } from '../child.mjs' */

const SCRIPT = fileURLToPath(new URL('serve-openvino.py', import.meta.url));
/** Weights in int8, one scale for each output. */
const EXPORT = ['-m', 'optimum.commands.optimum_cli', 'export', 'openvino', '--weight-format', 'int8'];
const TASK = ['--task', 'text-generation-with-past'];

/**
 * OpenVINO GenAI's continuous batching, in a Python that has openvino-genai.
 * @param {Setting} setting
 * @param {string} python
 * @param {string | null} exported folder of a model, for which optimum-intel is not needed
 * @returns {Contender}
 */
export function openVino({ checkpoint, work, threads, users }, python, exported) {
  return {
    name: 'OpenVINO GenAI int8',
    async start() {
      const command = /** @type {const} */ ([python, ...EXPORT, ...TASK, '--model', checkpoint]);
      const model = exported ?? (await writtenOnce(join(work, 'openvino-int8'), command));
      return startLines([python, SCRIPT, model, String(threads), String(users)], threads);
    },
  };
}
