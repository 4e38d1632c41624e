import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { logger } from '../../../src/logging/logger';
import { findModelFolders } from '../../../src/checkpoint/hub';
import { LoopbackHub } from '../../loopback-hub';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

let cache: string;
let snapshot: string;
let log: jest.SpyInstance;
let hub: LoopbackHub;

beforeAll(async () => {
  hub = await LoopbackHub.start({ 'org/other': { 'config.json': '{}', 'tokenizer.json': '{}' } });
});
afterAll(() => hub.close());

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'hub-'));
  const repo = join(cache, 'models--org--name');
  snapshot = join(repo, 'snapshots', COMMIT);
  mkdirSync(snapshot, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
    writeFileSync(join(snapshot, name), '{}');
  }
  mkdirSync(join(repo, 'refs'));
  writeFileSync(join(repo, 'refs', 'main'), COMMIT);
  log = jest.spyOn(logger, 'log').mockReturnValue(logger);
  process.env['HF_ENDPOINT'] = hub.endpoint;
  delete process.env['HF_HUB_OFFLINE'];
  hub.seen.length = 0;
});
afterEach(() => {
  rmSync(cache, { recursive: true });
  jest.restoreAllMocks();
});

function find(modelPath: string, tokenizerPath = modelPath, changes: { loadFormat?: 'dummy' } = {}) {
  return findModelFolders({
    modelPath,
    tokenizerPath,
    revision: null,
    downloadDir: cache,
    loadFormat: 'auto',
    skipTokenizerInit: false,
    ...changes,
  });
}

test('a hub id is found in the cache, once for model and tokenizer, and logged; the hub is not asked', async () => {
  expect(await find('org/name')).toEqual({ modelDir: snapshot, tokenizerDir: snapshot });
  expect(log.mock.calls).toEqual([
    ['info', `Found local HF snapshot for org/name at ${snapshot}; skipping download.`],
  ]);
  expect(hub.seen).toEqual([]);
});

test('model and tokenizer may come from different places; a folder is not worth a line', async () => {
  expect(await find(cache, 'org/name')).toEqual({ modelDir: cache, tokenizerDir: snapshot });
  expect(log).toHaveBeenCalledTimes(1);
});

test('of a tokenizer its own files come, of a model with dummy weights all but these', async () => {
  const { tokenizerDir } = await find('org/name', 'org/other');
  expect(readdirSync(tokenizerDir)).toEqual(['tokenizer.json']);
  const { modelDir } = await find('org/other', 'org/other', { loadFormat: 'dummy' });
  expect(readdirSync(modelDir).sort()).toEqual(['config.json', 'tokenizer.json']);
  await expect(find('org/other')).rejects.toThrow('org/other has no model.safetensors');
});

test('what is nowhere is refused with the places that were searched', async () => {
  const error = await find('org/nothing').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).toBe(
    `org/nothing (repository not found). It is neither a folder nor in the Hugging Face cache ${cache}. The hub at ` +
      `${hub.endpoint} does not show it (401, revision 'main'): check the name. For a private or gated repository set HF_TOKEN.`,
  );
  await expect(find(cache, 'org/nothing')).rejects.toThrow('org/nothing (repository not found).');
});

test('offline nobody is asked, and what is there is taken as it is', async () => {
  process.env['HF_HUB_OFFLINE'] = '1';
  await expect(find('org/other')).rejects.toThrow(
    `org/other (repository not found). It is neither a folder nor in the Hugging Face cache ${cache}. ` +
      'HF_HUB_OFFLINE forbids to ask the hub for it.',
  );
  rmSync(join(snapshot, 'model.safetensors'));
  expect((await find('org/name')).modelDir).toBe(snapshot);
  expect(hub.seen).toEqual([]);
});

test('a hub that cannot be reached is named; an incomplete snapshot is used with a warning', async () => {
  const gone = await LoopbackHub.start();
  gone.close();
  process.env['HF_ENDPOINT'] = gone.endpoint;
  await expect(find('org/other')).rejects.toThrow(
    /^org\/other \(repository not found\)\. .* The hub at http:\/\/127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/,
  );
  rmSync(join(snapshot, 'model.safetensors'));
  expect((await find('org/name')).modelDir).toBe(snapshot);
  expect(log.mock.calls.at(-1)?.[1]).toMatch(
    /org\/name is not complete in .*, and cannot be completed: The hub at/,
  );
});

test('what cannot be a name on the hub is not asked for there', async () => {
  await expect(find('./no/folder')).rejects.toThrow(
    `./no/folder (repository not found). It is neither a folder nor in the Hugging Face cache ${cache}.`,
  );
  expect(hub.seen).toEqual([]);
});

test('a file in place of a folder is told so', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'file-')), 'model.bin');
  writeFileSync(file, 'x');
  await expect(find(file)).rejects.toThrow(
    `${file} is a file: the folder with config.json and the weights is needed, or a GGUF file.`,
  );
});
