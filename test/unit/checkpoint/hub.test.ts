import * as fs from 'node:fs';
import * as path from 'node:path';
import { findLocally } from '../../../src/checkpoint/hub';
import { hubCacheDir } from '../../../src/checkpoint/hub-cache';
import { Folders } from './folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const commit = '0123456789abcdef0123456789abcdef01234567';
const older = 'ffffffffffffffffffffffffffffffffffffffff';
const repo = 'models--Qwen--Qwen2.5-0.5B';
const cache = folders.create({
  [`${repo}/refs/main`]: `${commit}\n`,
  [`${repo}/refs/v1.0`]: older,
  [`${repo}/refs/refs/pr/3`]: older,
  [`${repo}/refs/broken`]: '../../..',
  [`${repo}/refs/gone`]: 'a'.repeat(40),
  [`${repo}/snapshots/${commit}/config.json`]: {},
  [`${repo}/snapshots/${older}/config.json`]: {},
  [`models--gpt2/refs/main`]: commit,
  [`models--gpt2/snapshots/${commit}/config.json`]: {},
  'refs/main': commit,
});
const snapshot = (hash: string) => path.join(cache, repo, 'snapshots', hash);
const find = (id: string, revision: string | null = null) =>
  findLocally(id, { revision, downloadDir: cache, env: {} });

test('a folder is itself', () => {
  const dir = folders.create();
  expect(find(dir)).toEqual({ dir, snapshot: false });
  expect(find(path.relative('.', dir))).toEqual({ dir, snapshot: false });
});

test('what ships with the package is found by its name, unless a folder has that name', () => {
  const shipped = path.resolve(__dirname, '../../../models');
  expect(find('demo-chat')).toEqual({ dir: path.join(shipped, 'demo-chat'), snapshot: false });
  expect(find('demo-tools')).toEqual({ dir: path.join(shipped, 'demo-tools'), snapshot: false });
  const before = process.cwd();
  const own = folders.create({ 'demo-chat/config.json': {} });
  process.chdir(own);
  expect(find('demo-chat')?.dir).toBe(path.join(fs.realpathSync(own), 'demo-chat'));
  process.chdir(before);
  expect(find('demo-nothing')).toBeNull();
});

test('an id is looked up in the cache', () => {
  expect(find('Qwen/Qwen2.5-0.5B')).toEqual({ dir: snapshot(commit), snapshot: true });
  expect(find('gpt2')?.dir).toBe(path.join(cache, 'models--gpt2/snapshots', commit));
});

test.each([
  ['main', commit],
  ['v1.0', older],
  ['refs/pr/3', older],
  [older, older],
])('revision %s', (revision, expected) => {
  expect(find('Qwen/Qwen2.5-0.5B', revision)?.dir).toBe(snapshot(expected));
});

test.each([
  ['Qwen/unknown', null],
  ['Qwen/Qwen2.5-0.5B', 'unknown'],
  ['Qwen/Qwen2.5-0.5B', 'broken'],
  ['Qwen/Qwen2.5-0.5B', 'gone'],
  ['Qwen/Qwen2.5-0.5B', 'b'.repeat(40)],
  ['Qwen/Qwen2.5-0.5B', '../refs/main'],
  ['Qwen/Qwen2.5-0.5B', ''],
  ['Qwen/Qwen2.5-0.5B', 'ma\0in'],
  ['Qwen--Qwen2.5-0.5B', null],
  ['../refs', null],
  ['Qwen/../../x', null],
  ['a/b/c', null],
  ['/nonexistent/folder', null],
  ['', null],
  ['x\0', null],
  [`${'x'.repeat(5000)}`, null],
])('%j at %j is not found', (id, revision) => {
  expect(find(id, revision)).toBeNull();
});

test('the cache is where huggingface_hub has it', () => {
  const at = (env: Record<string, string>, downloadDir: string | null = null) =>
    hubCacheDir({ downloadDir, env: { HOME: '/home/u', ...env } });
  const all = { HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c', XDG_CACHE_HOME: '/d' };
  expect(at(all, '/z')).toBe('/z');
  expect(at(all)).toBe('/a');
  expect(at({ ...all, HF_HUB_CACHE: '' })).toBe('/b');
  expect(at({ HF_HOME: '/c', XDG_CACHE_HOME: '/d' })).toBe('/c/hub');
  expect(at({ XDG_CACHE_HOME: '/d' })).toBe('/d/huggingface/hub');
  expect(at({})).toBe('/home/u/.cache/huggingface/hub');
  expect(at({ HF_HOME: '~/hf' })).toBe('/home/u/hf/hub');
});

test('the environment alone is enough', () => {
  const home = folders.create();
  fs.symlinkSync(cache, path.join(home, 'hub'));
  const options = { revision: null, downloadDir: null, env: { HF_HOME: home } };
  expect(findLocally('Qwen/Qwen2.5-0.5B', options)?.dir).toBe(
    path.join(home, 'hub', repo, 'snapshots', commit),
  );
});
