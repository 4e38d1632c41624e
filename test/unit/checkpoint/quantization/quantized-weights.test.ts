import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../../../../src/core/errors';
import { openCheckpoint } from '../../../../src/checkpoint/checkpoint';
import {
  readFloats,
  readSafetensors,
  readTensor,
  type TensorRef,
} from '../../../../src/checkpoint/safetensors';
import type { QuantizedWeight, WeightForm } from '../../../../src/checkpoint/quantization/quantized-weight';
import { QuantizedWeights } from '../../../../src/checkpoint/quantization/quantized-weights';
import { turnInputs, turnOutputs } from '../../../../src/checkpoint/quantization/turning';
import { captureLog } from '../../capture-log';
import { entry, Folders, safetensors } from '../folders';

const folders = new Folders();
afterAll(() => folders.removeAll());
afterEach(() => jest.restoreAllMocks());

const ROWS = 6;
const INPUTS = 40;
const BYTES = ROWS * INPUTS * 4;

/** A folder with two weights, [6, 40] each. */
function checkpoint(seed: number): string {
  const values = Float32Array.from({ length: 2 * ROWS * INPUTS }, (_, at) => Math.sin(at * 1.7 + seed));
  const header = {
    a: entry('F32', [ROWS, INPUTS], 0, BYTES),
    b: entry('F32', [ROWS, INPUTS], BYTES, 2 * BYTES),
  };
  return folders.create({ 'model.safetensors': safetensors(header, new Uint8Array(values.buffer)) });
}

function planned(dir: string, form: WeightForm = { kind: 'int8_columns' }): QuantizedWeight[] {
  const source = openCheckpoint(dir);
  return ['a', 'b'].map((name) => ({
    name,
    form,
    stored: { layout: 'floats', turn: null, parts: [source.get(name, [ROWS, INPUTS])] },
  }));
}

const of = (weights: readonly QuantizedWeight[], cacheDir: string | null) =>
  QuantizedWeights.of(weights, { cacheDir, threads: 2 });

const bytesOf = (made: QuantizedWeights, weights: readonly QuantizedWeight[]) =>
  Buffer.concat(
    weights.flatMap((weight) => {
      const { values, scales } = made.tensors(weight);
      return [readTensor(values), readTensor(scales as TensorRef)];
    }),
  );

const kept = (dir: string) => fs.readdirSync(dir);

it('keeps what it makes, as a safetensors file, and takes it from there the next time', async () => {
  const weights = planned(checkpoint(1));
  const dir = path.join(folders.create(), 'not', 'there', 'yet');
  const first = bytesOf(await of(weights, dir), weights);
  const [name] = kept(dir) as [string];
  const before = fs.statSync(path.join(dir, name));
  expect(readSafetensors(path.join(dir, name)).map(({ name }) => name)).toEqual([
    'a.scales',
    'b.scales',
    'a.values',
    'b.values',
    'digests',
  ]);
  expect(bytesOf(await of(weights, dir), weights)).toEqual(first);
  const after = fs.statSync(path.join(dir, name));
  expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
});

it('makes the same without a cache, in a folder that goes', async () => {
  const weights = planned(checkpoint(1));
  const dir = folders.create();
  const made = await of(weights, null);
  expect(bytesOf(made, weights)).toEqual(bytesOf(await of(weights, dir), weights));
  const { file } = made.tensors(weights[0] as QuantizedWeight).values;
  expect(fs.existsSync(file)).toBe(true);
  made.close();
  expect(fs.existsSync(path.dirname(file))).toBe(false);
});

it('turns weights before it rounds them: outputs · W · scales · inputs', async () => {
  const dir = checkpoint(1);
  const source = openCheckpoint(dir);
  const [tensor, other] = [source.get('a', [ROWS, INPUTS]), source.get('b', [ROWS, INPUTS])];
  const scale = { tensor: { ...other, shape: [INPUTS], byteLength: INPUTS * 4 }, offset: 1 };
  const turn = { scale, inputs: 8, outputs: 2 };
  const stored = { layout: 'floats', turn, parts: [tensor] } as const;
  const weights = [{ name: 'a', form: { kind: 'int8_columns' }, stored }] as const;
  const made = await of(weights, null);
  const { values, scales } = made.tensors(weights[0]);
  const [rounded, steps] = [new Int8Array(readTensor(values)), readFloats(scales as TensorRef)];

  const expected = readFloats(tensor);
  const factors = readFloats(scale.tensor);
  expected.forEach((value, at) => (expected[at] = value * ((factors[at % INPUTS] as number) + 1)));
  turnInputs(expected, 8);
  turnOutputs(expected, INPUTS, 2);
  expected.forEach((value, at) => {
    const [row, column] = [Math.floor(at / INPUTS), at % INPUTS];
    const step = steps[row] as number;
    expect(Math.abs((rounded[column * ROWS + row] as number) * step - value)).toBeLessThanOrEqual(
      step * 0.501,
    );
  });
  made.close();
});

it('tells other contents and other forms apart', async () => {
  const dir = folders.create();
  await of(planned(checkpoint(1)), dir);
  await of(planned(checkpoint(2)), dir);
  await of(planned(checkpoint(2), { kind: 'blocks', bits: 4, block: 32, offset: 'none' }), dir);
  await of(planned(checkpoint(2), { kind: 'blocks', bits: 4, block: 64, offset: 'none' }), dir);
  // The same contents elsewhere are the same.
  await of(planned(checkpoint(2)), dir);
  expect(kept(dir)).toHaveLength(4);
});

describe('a damaged file is made anew', () => {
  const damages: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['cut off', (bytes) => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['too long', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['another header', (bytes) => (bytes.writeUInt8(0x7b, 9), bytes)],
    ['a bit of the values', (bytes) => (bytes.writeUInt8(bytes[700]! ^ 1, 700), bytes)],
    ['a bit of the digests', (bytes) => (bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1), bytes)],
  ];

  it.each(damages)('%s', async (_, damage) => {
    const weights = planned(checkpoint(1));
    const dir = folders.create();
    const right = bytesOf(await of(weights, dir), weights);
    const file = path.join(dir, (kept(dir) as [string])[0]);
    const whole = fs.readFileSync(file);
    const damaged = damage(Buffer.from(whole));
    expect(damaged).not.toEqual(whole);
    fs.writeFileSync(file, damaged);
    const log = captureLog();
    expect(bytesOf(await of(weights, dir), weights)).toEqual(right);
    expect(log).toContainEqual(expect.stringContaining('is damaged and will be made anew'));
    expect(fs.readFileSync(file)).toEqual(whole);
  });
});

it('starts over what a killed process left', async () => {
  const weights = planned(checkpoint(1));
  const dir = folders.create();
  await of(weights, dir);
  const [name] = kept(dir) as [string];
  const whole = fs.readFileSync(path.join(dir, name));
  fs.renameSync(path.join(dir, name), path.join(dir, `${name}.tmp`));
  await of(weights, dir);
  expect(fs.readdirSync(dir)).toEqual([name]);
  expect(fs.readFileSync(path.join(dir, name))).toEqual(whole);
});

it('makes one file where several start at once', async () => {
  const weights = planned(checkpoint(1));
  const dir = folders.create();
  const all = await Promise.all([of(weights, dir), of(weights, dir), of(weights, dir)]);
  const [first, ...others] = all.map((made) => bytesOf(made, weights));
  for (const other of others) expect(other).toEqual(first);
  expect(fs.readdirSync(dir)).toHaveLength(1);
});

it('does without a cache that cannot be written, with one warning', async () => {
  const weights = planned(checkpoint(1));
  const right = bytesOf(await of(weights, folders.create()), weights);
  const dir = path.join(folders.create({ file: 'no folder' }), 'file', 'quantized');
  const log = captureLog();
  const made = await of(weights, dir);
  expect(bytesOf(made, weights)).toEqual(right);
  expect(log.filter((line) => line.includes('cannot be kept in'))).toHaveLength(1);
  made.close();
});

it('names a checkpoint that ends too early', async () => {
  const dir = checkpoint(1);
  const weights = planned(dir);
  const file = path.join(dir, 'model.safetensors');
  fs.truncateSync(file, fs.statSync(file).size - 1);
  await expect(of(weights, folders.create())).rejects.toThrow(StartupError);
  await expect(of(weights, null)).rejects.toThrow(`${file}: ends within tensor 'b'`);
});
