import * as fs from 'node:fs';
import * as path from 'node:path';
import { dummyWeights, type TensorRef } from '../../../src/checkpoint/checkpoint';

function values({ file, offset, byteLength }: TensorRef): Float32Array {
  const bytes = fs.readFileSync(file).subarray(offset, offset + byteLength);
  const bits = Uint32Array.from({ length: byteLength / 2 }, (_, at) => bytes.readUInt16LE(at * 2) * 65536);
  return new Float32Array(bits.buffer);
}

test('every tensor is backed by small random values, the same on every start', () => {
  const first = dummyWeights();
  const second = dummyWeights();
  const ask = (name: string) =>
    [values(first.get(name, [64, 128])), values(second.get(name, [64, 128]))] as const;
  const [gate, gateAgain] = ask('model.layers.0.mlp.gate_proj.weight');
  const [up] = ask('model.layers.0.mlp.up_proj.weight');
  expect(gate).toHaveLength(64 * 128);
  expect(gate).toEqual(gateAgain);
  expect(gate).not.toEqual(up);
  expect(Math.max(...gate)).toBeLessThanOrEqual(0.05);
  expect(Math.max(...gate)).toBeGreaterThan(0.045);
  expect(Math.min(...gate)).toBeGreaterThanOrEqual(-0.05);
  expect(Math.abs(gate.reduce((sum, value) => sum + value, 0) / gate.length)).toBeLessThan(0.002);
  first.close();
  second.close();
});

test('a large tensor lies inside the file', () => {
  const weights = dummyWeights();
  const tensor = weights.get('model.experts', [40, 64, 1000]);
  expect(tensor.offset + tensor.byteLength).toBeLessThanOrEqual(fs.statSync(tensor.file).size);
  const rows = values(tensor);
  const period = 999_983;
  expect(rows[0]).toBe(rows[period]);
  expect(rows.subarray(0, 1000)).not.toEqual(rows.subarray(1_000_000, 1_001_000));
  weights.close();
});

test('close deletes the file', () => {
  const weights = dummyWeights();
  const [file] = weights.files;
  weights.get('a', [2]);
  expect(fs.existsSync(file ?? '')).toBe(true);
  const listeners = process.listenerCount('exit');
  weights.close();
  expect(fs.existsSync(path.dirname(file ?? ''))).toBe(false);
  expect(process.listenerCount('exit')).toBe(listeners - 1);
});
