import { join } from 'node:path';
import { DeviceLostError, StartupError } from '../../../../../src/core/errors';
import { ofCapture, ofReservation, ofRun } from '../../../../../src/model-runner/backends/webgpu/failures';
import { hostNodes, isCapturable } from '../../../../../src/model-runner/backends/webgpu/host-nodes';
import { webGpuMemory } from '../../../../../src/model-runner/backends/webgpu/memory';
import { webGpuNumberType } from '../../../../../src/model-runner/backends/webgpu/number-type';
import { readModel } from '../../../../../src/models/registry';
import { OrtError } from '../../../../../src/onnxruntime/library';

/** What is decided about a device of WebGPU, without one. */

const GIB = 2 ** 30;

describe('nodes of the CPU', () => {
  const traits = { embedding: ['gather', 'cast'], 'uncached-attention': ['a'] };

  it('are those that the device has no right kernel for', () => {
    expect(hostNodes({}, 31)).toEqual([]);
    expect(hostNodes(traits, Infinity)).toEqual(['gather', 'cast']);
    expect(hostNodes(traits, 31)).toEqual(['gather', 'cast', 'a']);
    expect(hostNodes({ 'bidirectional-attention': ['b'], shape: ['s'] }, Infinity)).toEqual(['b', 's']);
  });

  it('cannot be those that hold keys and values', () => {
    expect(() => hostNodes({ 'capped-attention': ['a'] }, Infinity)).toThrow(StartupError);
  });
});

it.each([
  ['qwen3', 'generation', true],
  ['granite', 'generation', true],
  ['gemma3', 'generation', false],
  ['mixtral', 'generation', false],
  ['qwen3', 'embedding', false],
] as const)('decode steps of %s for %s are captured: %s', (name, purpose, captured) => {
  const folder = join(__dirname, '../../../../model/checkpoints', name);
  expect(isCapturable(readModel(folder, {}, purpose))).toBe(captured);
});

describe('the memory of a device', () => {
  // A token of a layer's keys: 2 · 64 · 4 bytes; of all: 24 times that, twice.
  const shape = { numLayers: 24, numKvHeads: 2, headDim: 64 };

  it('is taken by whole rows, and by no buffer of more than 128 MiB', () => {
    const memory = webGpuMemory(
      () => 64 * GIB,
      () => 'float32',
    );
    expect(memory.tokenBytes(shape)).toBe(2 * 24 * 2 * 512);
    expect(memory.slotLimit(shape)).toBe(2 ** 18);
    expect(memory.rowLimit(shape, 32_768, 0)).toBe(8);
    expect(memory.rowLimit(shape, 4096, 0)).toBe(64);
  });

  it('is shared by rows and cache', () => {
    const memory = webGpuMemory(
      () => GIB,
      () => 'float32',
    );
    // 32,768 tokens of 24,576 bytes are 0.75 GiB a row; 0.4 GiB hold rows of 4096 tokens four times.
    expect(memory.rowLimit(shape, 32_768, 0)).toBe(0);
    expect(memory.rowLimit(shape, 4096, 0)).toBe(4);
  });

  it('holds twice as much in float16', () => {
    const memory = webGpuMemory(
      () => GIB,
      () => 'float16',
    );
    expect(memory.tokenBytes(shape)).toBe(2 * 24 * 2 * 256);
    expect(memory.slotLimit(shape)).toBe(2 ** 19);
    expect(memory.rowLimit(shape, 4096, 0)).toBe(8);
  });
});

it.each([
  ['auto', 'float16', 'float16'],
  ['auto', 'bfloat16', 'float32'],
  ['auto', 'float32', 'float32'],
  ['half', 'bfloat16', 'float16'],
  ['float16', 'float32', 'float16'],
  ['float32', 'float16', 'float32'],
  ['bfloat16', 'bfloat16', 'float32'],
] as const)('--dtype %s of a checkpoint in %s is computed in %s', (asked, stored, type) => {
  expect(webGpuNumberType(asked, stored)).toBe(type);
});

describe('a failure', () => {
  const failed = (name: 'RunWithBinding' | 'CopyTensors', message: string) => new OrtError(name, 1, message);

  it('of a run is not that of the device', () => {
    const run = failed('RunWithBinding', 'Non-zero status code returned while running Add node.\nmore');
    expect(ofRun(run)).toBe(run);
    const other = new Error('lost in thought');
    expect(ofRun(other)).toBe(other);
  });

  it.each([
    failed('RunWithBinding', 'Device is lost.\nmore'),
    failed('CopyTensors', 'Failed to download data from buffer.\nmore'),
  ])('that means the device is lost says so in one line: %s', (error) => {
    const said = ofRun(error);
    expect(said).toBeInstanceOf(DeviceLostError);
    expect((said as Error).message).toMatch(/the device was lost \(.*\)\. Start the server again/);
    expect((said as Error).message).not.toContain('\n');
  });

  it('to reserve memory names the flags', () => {
    const said = ofReservation(failed('RunWithBinding', '[Invalid Buffer] is invalid'), 3 * GIB) as Error;
    expect(said).toBeInstanceOf(StartupError);
    expect(said.message).toMatch(/no room for 3\.00 GiB .* Lower --max-total-tokens/);
  });

  it('of the first run may be that of memory', () => {
    const invalid = failed(
      'RunWithBinding',
      'validation failed. [Invalid Buffer] is invalid due to a previous error.\nmore',
    );
    expect(ofCapture(invalid)?.message).toMatch(/no room for the weights/);
    expect(ofCapture(failed('RunWithBinding', 'Add: shapes differ'))).toBeNull();
    expect(ofCapture(new Error('out of memory'))).toBeNull();
  });
});
