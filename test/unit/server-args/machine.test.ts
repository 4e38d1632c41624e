import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { readMachine } from '../../../src/server-args/machine';
import { bundledModelPath, packageVersion } from '../../../src/core/package';
import { flagsOf } from './helpers';

test('without a GPU asked for none is looked for', () => {
  const machine = readMachine(flagsOf());
  expect(machine.cudaMemoryMiB).toBeNull();
  expect(machine.env).toBe(process.env);
  expect(machine.bundledModelPath).toBe(bundledModelPath());
});

test('seeds are drawn within the range of SGLang', () => {
  const seeds = Array.from({ length: 50 }, () => readMachine(flagsOf()).drawnSeed);
  expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed <= 2 ** 30)).toBe(true);
  expect(new Set(seeds).size).toBeGreaterThan(1);
});

test('the bundled checkpoint lies in the package', () => {
  expect(existsSync(join(bundledModelPath(), 'config.json'))).toBe(true);
  expect(existsSync(join(bundledModelPath(), '..', '..', 'package.json'))).toBe(true);
});

test('the version is that of package.json', () => {
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});
