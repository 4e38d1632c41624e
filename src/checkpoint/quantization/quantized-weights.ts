import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { bug, errorMessage, StartupError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { Progress } from '../../logging/progress';
import { withFileLock } from '../file-lock';
import { ScratchFolder } from '../scratch-folder';
import { readTensor, type TensorRef } from '../safetensors';
import { KnownFiles } from './known-files';
import { QuantizeThreads, TaskError } from './quantize-threads';
import type { Task } from './task';
import { DIGEST_BYTES, layOut, type QuantizedFile } from './quantized-file';
import { tensorsOf, type QuantizedTensors, type QuantizedWeight } from './quantized-weight';

/** Changes with what the same weights are made into, so that nobody takes what an earlier version kept. */
const RECIPE = 2;

/** What is known of a file of quantized weights that was read to its end and is what was written. */
const WHOLE = 'whole';

/** Bytes that are quantized before threads have been started. */
const WORTH_THREADS = 16 * 2 ** 20;

/** In memory, where nothing else can be written; a folder of Linux. */
const MEMORY_FOLDER = '/dev/shm';

export interface QuantizationPlace {
  /** Folder where files are kept for the next start; null keeps nothing. */
  readonly cacheDir: string | null;
  readonly threads: number;
}

/** Weights in few bits, in a file: one of the cache, or a temporary one until `close`. */
export class QuantizedWeights {
  private readonly made: ReadonlyMap<string, QuantizedTensors>;

  private constructor(
    weights: readonly QuantizedWeight[],
    { tensors }: QuantizedFile,
    private readonly scratch: ScratchFolder | null,
  ) {
    this.made = new Map(weights.map(({ name }, at) => [name, tensors[at] as QuantizedTensors]));
  }

  /**
   * Takes weights from the cache, or makes them and keeps them there, if any are rounded: to take blocks over is done sooner than to see
   * whether they are in the cache. A cache that cannot be written costs a warning: they are then made for this start alone.
   * @throws StartupError when they cannot be read, or be written anywhere
   */
  static async of(
    weights: readonly QuantizedWeight[],
    { cacheDir, threads }: QuantizationPlace,
  ): Promise<QuantizedWeights> {
    const stored = weights.flatMap(tensorsOf).reduce((sum, { byteLength }) => sum + byteLength, 0);
    const maker = new Maker(weights, new QuantizeThreads(stored < WORTH_THREADS ? 0 : threads));
    try {
      if (cacheDir !== null && weights.some(isWorthKeeping)) {
        const kept = await maker.keep(cacheDir).catch((error: unknown) => warn(error, cacheDir));
        if (kept !== null) return new QuantizedWeights(weights, kept, null);
      }
      const { file, folder } = await maker.makeForNow();
      return new QuantizedWeights(weights, file, folder);
    } catch (error) {
      throw error instanceof TaskError ? new StartupError(error.message) : error;
    } finally {
      await maker.close();
    }
  }

  tensors({ name }: QuantizedWeight): QuantizedTensors {
    const tensors = this.made.get(name);
    if (tensors === undefined) throw bug(`nobody asked for quantized weights of ${name} before`);
    return tensors;
  }

  close(): void {
    this.scratch?.remove();
  }
}

/** Makes files of the same weights. */
class Maker {
  constructor(
    private readonly weights: readonly QuantizedWeight[],
    private readonly threads: QuantizeThreads,
  ) {}

  /** The file in the cache; made unless it is there and whole. @throws what the file system throws */
  async keep(cacheDir: string): Promise<QuantizedFile> {
    fs.mkdirSync(cacheDir, { recursive: true });
    const known = new KnownFiles(cacheDir);
    const key = await this.key(known);
    const file = path.join(fs.realpathSync(cacheDir), `${key}.safetensors`);
    const onWait = () => logger.info(`Another process quantizes the same weights: waiting for ${file}`);
    const lock = `${file}.lock`;
    return withFileLock(lock, new AbortController().signal, onWait, async (exclusive) => {
      try {
        const layout = layOut(file, this.weights);
        if (!(await this.isWhole(layout, file, known))) await this.makeAt(file, exclusive);
        return layout;
      } finally {
        if (exclusive) fs.rmSync(lock, { force: true });
      }
    });
  }

  /** A file in the first folder that takes it: the system's for temporary files, or one in memory. */
  async makeForNow(): Promise<{ readonly file: QuantizedFile; readonly folder: ScratchFolder }> {
    try {
      return await this.makeIn(os.tmpdir());
    } catch (error) {
      if (!isOfStorage(error) || !fs.existsSync(MEMORY_FOLDER)) throw error;
      return this.makeIn(MEMORY_FOLDER);
    }
  }

  close(): Promise<void> {
    return this.threads.close();
  }

  /** @param exclusive whether nobody else can be making the same */
  private async makeAt(file: string, exclusive: boolean): Promise<void> {
    const temporary = exclusive ? `${file}.tmp` : `${file}.${process.pid}.tmp`;
    try {
      await this.make(temporary);
      fs.renameSync(temporary, file);
    } finally {
      fs.rmSync(temporary, { force: true });
    }
    logger.info(`Quantized weights are kept in ${file}`);
  }

  private async makeIn(
    parent: string,
  ): Promise<{ readonly file: QuantizedFile; readonly folder: ScratchFolder }> {
    const folder = new ScratchFolder('quantized', parent);
    try {
      return { file: await this.make(path.join(folder.path, 'weights.safetensors')), folder };
    } catch (error) {
      folder.remove();
      throw error;
    }
  }

  private async make(at: string): Promise<QuantizedFile> {
    const file = layOut(at, this.weights);
    const fd = fs.openSync(at, 'w', 0o644);
    try {
      fs.writeSync(fd, file.header);
      fs.ftruncateSync(fd, file.byteLength);
      const tasks = this.weights.map((weight, index): Task => ({
        kind: 'make',
        weight,
        tensors: file.tensors[index]!,
      }));
      const digests = await this.withProgress(tasks);
      fs.writeSync(fd, Buffer.concat(digests), 0, file.digests.byteLength, file.digests.offset);
      return file;
    } finally {
      fs.closeSync(fd);
    }
  }

  private async withProgress(tasks: readonly Task[]): Promise<Uint8Array[]> {
    const what = this.weights.some(isWorthKeeping) ? 'Quantizing weights' : 'Unpacking weights';
    const progress = new Progress(what, tasks.length);
    try {
      return await this.threads.run(tasks, () => progress.step());
    } finally {
      progress.stop();
    }
  }

  /** Whether a file is what was written once, to the bit. */
  private async isWhole(layout: QuantizedFile, file: string, known: KnownFiles): Promise<boolean> {
    const size = fs.statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) return false;
    const look = async () => [(await this.isIntact(layout, file)) ? WHOLE : null];
    if (size === layout.byteLength && (await known.of([file], look))[0] === WHOLE) return true;
    logger.log('warning', `${file}: is damaged and will be made anew`);
    return false;
  }

  private async isIntact(layout: QuantizedFile, file: string): Promise<boolean> {
    const header = { ...layout.digests, file, offset: 0, byteLength: layout.header.length };
    if (!readTensor(header).equals(layout.header)) return false;
    const kept = readTensor(layout.digests);
    const digests = await this.threads.run(
      layout.tensors.map((tensors): Task => ({ kind: 'digest', tensors })),
    );
    return digests.every((digest, at) =>
      kept.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES).equals(digest),
    );
  }

  /** Tells weights apart by their files' contents, and by what is made of which part of them. */
  private async key(known: KnownFiles): Promise<string> {
    const files = [...new Set(this.weights.flatMap(tensorsOf).map(({ file }) => file))];
    const contents = await known.of(files, async (unknown) => {
      const digests = await this.threads.run(unknown.map((file): Task => ({ kind: 'hash_file', file })));
      return digests.map((digest) => Buffer.from(digest).toString('hex'));
    });
    const place = ({ file, ...rest }: TensorRef) => ({ ...rest, file: files.indexOf(file) });
    const weights = this.weights.map((weight) => {
      const { name, form, stored } = weight;
      const turn = stored.layout === 'floats' && stored.turn;
      const made = turn && { inputs: turn.inputs, outputs: turn.outputs, offset: turn.scale?.offset };
      return { name, form, layout: stored.layout, made, tensors: tensorsOf(weight).map(place) };
    });
    const hash = createHash('sha256').update(JSON.stringify({ recipe: RECIPE, weights }));
    contents.forEach((content) => hash.update(content ?? ''));
    return hash.digest('hex');
  }
}

function isWorthKeeping({ form, stored }: QuantizedWeight): boolean {
  return stored.layout !== 'blocks' && form.kind !== 'floats';
}

/** Whether it tells of a place that cannot be written, and not of weights that cannot be read. */
function isOfStorage(error: unknown): boolean {
  return (error as { code?: string }).code !== undefined;
}

function warn(error: unknown, cacheDir: string): null {
  if (!isOfStorage(error)) throw error;
  logger.log(
    'warning',
    `Quantized weights cannot be kept in ${cacheDir} (SGLANG_CACHE_DIR), so they are made at each start: ${errorMessage(error)}`,
  );
  return null;
}
