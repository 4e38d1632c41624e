#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartupError } from './core/errors';
import { cudaMajor } from './onnxruntime/cuda/cuda-provider';

/**
 * The command `sglang_install_cuda`: has ONNX Runtime's own package fetch its CUDA provider, which is too large for the npm
 * registry and which npm no longer lets packages fetch while they are installed. It runs that package's script itself, whatever
 * npm allows. Needs the network (NuGet).
 */
function main(argv: readonly string[]): number {
  if (argv.length > 0) {
    process.stderr.write('usage: sglang_install_cuda (it takes no arguments)\n');
    return 2;
  }
  const platform = `${process.platform}/${process.arch}`;
  if (platform !== 'linux/x64') {
    process.stderr.write(`ONNX Runtime has no CUDA provider for ${platform}, only for linux/x64.\n`);
    return 1;
  }
  const runtime = dirname(require.resolve('onnxruntime-node/package.json'));
  const library = join(runtime, 'bin/napi-v6', platform, 'libonnxruntime_providers_cuda.so');
  process.stdout.write(`Fetching ONNX Runtime's CUDA provider into ${dirname(library)}\n`);
  const { status, stderr } = spawnSync(process.execPath, [join(runtime, 'script/install.js')], {
    stdio: ['ignore', 'inherit', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
  });
  const major = status === 0 ? majorOf(dirname(library)) : null;
  if (major !== null) {
    process.stdout.write(`Installed: --device cuda can be used, with the libraries of CUDA ${major}.\n`);
    return 0;
  }
  // What was fetched in part would be taken for it.
  if (existsSync(library) && majorOf(dirname(library)) === null) rmSync(library);
  process.stderr.write(`The CUDA provider could not be installed: ${reasonIn(stderr)}\n`);
  return 1;
}

/** The release of CUDA that the provider in a folder is for; null without one that can be used. */
function majorOf(folder: string): number | null {
  try {
    return cudaMajor(folder);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return null;
  }
}

/** The error of a script, without the place in its source. */
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const error = lines.find((line) => /^(\w*Error|Failed)\b/.test(line)) ?? lines.find((line) => line !== '');
  return error?.replace(/^Error: /, '') ?? 'its library did not come';
}

process.exitCode = main(process.argv.slice(2));
