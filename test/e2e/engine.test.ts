import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** The package's public API: a program that uses it, the examples, and the names it is found under. */

const ROOT = resolve(__dirname, '../..');
const TMPDIR = mkdtempSync(join(tmpdir(), 'engine-'));
afterAll(() => rmSync(TMPDIR, { recursive: true }));

/** Names that stand for no model are not asked for outside. */
const ENV = { ...process.env, TMPDIR, HF_HUB_OFFLINE: '1' };

const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: ROOT, env: ENV });

it('does what it promises', async () => {
  const { stdout } = await node('--test', 'test/e2e/engine-program.mjs').catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout);
  });
  expect(stdout).toMatch(/fail 0\b/);
});

it.each([
  ['generate', 'The capital of France is → Paris'],
  ['score', 'The capital of Spain is: Paris 0.000, Madrid 1.000, Rome 0.000'],
  ['vectors', '1.000'],
])('the example %s runs', async (name, said) => {
  const { stdout, stderr } = await node(join('examples', `${name}.mjs`));
  expect(stderr).toBe('');
  expect(stdout).toContain(said);
});

it('is found by require and by import under the name of the package', async () => {
  const code = {
    cjs: `const { Engine } = require('sglang-node'); console.log(typeof Engine.create)`,
    mjs: `import { Engine, launchServer } from 'sglang-node'; console.log(typeof Engine.create)`,
  };
  for (const [type, text] of [
    ['commonjs', code.cjs],
    ['module', code.mjs],
  ] as const) {
    const { stdout } = await node(`--input-type=${type}`, '--eval', text);
    expect(stdout).toBe('function\n');
  }
});
