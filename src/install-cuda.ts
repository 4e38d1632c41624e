#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The command `sglang_install_cuda`: has ONNX Runtime's own package fetch its CUDA provider, which is too large for the npm
 * registry and which npm no longer lets packages fetch while they are installed. Needs the network (NuGet).
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
  process.stdout.write(`Fetching ONNX Runtime's CUDA 12 provider into ${dirname(library)}\n`);
  const { status } = spawnSync(process.execPath, [join(runtime, 'script/install.js')], {
    stdio: 'inherit',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
  });
  if (status === 0 && existsSync(library)) {
    process.stdout.write('Installed: --device cuda can be used.\n');
    return 0;
  }
  process.stderr.write('The CUDA provider could not be installed: see the lines above.\n');
  return 1;
}

process.exitCode = main(process.argv.slice(2));
