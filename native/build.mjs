import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Compiles the operators: node native/build.mjs [output]. Needs gcc on Linux for x64; users need none, because the result is in the
 * repository. It carries the digest of what it was made of, so that a test can tell when it was not made anew.
 */
const HERE = dirname(fileURLToPath(import.meta.url));
const DEFAULT_OUTPUT = join(HERE, 'prebuilt', 'linux-x64', 'operators.so');

/** The same instructions of a kernel give the same bits wherever it is used: none may be reordered, products and sums are fused. */
const FLAGS =
  '-O3 -std=gnu11 -fPIC -Wall -Wextra -Werror -Wno-psabi -fvisibility=hidden -ffp-contract=fast -fno-math-errno -fno-trapping-math -g0';

/** Instruction sets that kernels are compiled for, by the names of their tables in kernels.h. */
const V4 = '-march=x86-64-v4 -mprefer-vector-width=512';
const VARIANTS = { v3: '-march=x86-64-v3', v4: V4, v5: `${V4} -mavx512vnni` };

/** The digest of all that a library is made of. */
function digestOfSources() {
  const hash = createHash('sha256');
  for (const file of readdirSync(HERE).sort()) {
    if (/\.([ch]|mjs)$/.test(file)) hash.update(file).update(readFileSync(join(HERE, file)));
  }
  return hash.digest('hex');
}

/** @param {string} output */
function build(output) {
  const work = mkdtempSync(join(tmpdir(), 'operators-'));
  try {
    const compile = (
      /** @type {string} */ source,
      /** @type {string} */ object,
      /** @type {string} */ flags,
    ) => {
      const to = join(work, object);
      execFileSync('gcc', [...FLAGS.split(' '), ...flags.split(' '), '-c', source, '-o', to], {
        cwd: HERE,
        stdio: 'inherit',
      });
      return to;
    };
    const objects = [
      compile('operators.c', 'operators.o', `-march=x86-64-v2 -DSOURCES="${digestOfSources()}"`),
      compile('product.c', 'product.o', VARIANTS.v5),
      ...Object.entries(VARIANTS).flatMap(([name, march]) =>
        ['kernels', 'attention'].map((source) =>
          compile(`${source}.c`, `${source}-${name}.o`, `-DVARIANT=${name} ${march}`),
        ),
      ),
    ];
    mkdirSync(dirname(output), { recursive: true });
    execFileSync(
      'gcc',
      ['-shared', '-static-libgcc', '-s', '-Wl,--build-id=none', '-o', output, ...objects, '-lm'],
      { stdio: 'inherit' },
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build(process.argv[2] ?? DEFAULT_OUTPUT);
