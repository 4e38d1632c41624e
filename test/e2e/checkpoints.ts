import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_MODEL } from './harness';

/** Copies of a checkpoint that differ from it in one thing each, in a folder that goes with the tests of a file. */

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** A safetensors file in memory. */
export class Weights {
  readonly header: Record<string, Entry>;
  readonly data: Buffer;

  constructor(file: string) {
    const bytes = readFileSync(file);
    const length = Number(bytes.readBigUInt64LE());
    this.header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, Entry>;
    delete this.header['__metadata__'];
    this.data = Buffer.from(bytes.subarray(8 + length));
  }

  /** The bytes of a tensor, to be changed in place. */
  bytes(name: string): Buffer {
    const [begin, end] = this.entry(name).data_offsets;
    return this.data.subarray(begin, end);
  }

  entry(name: string): Entry {
    const entry = this.header[name];
    if (entry === undefined) throw new Error(`no tensor ${name}`);
    return entry;
  }

  get file(): Buffer {
    const header = Buffer.from(JSON.stringify(this.header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header, this.data]);
  }

  /** All tensors as float32, which holds every bfloat16. */
  widen(): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    const header: Record<string, Entry> = {};
    const entries = Object.entries(this.header).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
    for (const [name, { dtype, shape }] of entries) {
      if (dtype !== 'BF16') throw new Error(`${name} is ${dtype}`);
      const narrow = this.bytes(name);
      const wide = Buffer.alloc(narrow.length * 2);
      for (let i = 0; i < narrow.length / 2; i++) wide.writeUInt16LE(narrow.readUInt16LE(i * 2), i * 4 + 2);
      header[name] = { dtype: 'F32', shape, data_offsets: [at, (at += wide.length)] };
      parts.push(wide);
    }
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, text, ...parts]);
  }
}

/** Flips the sign of every other value of some matrices: finite as before, and another model altogether. */
export function scramble(weights: Weights): void {
  for (const name of Object.keys(weights.header)) {
    if (!/(down_proj|\.w2|output\.dense)\.weight$/.test(name)) continue;
    const bytes = weights.bytes(name);
    const size = weights.entry(name).dtype === 'F32' ? 4 : 2;
    for (let end = size - 1; end < bytes.length; end += 2 * size) bytes[end] = (bytes[end] ?? 0) ^ 0x80;
  }
}

/** A folder for copies of checkpoints, removed after the tests of the file. */
export class Copies {
  readonly folder = mkdtempSync(join(tmpdir(), 'weights-'));

  constructor() {
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** A copy of a checkpoint, its weights changed by `change`. @returns the folder */
  make(name: string, change: (weights: Weights) => void = () => undefined, source = TEST_MODEL): string {
    const dir = join(this.folder, name);
    cpSync(source, dir, { recursive: true });
    const file = join(dir, 'model.safetensors');
    const weights = new Weights(file);
    change(weights);
    writeFileSync(file, weights.file);
    return dir;
  }

  /** Changes config.json of a copy. */
  configure(dir: string, fields: object): string {
    const file = join(dir, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, ...fields }));
    return dir;
  }
}
