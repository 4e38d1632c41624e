import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownKernelsFile } from '../../../../src/core/own-kernels';
import { packageRoot } from '../../../../src/core/package';

it('is compiled from the sources that lie beside it', () => {
  const folder = join(packageRoot(), 'native');
  const digest = createHash('sha256');
  for (const file of readdirSync(folder).sort()) {
    if (/\.([ch]|mjs)$/.test(file)) digest.update(file).update(readFileSync(join(folder, file)));
  }
  // Else: node native/build.mjs
  expect(
    readFileSync(ownKernelsFile().replace(/native\/.*/, 'native/prebuilt/linux-x64/operators.so')).includes(
      digest.digest('hex'),
    ),
  ).toBe(true);
});
