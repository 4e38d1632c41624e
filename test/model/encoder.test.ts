import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Embedder, expectClose } from './embedder';
import { CHECKPOINTS } from './support';

/** Sentence vectors of encoders against sentence-transformers', in every way of pooling, alone and in company. */

interface Golden {
  readonly prompts: readonly number[][];
  readonly ways: Readonly<
    Record<string, { modes: string[] | null; behind: string[] | null; vectors: number[][] }>
  >;
}

const NAMES = ['bert', 'roberta', 'xlm-roberta'];
const HIDDEN = 32;
const DENSE_OUT = 24;
const MODE_FIELDS: Readonly<Record<string, string>> = { cls: 'cls_token', lasttoken: 'lasttoken' };

const goldenOf = (name: string) =>
  JSON.parse(readFileSync(join(CHECKPOINTS, name, 'vectors.json'), 'utf8')) as Golden;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'encoder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const writeJson = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value));

function copyModel(name: string): void {
  for (const file of ['config.json', 'model.safetensors'])
    copyFileSync(join(CHECKPOINTS, name, file), join(folder, file));
}

/** `modules.json` and what it names; as tools/golden/record_encoders.py writes it. */
function writeModules(modes: readonly string[], behind: readonly string[]): void {
  const listed = ['Transformer', 'Pooling', ...behind].map((kind, at) => ({
    path: at === 0 ? '' : `${at}_${kind}`,
    type: `sentence_transformers.models.${kind}`,
  }));
  writeJson('modules.json', listed);
  mkdirSync(join(folder, '1_Pooling'));
  const isOn = (mode: string) => [
    `pooling_mode_${MODE_FIELDS[mode] ?? `${mode.replace('_tokens', '')}_tokens`}`,
    true,
  ];
  writeJson('1_Pooling/config.json', Object.fromEntries(modes.map(isOn)));
  if (behind[0] === 'Dense') writeDense(HIDDEN * modes.length);
}

function writeDense(inputs: number): void {
  mkdirSync(join(folder, '2_Dense'));
  writeJson('2_Dense/config.json', {
    in_features: inputs,
    out_features: DENSE_OUT,
    bias: true,
    activation_function: 'torch.nn.modules.activation.Tanh',
  });
  const weight = Float32Array.from({ length: DENSE_OUT * inputs }, (_, at) => {
    return (((7 * Math.floor(at / inputs) + 3 * (at % inputs)) % 11) - 5) / 20;
  });
  const bias = Float32Array.from({ length: DENSE_OUT }, (_, at) => at / 100);
  const end = weight.byteLength;
  const header = JSON.stringify({
    'linear.weight': { dtype: 'F32', shape: [DENSE_OUT, inputs], data_offsets: [0, end] },
    'linear.bias': { dtype: 'F32', shape: [DENSE_OUT], data_offsets: [end, end + bias.byteLength] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const parts = [length, Buffer.from(header), Buffer.from(weight.buffer), Buffer.from(bias.buffer)];
  writeFileSync(join(folder, '2_Dense/model.safetensors'), Buffer.concat(parts));
}

describe.each(NAMES)('%s', (name) => {
  const { prompts, ways } = goldenOf(name);

  it.each(Object.entries(ways))(
    'pools by %s, alone and in a batch to the bit',
    async (_, { modes, behind, vectors }) => {
      copyModel(name);
      if (modes !== null) writeModules(modes, behind ?? []);
      const embedder = await Embedder.start(folder, []);
      const alone: (Float32Array | null)[] = [];
      for (const ids of prompts) alone.push((await embedder.embed(ids)).vector);
      alone.forEach((vector, i) => expectClose(vector, vectors[i] ?? []));
      const before = embedder.scheduler.state.forwardCount;
      const together = await Promise.all([...prompts, ...prompts].map((ids) => embedder.embed(ids)));
      together.forEach(({ vector }, i) => expect(vector).toEqual(alone[i % prompts.length]));
      expect(embedder.scheduler.state.forwardCount - before).toBeLessThan(prompts.length);
      await embedder.close();
    },
  );
});

test('a decoder pools as modules.json says, alone and in a batch', async () => {
  const { models } = JSON.parse(readFileSync(join(__dirname, 'golden/embeddings.json'), 'utf8')) as {
    models: Readonly<Record<string, readonly { input_ids: number[]; mean: number[] }[]>>;
  };
  const cases = models['qwen3'] ?? [];
  copyModel('qwen3');
  writeModules(['mean'], []);
  const embedder = await Embedder.start(folder, ['--is-embedding']);
  for (const { input_ids, mean } of cases) expectClose((await embedder.embed(input_ids)).vector, mean);
  const many = Array.from({ length: 4 }, () => cases).flat();
  const outputs = await Promise.all(many.map(({ input_ids }) => embedder.embed(input_ids)));
  outputs.forEach(({ vector }, i) => expectClose(vector, many[i]?.mean ?? []));
  await embedder.close();
});

test.each([
  [{ type: 'sentence_transformers.models.CNN', path: '' }, "module 'CNN' is not supported"],
  [
    { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' },
    '1_Pooling/config.json: no such file',
  ],
  [{ type: 'sentence_transformers.models.Dense', path: '../outside' }, 'is not a name inside the folder'],
  [{ path: '' }, "'type' is missing"],
  ['text', 'must be a list of objects'],
])('refuses a module %j', async (module, message) => {
  copyModel('bert');
  writeJson('modules.json', [module]);
  await expect(Embedder.start(folder, [])).rejects.toThrow(message);
});

test.each([
  [{ position_embedding_type: 'relative_key' }, "'position_embedding_type' 'relative_key' is not supported"],
  [{ is_decoder: true }, "'is_decoder' true is not supported"],
  [{ hidden_act: 'selu' }, "'hidden_act' 'selu' is not supported"],
])('refuses a config with %j', async (fields, message) => {
  await expect(
    Embedder.start('bert', ['--json-model-override-args', JSON.stringify(fields)]),
  ).rejects.toThrow(message);
});
