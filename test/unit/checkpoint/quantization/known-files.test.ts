import * as fs from 'node:fs';
import * as path from 'node:path';
import { KnownFiles } from '../../../../src/checkpoint/quantization/known-files';
import { Folders } from '../folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

/** Long enough ago that nobody can be writing to it still, as far as its times tell. */
const later = () => jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3000);
afterEach(() => jest.restoreAllMocks());

function place() {
  const dir = folders.create();
  const files = ['a', 'b'].map((name) => path.join(dir, name));
  for (const file of files) fs.writeFileSync(file, `content of ${file}`);
  const asked: string[][] = [];
  const find = (unknown: readonly string[]) => {
    asked.push(unknown.map((file) => path.basename(file)));
    return Promise.resolve(unknown.map((file) => fs.readFileSync(file, 'utf8')));
  };
  const cacheDir = path.join(dir, 'cache');
  return { files, asked, find, cacheDir, known: () => new KnownFiles(cacheDir) };
}

it('reads a file once, for all processes, until it changes', async () => {
  const { files, asked, find, known } = place();
  later();
  const first = await known().of(files, find);
  expect(first).toEqual(files.map((file) => `content of ${file}`));
  expect(await known().of(files, find)).toEqual(first);
  const { atime, mtime } = fs.statSync(files[1]!);
  fs.writeFileSync(files[1]!, 'other'.padEnd(first[1]!.length));
  // Its own time can be set back; that of the change cannot.
  fs.utimesSync(files[1]!, atime, mtime);
  expect(await known().of(files, find)).toEqual([first[0], 'other'.padEnd(first[1]!.length)]);
  expect(asked).toEqual([['a', 'b'], ['b']]);
});

it('remembers nothing of a file that has just been written, or of which there is nothing to say', async () => {
  const { files, asked, find, known } = place();
  await known().of(files, find);
  await known().of(files, find);
  later();
  const nothing = () => Promise.resolve([null, null]);
  expect(await known().of(files, nothing)).toEqual([null, null]);
  await known().of(files, find);
  expect(asked).toEqual([
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

it.each(['', '{"stamp":1}', 'null', '[', '{"stamp":"x","found":"y"}'])(
  'takes a note %j for none',
  async (note) => {
    const { files, asked, find, cacheDir, known } = place();
    later();
    await known().of(files, find);
    const notes = path.join(cacheDir, 'known-files');
    for (const name of fs.readdirSync(notes)) fs.writeFileSync(path.join(notes, name), note);
    await known().of(files, find);
    expect(asked).toHaveLength(2);
  },
);

it('finds out each time where nothing can be kept', async () => {
  const { files, asked, find, cacheDir, known } = place();
  later();
  fs.writeFileSync(cacheDir, 'a file');
  for (let i = 0; i < 2; i++) expect((await known().of(files, find))[0]).toBe(`content of ${files[0]}`);
  expect(asked).toHaveLength(2);
});

it('passes on what reading throws', async () => {
  const { files, known } = place();
  await expect(known().of(files, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});
