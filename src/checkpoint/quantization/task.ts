import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { assertNever } from '../../core/errors';
import { digestOf, makeWeight } from './make-weight';
import type { QuantizedTensors, QuantizedWeight } from './quantized-weight';

/** One piece of work; each has a digest for its result. */
export type Task =
  /** Of a whole file. */
  | { readonly kind: 'hash_file'; readonly file: string }
  | { readonly kind: 'digest'; readonly tensors: QuantizedTensors }
  | { readonly kind: 'make'; readonly weight: QuantizedWeight; readonly tensors: QuantizedTensors };

const PIECE_BYTES = 4 * 2 ** 20;

/** @throws what the file system throws; StartupError for a file that ends too early */
export function runTask(task: Task): Uint8Array {
  switch (task.kind) {
    case 'hash_file':
      return withFile(task.file, 'r', hashFile);
    case 'digest':
      return digestOf(task.tensors);
    case 'make':
      return withFile(task.tensors.values.file, 'r+', (fd) => makeWeight(fd, task.weight, task.tensors));
    default:
      return assertNever(task);
  }
}

function withFile<T>(file: string, flags: string, work: (fd: number) => T): T {
  const fd = fs.openSync(file, flags);
  try {
    return work(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function hashFile(fd: number): Uint8Array {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  for (;;) {
    const count = fs.readSync(fd, piece);
    if (count === 0) return hash.digest();
    hash.update(piece.subarray(0, count));
  }
}
