import { execFile } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startLines } from '../child.mjs';

/** @import { Contender, Setting } from '../child.mjs' */

const SCRIPT = fileURLToPath(new URL('serve-openvino.py', import.meta.url));
const OPTIMUM = 'optimum.commands.optimum_cli';

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
      const model = exported ?? (await exportOf(checkpoint, work, python));
      return startLines([python, SCRIPT, model, String(threads), String(users)], threads);
    },
  };
}

/**
 * The checkpoint as optimum-intel exports it with weights in int8, one scale for each output.
 * @param {string} checkpoint
 * @param {string} work
 * @param {string} python
 * @returns {Promise<string>} the folder, made where it is not there yet
 */
async function exportOf(checkpoint, work, python) {
  const folder = join(work, 'openvino-int8');
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  const flags = ['--task', 'text-generation-with-past', '--weight-format', 'int8'];
  await promisify(execFile)(python, [
    '-m',
    OPTIMUM,
    'export',
    'openvino',
    '--model',
    checkpoint,
    ...flags,
    part,
  ]);
  renameSync(part, folder);
  return folder;
}
