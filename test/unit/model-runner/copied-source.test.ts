import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CopiedSource } from '../../../src/model-runner/weights/copied-source';
import { readParameter } from '../../../src/model-runner/weights/read-parameter';
import { openWeights } from '../../../src/model-runner/weights/weights-place';

const MODEL = resolve(__dirname, '../../model/checkpoints/random-qwen2');
const NORM = 'model.norm.weight';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'copied-'));
  cpSync(MODEL, dir, { recursive: true });
  file = join(dir, 'model.safetensors');
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = () => openWeights({ modelDir: dir, loadFormat: 'auto' });

it('reads what the files held when they were copied, whatever becomes of them', async () => {
  const { source, stamps } = open();
  const bytes = readFileSync(file);
  const copied = await CopiedSource.of(source, stamps);
  truncateSync(file, 100);
  rmSync(file);
  const tensor = copied?.get(NORM, [64]);
  expect(tensor?.file).not.toBe(file);
  expect(readFileSync(tensor?.file ?? '')).toEqual(bytes);
  expect(() => copied?.get(NORM, [65])).toThrow('has shape [64], expected [65]');
  copied?.close();
  expect(existsSync(tensor?.file ?? '')).toBe(false);
});

it.each([
  ['is cut off', () => truncateSync(file, 100), 'has been written anew'],
  ['is written over', () => writeFileSync(file, readFileSync(file)), 'has been written anew'],
  ['goes', () => rmSync(file), 'has gone'],
])('refuses a file that %s after it was opened', async (_, change, message) => {
  const { source, stamps } = open();
  change();
  await expect(CopiedSource.of(source, stamps)).rejects.toThrow(message);
});

describe('a weight', () => {
  const weights = () => {
    const { source, stamps } = open();
    const tensors = new Map([['norm', source.get(NORM, [64])]]);
    const place = { modelDir: dir, loadFormat: 'auto' } as const;
    return { place, tensors, stamps };
  };

  it('is found by both of its names, as far as it goes', () => {
    for (const name of [NORM, 'norm']) {
      expect(readParameter(weights(), name, 3)).toMatchObject({ shape: [3] });
      expect(readParameter(weights(), name, 1000)?.values).toHaveLength(64);
    }
    expect(readParameter(weights(), 'other', 3)).toBeNull();
  });

  it('is not read from files that are others now, nor beyond measure', () => {
    const loaded = weights();
    const huge = { ...loaded.tensors.get('norm'), shape: [100_000, 100], name: 'huge' };
    const tensors = new Map([['huge', huge as never]]);
    expect(() => readParameter({ ...loaded, tensors }, 'huge', 100_000)).toThrow('smaller truncate_size');
    writeFileSync(file, readFileSync(file));
    expect(() => readParameter(loaded, 'norm', 3)).toThrow('has been written anew');
  });
});
