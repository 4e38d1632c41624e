import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { logger } from '../../../src/logging/logger';
import { findModelFolders } from '../../../src/checkpoint/hub';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

let cache: string;
let snapshot: string;
let log: jest.SpyInstance;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'hub-'));
  const repo = join(cache, 'models--org--name');
  snapshot = join(repo, 'snapshots', COMMIT);
  mkdirSync(snapshot, { recursive: true });
  mkdirSync(join(repo, 'refs'));
  writeFileSync(join(repo, 'refs', 'main'), COMMIT);
  log = jest.spyOn(logger, 'log').mockReturnValue(logger);
});
afterEach(() => {
  rmSync(cache, { recursive: true });
  jest.restoreAllMocks();
});

function find(modelPath: string, tokenizerPath = modelPath) {
  return findModelFolders({ modelPath, tokenizerPath, revision: null, downloadDir: cache });
}

test('a hub id is found in the cache, once for model and tokenizer, and logged', () => {
  expect(find('org/name')).toEqual({ modelDir: snapshot, tokenizerDir: snapshot });
  expect(log.mock.calls).toEqual([
    ['info', `Found local HF snapshot for org/name at ${snapshot}; skipping download.`],
  ]);
});

test('model and tokenizer may come from different places; a folder is not worth a line', () => {
  expect(find(cache, 'org/name')).toEqual({ modelDir: cache, tokenizerDir: snapshot });
  expect(log).toHaveBeenCalledTimes(1);
});

test('what is nowhere is refused with the place that was searched', () => {
  expect(() => find('org/other')).toThrow(StartupError);
  expect(() => find('org/other')).toThrow(
    `org/other (repository not found). It is neither a folder nor in the Hugging Face cache ${cache};`,
  );
  expect(() => find(cache, 'org/other')).toThrow('org/other (repository not found).');
});

test('a file in place of a folder is told so', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'file-')), 'model.gguf');
  writeFileSync(file, 'x');
  const args = { modelPath: file, tokenizerPath: file, revision: null, downloadDir: null };
  expect(() => findModelFolders(args)).toThrow(
    `${file} is a file: the folder with config.json and the weights is needed.`,
  );
});
