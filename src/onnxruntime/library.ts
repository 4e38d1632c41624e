import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import koffi, { type LibraryHandle } from 'koffi';
import { StartupError, errorMessage } from '../core/errors';
import { openLibrary } from '../core/native-library';
import { SIGNATURES, type FunctionName, type Signature } from './signatures';

/** The version of the function table asked for. Every later ONNX Runtime still offers it. */
const API_VERSION = 25;

/** Opaque native pointer. */
export type Pointer = bigint;

/** A function that ONNX Runtime itself refused, with its own error code and message. */
export class OrtError extends Error {
  override readonly name = 'OrtError';

  constructor(
    readonly functionName: FunctionName,
    readonly code: number,
    message: string,
  ) {
    super(`${functionName}: ${message}`);
  }
}

type NativeFunction = ((...args: unknown[]) => unknown) & {
  async: (...args: unknown[]) => void;
};

/**
 * The loaded library: typed access to the functions of `SIGNATURES`. One per process (`ortLibrary`), never unloaded,
 * because ONNX Runtime keeps global state.
 */
export class OrtLibrary {
  readonly version: string;
  /** Held because koffi unloads a library when its handle is collected, function pointers or not. */
  private readonly handle: LibraryHandle;
  private readonly functions: ReadonlyMap<FunctionName, NativeFunction>;

  constructor(path: string) {
    // Otherwise it reports its use to its makers over the network, and writes files for that.
    process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
    this.handle = openLibrary(path);
    const base = this.handle.func('void *OrtGetApiBase()')() as Pointer;
    // OrtApiBase is two function pointers: GetApi(version) and GetVersionString().
    const getApi = decodeFunction(koffi.decode(base, 0, 'void *') as Pointer, 'void *', ['uint32_t']);
    const getVersion = decodeFunction(koffi.decode(base, 8, 'void *') as Pointer, 'const char *', []);
    this.version = getVersion() as string;
    const api = getApi(API_VERSION) as Pointer | null;
    if (!api)
      throw new StartupError(`ONNX Runtime ${this.version} at ${path} lacks C API version ${API_VERSION}`);
    this.functions = new Map(
      (Object.keys(SIGNATURES) as FunctionName[]).map((name) => {
        const signature: Signature = SIGNATURES[name];
        const pointer = koffi.decode(api, signature.index * 8, 'void *') as Pointer;
        return [name, decodeFunction(pointer, signature.returns ?? 'void *', signature.args)];
      }),
    );
  }

  /** Calls a function that returns a status. @throws OrtError */
  call(name: FunctionName, ...args: unknown[]): void {
    this.check(name, this.get(name)(...args) as Pointer | null);
  }

  /** Calls a function whose last argument is an out-pointer and returns what it was set to. @throws OrtError */
  create(name: FunctionName, ...args: unknown[]): Pointer {
    const out: [Pointer | null] = [null];
    this.call(name, ...args, out);
    return out[0] as Pointer;
  }

  /** Calls a function whose last argument is a number to fill in. @throws OrtError */
  number(name: FunctionName, ...args: unknown[]): number {
    const out: [number] = [0];
    this.call(name, ...args, out);
    return Number(out[0]);
  }

  /** As `call`, on a worker thread: the event loop goes on meanwhile. The caller keeps the arguments alive. */
  async callAsync(name: FunctionName, ...args: unknown[]): Promise<void> {
    const status = await new Promise<Pointer | null>((resolve, reject) => {
      this.get(name).async(...args, (error: Error | null, result: Pointer | null) =>
        error ? reject(error) : resolve(result),
      );
    });
    this.check(name, status);
  }

  /** As `create`, on a worker thread. */
  async createAsync(name: FunctionName, ...args: unknown[]): Promise<Pointer> {
    const out: [Pointer | null] = [null];
    await this.callAsync(name, ...args, out);
    return out[0] as Pointer;
  }

  /** Calls one of the `Release…` functions. */
  release(name: FunctionName, pointer: Pointer): void {
    this.get(name)(pointer);
  }

  private get(name: FunctionName): NativeFunction {
    return this.functions.get(name) as NativeFunction;
  }

  private check(name: FunctionName, status: Pointer | null): void {
    if (!status) return;
    const code = this.get('GetErrorCode')(status) as number;
    const message = this.get('GetErrorMessage')(status) as string;
    this.get('ReleaseStatus')(status);
    throw new OrtError(name, code, message);
  }
}

function decodeFunction(pointer: Pointer, returns: string, args: readonly string[]): NativeFunction {
  return koffi.decode(pointer, koffi.proto(returns, [...args])) as NativeFunction;
}

/** Reads a C string without taking ownership. */
export function readCString(pointer: Pointer): string {
  return koffi.decode(pointer, 'char', -1) as string;
}

const LIBRARY_NAMES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

/** Folder of the native files that the onnxruntime-node package installs for this platform. */
export function nativeFolder(): string {
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  return join(root, 'bin', 'napi-v6', process.platform, process.arch);
}

function libraryPath(): string {
  const name = LIBRARY_NAMES[process.platform];
  if (!name) throw new StartupError(`ONNX Runtime is not available for ${process.platform}`);
  const path = join(nativeFolder(), name);
  if (!existsSync(path)) throw new StartupError(`${path} is missing: reinstall the package onnxruntime-node`);
  return path;
}

let loaded: OrtLibrary | null = null;

/** The library that onnxruntime-node installed, loaded on first use. @throws StartupError when it cannot be. */
export function ortLibrary(): OrtLibrary {
  if (loaded) return loaded;
  const path = libraryPath();
  try {
    loaded = new OrtLibrary(path);
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`cannot load ${path}: ${errorMessage(error)}`);
  }
  return loaded;
}
