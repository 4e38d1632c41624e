import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The package as npm packs it: it installs into an empty folder from the registry alone, and serves from there. */

const ROOT = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'package-'));
let server: ChildProcess | null = null;

afterAll(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** As the README says: what ONNX Runtime's package fetches from elsewhere is for CUDA. */
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
const run = (command: string, args: string[], cwd = folder) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

it('installs into an empty folder and answers from there', async () => {
  const tarball = run(
    'npm',
    ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder],
    ROOT,
  ).trim();
  run('npm', ['init', '--yes']);
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`]);

  const installed = join(folder, 'node_modules/sglang-node');
  server = spawn(join(folder, 'node_modules/.bin/launch_server'), ['--port', '0'], { cwd: folder });
  let log = '';
  server.stdout?.on('data', (bytes: Buffer) => (log += bytes.toString()));
  server.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
  const failure = failed(server);
  while (!log.includes('fired up')) await Promise.race([once(server.stderr ?? server, 'data'), failure]);
  const [, url = ''] = /Uvicorn running on (\S+)/.exec(log) ?? [];
  const reply = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      text: 'The capital of France is',
      sampling_params: { temperature: 0, max_new_tokens: 2 },
    }),
  });
  expect(((await reply.json()) as { text: string }).text).toBe(' Paris.');
  server.kill('SIGTERM');
  await expect(failure).rejects.toThrow('the server ended with 0');

  // The program and its types are there, the compiler's notes and the tests are not.
  const { types } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { types: string };
  expect(readFileSync(join(installed, types), 'utf8')).toContain('Engine');
  expect(run('ls', ['-A', installed]).split('\n')).not.toContain('test');
  expect(run('node', ['--eval', `console.log(typeof require('sglang-node').Engine)`])).toBe('function\n');
}, 300_000);

it('prepares nothing where the compiler was left out', () => {
  expect(run('node', [join(ROOT, 'tools/prepare.mjs')])).toContain('dist/ is not built');
});

it('has a command for the CUDA provider that takes no arguments', () => {
  expect(() => run('node', [join(ROOT, 'dist/install-cuda.js'), '--now'])).toThrow(
    /usage: sglang_install_cuda/,
  );
});

async function failed(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new Error(`the server ended with ${code}`);
}
