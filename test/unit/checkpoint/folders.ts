import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Temporary folders of one test file; `removeAll` belongs in `afterAll`. */
export class Folders {
  private readonly made: string[] = [];

  create(files: Readonly<Record<string, string | Uint8Array | object>> = {}): string {
    const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'sglang-node-test-')));
    this.made.push(dir);
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(dir, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      const isBytes = typeof content === 'string' || content instanceof Uint8Array;
      fs.writeFileSync(file, isBytes ? content : JSON.stringify(content));
    }
    return dir;
  }

  removeAll(): void {
    for (const dir of this.made.splice(0)) fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** A safetensors file from its header (object or raw text) and data. */
export function safetensors(header: object | string, data: Uint8Array | number): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

/** What a header says of one tensor. */
export function entry(dtype: string, shape: readonly unknown[], begin: unknown, end: unknown): object {
  return { dtype, shape, data_offsets: [begin, end] };
}
