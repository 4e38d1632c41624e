import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { openCheckpoint } from '../../../src/checkpoint/checkpoint';
import { entry, Folders, safetensors } from './folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const shardA = safetensors({ 'a.weight': entry('BF16', [2, 3], 0, 12) }, 12);
const shardB = safetensors({ 'b.weight': entry('F32', [2], 0, 8), 'c.weight': entry('U8', [1], 8, 9) }, 9);

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

describe('one file', () => {
  const dir = folders.create({ 'model.safetensors': shardB });
  const file = path.join(dir, 'model.safetensors');

  test('answers for its tensors', () => {
    const weights = openCheckpoint(dir);
    expect(weights.get('b.weight', [2])).toMatchObject({ dtype: 'F32', file, offset: shardB.length - 9 });
    expect(weights.files).toEqual([file]);
    weights.close();
  });

  test('names a tensor that is missing or of another shape', () => {
    const weights = openCheckpoint(dir);
    expect(refusal(() => weights.get('model.norm.weight', [2]))).toBe(
      `${file}: tensor 'model.norm.weight' is missing`,
    );
    expect(refusal(() => weights.get('b.weight', [2, 1]))).toBe(
      `${file}: tensor 'b.weight' has shape [2], expected [2, 1]`,
    );
    expect(refusal(() => weights.get('b.weight', [3]))).toContain('expected [3]');
  });

  test('wins over an index beside it', () => {
    fs.writeFileSync(path.join(dir, 'model.safetensors.index.json'), 'not read');
    expect(openCheckpoint(dir).files).toEqual([file]);
  });
});

describe('shards', () => {
  const index = 'model.safetensors.index.json';
  const map = { 'a.weight': 'one.safetensors', 'b.weight': 'two.safetensors' };
  const create = (weightMap: unknown, extra = {}) =>
    folders.create({
      'one.safetensors': shardA,
      'two.safetensors': shardB,
      [index]: { metadata: { total_size: 21 }, weight_map: weightMap },
      ...extra,
    });

  test('are found through the index', () => {
    const dir = create(map);
    const weights = openCheckpoint(dir);
    expect(weights.get('a.weight', [2, 3]).file).toBe(path.join(dir, 'one.safetensors'));
    expect(weights.get('b.weight', [2]).file).toBe(path.join(dir, 'two.safetensors'));
    expect(weights.files).toHaveLength(2);
    expect(refusal(() => weights.get('x', []))).toBe(`${path.join(dir, index)}: tensor 'x' is missing`);
  });

  test.each([
    ['no map', undefined, "'weight_map' must be an object"],
    ['a list', [], "'weight_map' must be an object"],
    ['a number for a name', { 'a.weight': 1 }, "tensor 'a.weight' has no file name"],
    ['a shard that is missing', { 'a.weight': 'three.safetensors' }, "shard 'three.safetensors' is missing"],
    ['a path upwards', { 'a.weight': '../one.safetensors' }, 'is not a name inside the folder'],
    ['an absolute path', { 'a.weight': '/etc/passwd' }, 'is not a name inside the folder'],
    ['an empty name', { 'a.weight': '' }, 'is not a name inside the folder'],
    ['a NUL', { 'a.weight': 'one\0' }, 'is not a name inside the folder'],
    ['a folder', { 'a.weight': 'folder' }, 'is not a regular file'],
  ])('refuses %s', (_, weightMap, message) => {
    const dir = create(weightMap, { 'folder/x': '' });
    const text = refusal(() => openCheckpoint(dir));
    expect(text).toContain(message);
    expect(text.startsWith(dir)).toBe(true);
  });

  test('a tensor that is not where the index says is refused when it is needed, not before', () => {
    const dir = create({ ...map, 'lm_head.weight': 'two.safetensors' });
    const weights = openCheckpoint(dir);
    expect(weights.get('b.weight', [2]).file).toBe(path.join(dir, 'two.safetensors'));
    expect(refusal(() => weights.get('lm_head.weight', [2, 2]))).toBe(
      `${path.join(dir, 'two.safetensors')}: tensor 'lm_head.weight' is missing (the index says it is here)`,
    );
  });

  test('are found by their names where there is no index', () => {
    const dir = folders.create({
      'model-00001-of-00002.safetensors': shardA,
      'model-00002-of-00002.safetensors': shardB,
    });
    const weights = openCheckpoint(dir);
    expect(weights.get('a.weight', [2, 3]).file).toBe(path.join(dir, 'model-00001-of-00002.safetensors'));
    expect(weights.get('b.weight', [2]).file).toBe(path.join(dir, 'model-00002-of-00002.safetensors'));
    expect(refusal(() => weights.get('x', []))).toBe(`${dir}: tensor 'x' is missing`);
  });

  test('without an index must be complete', () => {
    const dir = folders.create({ 'model-00001-of-00002.safetensors': shardA });
    expect(refusal(() => openCheckpoint(dir))).toBe(
      `${dir}: the shards 'model-00001-of-00002.safetensors' are not complete (interrupted download?)`,
    );
  });

  test('a name that stands twice is refused', () => {
    const text = '{"weight_map":{"a.weight":"one.safetensors","a.weight":"two.safetensors"}}';
    expect(refusal(() => openCheckpoint(create({}, { [index]: text })))).toContain(
      "'a.weight' is in it twice",
    );
  });

  test('a shard may lie in a folder below', () => {
    const dir = create({ 'a.weight': 'folder/one.safetensors' }, { 'folder/one.safetensors': shardA });
    expect(openCheckpoint(dir).files).toEqual([path.join(dir, 'folder/one.safetensors')]);
  });
});

describe('the names of a body', () => {
  const body = (prefix: string, head: string) =>
    folders.create({
      'model.safetensors': safetensors(
        {
          [`${prefix}embed_tokens.weight`]: entry('F32', [1, 1], 0, 4),
          [`${prefix}norm.weight`]: entry('F32', [1], 4, 8),
          [head]: entry('F32', [1, 1], 8, 12),
        },
        12,
      ),
    });

  test.each([
    ['model.', 'lm_head.weight'],
    ['', 'lm_head.weight'],
    ['language_model.model.', 'language_model.lm_head.weight'],
    ['model.language_model.', 'lm_head.weight'],
  ])('may begin with %j', (prefix, head) => {
    const weights = openCheckpoint(body(prefix, head));
    expect(weights.get('model.norm.weight', [1]).name).toBe(`${prefix}norm.weight`);
    expect(weights.get('lm_head.weight', [1, 1]).name).toBe(head);
    expect(refusal(() => weights.get('model.x', []))).toContain(`tensor '${prefix}x' is missing`);
  });

  test.each(['', 'bert.', 'roberta.'])(
    'of an encoder may begin with %j, and norms have their old names',
    (prefix) => {
      const weights = openCheckpoint(
        folders.create({
          'model.safetensors': safetensors(
            {
              [`${prefix}embeddings.word_embeddings.weight`]: entry('F32', [1, 1], 0, 4),
              [`${prefix}embeddings.LayerNorm.gamma`]: entry('F32', [1], 4, 8),
              [`${prefix}embeddings.LayerNorm.beta`]: entry('F32', [1], 8, 12),
            },
            12,
          ),
        }),
      );
      expect(weights.get('model.embeddings.LayerNorm.weight', [1]).offset).toBe(
        weights.get('model.embeddings.LayerNorm.gamma', [1]).offset,
      );
      expect(weights.get('model.embeddings.LayerNorm.bias', [1]).name).toBe(
        `${prefix}embeddings.LayerNorm.beta`,
      );
    },
  );
});

describe('links', () => {
  test('into the blobs of the hub cache are followed, and the blob is named', () => {
    const cache = folders.create({
      'models--o--n/blobs/0123': shardA,
      'models--o--n/snapshots/abc/config.json': {},
    });
    const dir = path.join(cache, 'models--o--n/snapshots/abc');
    fs.symlinkSync('../../blobs/0123', path.join(dir, 'model.safetensors'));
    expect(openCheckpoint(dir).get('a.weight', [2, 3]).file).toBe(
      path.join(cache, 'models--o--n/blobs/0123'),
    );
  });

  test('to the model folder itself are followed', () => {
    const dir = folders.create({ 'model.safetensors': shardA });
    const link = path.join(folders.create(), 'link');
    fs.symlinkSync(dir, link);
    expect(openCheckpoint(link).files).toEqual([path.join(dir, 'model.safetensors')]);
  });

  test('out of the folder are refused', () => {
    const outside = folders.create({ 'secret.safetensors': shardA });
    const dir = folders.create();
    fs.symlinkSync(path.join(outside, 'secret.safetensors'), path.join(dir, 'model.safetensors'));
    expect(refusal(() => openCheckpoint(dir))).toBe(
      `${dir}: file 'model.safetensors' is a link that leaves the folder`,
    );
  });

  test('to a folder whose name merely begins the same are refused', () => {
    const outside = folders.create({ 'model/x': '', 'model-two/w.safetensors': shardA });
    fs.symlinkSync('../model-two/w.safetensors', path.join(outside, 'model/model.safetensors'));
    expect(refusal(() => openCheckpoint(path.join(outside, 'model')))).toContain('leaves the folder');
  });

  test('to nothing are refused', () => {
    const dir = folders.create();
    fs.symlinkSync('gone', path.join(dir, 'model.safetensors'));
    expect(refusal(() => openCheckpoint(dir))).toContain('incomplete download?');
  });
});

test.each([
  ['pytorch_model.bin', " (found 'pytorch_model.bin')"],
  ['model.Q4_0.gguf', " (found 'model.Q4_0.gguf')"],
  ['README.md', ''],
])('a folder with %s alone is told what is needed', (name, found) => {
  const dir = folders.create({ [name]: 'x' });
  expect(refusal(() => openCheckpoint(dir))).toBe(
    `${dir}: no model.safetensors or model.safetensors.index.json${found}; weights in safetensors format are needed`,
  );
});

test('a folder that does not exist is named', () => {
  expect(refusal(() => openCheckpoint('/nonexistent/model'))).toBe('/nonexistent/model: no such folder');
});
