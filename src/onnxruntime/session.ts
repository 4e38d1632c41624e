import { bug } from '../core/errors';
import { ElementType, type ElementTypeName } from './element-type';
import { ortEnv } from './environment';
import { ortLibrary, readCString, type Pointer } from './library';
import { registerOwnOperators } from './own-operators';
import { appendProvider, type ProviderOptions } from './providers';
import type { RunProfile } from './run-profile';

export interface SessionSettings {
  /** Threads of one operator; 0 lets ONNX Runtime choose (one per physical core). */
  readonly intraOpThreads: number;
  /** Folder that holds the graph's external data. */
  readonly externalDataFolder: string | null;
  /** Where it runs, as far as that can; the rest runs on the CPU. null runs all on the CPU. */
  readonly provider: ProviderOptions | null;
  /** What its runs are told; null nothing. */
  readonly runs?: RunSettings | null;
  /** Whether its runs may fail, and ONNX Runtime is to write nothing of that. */
  readonly mayFail?: boolean;
  /** The library of this project's own operators, for a graph that has some. */
  readonly operators?: string | null;
  /** Further `session.…` entries, as named in onnxruntime_session_options_config_keys.h. */
  readonly config?: Readonly<Record<string, string>>;
}

/** How the runs of a session are made. */
export interface RunSettings {
  /** Entries of run options, as named in onnxruntime_run_options_config_keys.h. */
  readonly config: Readonly<Record<string, string>>;
  /**
   * Whether runs begin on the thread that asks for them, all on the same one then, and settle when the device has been told what
   * to do. What reads their results waits for the device.
   */
  readonly onThisThread: boolean;
}

/** Name, element type and shape (-1 where symbolic) of a graph input or output. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementTypeName;
  readonly dims: readonly number[];
}

/** Memory of the process, or that of the device. */
export type Place = 'host' | 'device';

const ALL_OPTIMIZATIONS = 99;

/** `ORT_LOGGING_LEVEL_FATAL`: what ends the process. */
const FATAL = 4;

/** A loaded graph. Owns the native session; `dispose` only when nothing runs on it any more. */
export class Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Records the runs that begin while it is set. */
  profile: RunProfile | null = null;
  private pointer: Pointer | null;
  private hostInputs: ReadonlySet<string> | null = null;

  private constructor(
    pointer: Pointer,
    readonly runs: RunSettings | null,
  ) {
    this.pointer = pointer;
    this.inputs = describe(pointer, 'Input');
    this.outputs = describe(pointer, 'Output');
  }

  /**
   * Builds a session from the bytes of an ONNX model, on a worker thread.
   * @throws OrtError when the graph is invalid or its data cannot be read; StartupError when a provider is missing
   */
  static async create(model: Uint8Array, settings: SessionSettings): Promise<Session> {
    const ort = ortLibrary();
    // Providers log to it as soon as they are asked for.
    const env = ortEnv();
    const options = ort.create('CreateSessionOptions');
    try {
      ort.call('SetSessionGraphOptimizationLevel', options, ALL_OPTIMIZATIONS);
      ort.call('SetIntraOpNumThreads', options, settings.intraOpThreads);
      if (settings.mayFail === true) ort.call('SetSessionLogSeverityLevel', options, FATAL);
      const config: Record<string, string> = {
        // Threads spin between the operators of one run and sleep as soon as it ends: an idle server costs nothing.
        'session.force_spinning_stop': '1',
        ...settings.config,
      };
      if (settings.externalDataFolder !== null) {
        config['session.model_external_initializers_file_folder_path'] = settings.externalDataFolder;
      }
      for (const [key, value] of Object.entries(config))
        ort.call('AddSessionConfigEntry', options, key, value);
      if (settings.operators != null) registerOwnOperators(options, settings.operators);
      if (settings.provider) appendProvider(options, settings.provider);
      return new Session(
        await ort.createAsync('CreateSessionFromArray', env, model, model.byteLength, options),
        settings.runs ?? null,
      );
    } finally {
      ort.release('ReleaseSessionOptions', options);
    }
  }

  /** Whether the graph has an input of this name. */
  takes(input: string): boolean {
    return this.inputs.some(({ name }) => name === input);
  }

  /** Where the graph wants an input: all are on the host for the CPU, and for a device those that its kernels read there. */
  placeOf(input: string): Place {
    this.hostInputs ??= hostInputs(this.handle, this.inputs);
    return this.hostInputs.has(input) ? 'host' : 'device';
  }

  get handle(): Pointer {
    if (this.pointer === null) throw bug('session used after dispose');
    return this.pointer;
  }

  dispose(): void {
    if (this.pointer === null) return;
    ortLibrary().release('ReleaseSession', this.pointer);
    this.pointer = null;
  }
}

/** Name that ONNX Runtime gives the memory of the process. */
const HOST_MEMORY = 'Cpu';

/** Names of the inputs that the session reads in memory of the process. */
function hostInputs(session: Pointer, inputs: readonly ValueInfo[]): Set<string> {
  const ort = ortLibrary();
  // Of 64 bytes and more: those are never moved.
  const infos = new BigUint64Array(Math.max(inputs.length, 16));
  ort.call('SessionGetMemoryInfoForInputs', session, infos, inputs.length);
  const isHost = (_: ValueInfo, at: number) =>
    readCString(ort.create('MemoryInfoGetName', infos[at])) === HOST_MEMORY;
  return new Set(inputs.filter(isHost).map(({ name }) => name));
}

const TYPE_NAMES = new Map<number, ElementTypeName>(
  (Object.keys(ElementType) as ElementTypeName[]).map((name) => [ElementType[name], name]),
);

function describe(session: Pointer, side: 'Input' | 'Output'): ValueInfo[] {
  const ort = ortLibrary();
  const allocator = ort.create('GetAllocatorWithDefaultOptions');
  const count = ort.number(`SessionGet${side}Count`, session);
  return Array.from({ length: count }, (_, index) => {
    const namePointer = ort.create(`SessionGet${side}Name`, session, index, allocator);
    const name = readCString(namePointer);
    ort.call('AllocatorFree', allocator, namePointer);
    const typeInfo = ort.create(`SessionGet${side}TypeInfo`, session, index);
    try {
      // Owned by typeInfo: not released on its own.
      const tensorInfo = ort.create('CastTypeInfoToTensorInfo', typeInfo);
      const type = TYPE_NAMES.get(ort.number('GetTensorElementType', tensorInfo));
      if (!type) throw bug(`${side.toLowerCase()} '${name}' has an element type without a name`);
      const rank = ort.number('GetDimensionsCount', tensorInfo);
      const dims = new BigInt64Array(rank);
      if (rank > 0) ort.call('GetDimensions', tensorInfo, dims, rank);
      return { name, type, dims: Array.from(dims, Number) };
    } finally {
      ort.release('ReleaseTypeInfo', typeInfo);
    }
  });
}
