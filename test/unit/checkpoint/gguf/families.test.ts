import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../../../src/checkpoint/checkpoint';
import { readFloats, readSafetensors } from '../../../../src/checkpoint/safetensors';
import type { DecoderConfig } from '../../../../src/models/config/decoder-config';
import type { Rope } from '../../../../src/models/config/rope';
import { rotaryTables } from '../../../../src/models/layers/rotary';
import { readModel } from '../../../../src/models/registry';
import { gguf } from '../../../gguf';
import { converted } from '../../../gguf-conversion';
import { Folders } from '../folders';

const CHECKPOINTS = join(__dirname, '../../../model/checkpoints');
const folders = new Folders();
afterAll(() => folders.removeAll());

/** Checkpoints, and what their files cannot say of their config. */
const CASES: Record<string, readonly string[]> = {
  'llama-fp16-biases': [],
  'llama-head-dim-8': [],
  'llama-sharded': [],
  'llama-linear-rope': [],
  mixtral: [],
  'qwen2-yarn': [],
  qwen3: [],
  'qwen3-moe': [],
  // Windows of some layers only, by a field that converters leave out.
  'qwen2-moe': ['slidingWindows'],
  // A scale of scores that is not that of the heads' width.
  gemma2: ['attentionScale'],
  // Which layers have windows, too: here every second one, by a list.
  gemma3: ['attentionScale', 'ropes', 'slidingWindows'],
  phi3: [],
  'phi3-longrope': [],
  granite: [],
  olmo2: [],
  olmoe: [],
  // A list of layers without rotation.
  smollm3: ['ropes'],
};

/** Known of the file in another way, or not at all. */
const ELSEWHERE = ['torchDtype', 'eosTokenIds', 'bosTokenId', 'generationDefaults'];

const inFloat32 = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'number' ? Math.fround(item) : item)),
  );

describe.each(Object.entries(CASES))('%s as GGUF', (name, unsaid) => {
  const dir = join(CHECKPOINTS, name);
  const file = join(folders.create({ 'model.gguf': gguf(converted(dir)) }), 'model.gguf');

  it('has the same config', () => {
    const own = readModel(file, {}, 'generation').config as unknown as Record<string, unknown>;
    const expected = { ...readModel(dir, {}, 'generation').config } as unknown as Record<string, unknown>;
    for (const key of [...ELSEWHERE, ...unsaid]) expected[key] = own[key];
    expect(inFloat32(own)).toEqual(inFloat32(expected));
  });

  it('has the same weights', () => {
    const source = openCheckpoint(file);
    const files = readdirSync(dir).filter((entry) => entry.endsWith('.safetensors'));
    const stored = files.flatMap((entry) => readSafetensors(join(dir, entry)));
    for (const ref of stored) {
      const own = readFloats(source.get(ref.name, ref.shape));
      const expected = readFloats(ref);
      const differs = own.findIndex((value, at) => Math.abs(value - (expected[at] ?? NaN)) > 1e-7);
      expect([ref.name, own.length, differs]).toEqual([ref.name, expected.length, -1]);
    }
    source.close();
  });
});

it('turns positions of Llama 3 as its checkpoint does', () => {
  const dir = join(CHECKPOINTS, 'llama-llama3-rope');
  const file = join(folders.create({ 'model.gguf': gguf(converted(dir)) }), 'model.gguf');
  const [own, expected] = [file, dir].map((place) => {
    const { ropes } = readModel(place, {}, 'generation').config as DecoderConfig;
    return rotaryTables(ropes[0] as Rope, 200);
  });
  for (const table of ['cos', 'sin'] as const) {
    const differs = own?.[table].findIndex(
      (value, at) => Math.abs(value - (expected?.[table][at] ?? NaN)) > 1e-4,
    );
    expect(differs).toBe(-1);
  }
});
