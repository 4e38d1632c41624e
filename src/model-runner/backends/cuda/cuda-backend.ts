import { bug, DeviceLostError, errorMessage, StartupError } from '../../../core/errors';
import { cudaMajor, DO_NOT_WAIT } from '../../../onnxruntime/cuda/cuda-provider';
import { CudaError, openCudaStream, type CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { ElementTypeName, FloatType, TensorData } from '../../../onnxruntime/element-type';
import { IoBinding } from '../../../onnxruntime/io-binding';
import { OrtError } from '../../../onnxruntime/library';
import { GRAPH_ID, type ProviderOptions } from '../../../onnxruntime/providers';
import { Session, type Place } from '../../../onnxruntime/session';
import { GraphBuilder } from '../../../models/graph/graph-builder';
import { logger } from '../../../logging/logger';
import { gigabytes } from '../../../logging/units';
import type { Model } from '../../../models/model';
import type { ServerArgs } from '../../../server-args/server-args';
import type { KvShape, KvStore } from '../../kv-store';
import type { Backend, StagedTensor } from '../backend';
import { HostTensor } from '../host-tensor';
import { NO_WEIGHTS } from '../no-weights';
import { threadsOf, type Share } from '../share';
import { GpuMemory } from './gpu-memory';
import { cudaNumberType } from './number-type';
import { PagedKvStore } from './paged-kv-store';
import { Staging } from './staging';

/** Where a CUDA backend runs: a GPU, or what plays one in tests. */
export interface Gpu {
  readonly stream: CudaStream;
  /** What sessions are told to run on; null the CPU, which plays a GPU. */
  provider(stream: CudaStream, enableCudaGraph: boolean): ProviderOptions | null;
  /** Name of its memory, as the provider calls it. */
  readonly memoryName: string;
}

/** @throws StartupError of one line that says what was found and what is needed */
export function openGpu(deviceId: number): Gpu {
  const stream = openCudaStream(cudaMajor(), deviceId);
  return {
    stream,
    provider: ({ handle }, enableCudaGraph) => ({ name: 'cuda', deviceId, stream: handle, enableCudaGraph }),
    memoryName: 'Cuda',
  };
}

export type CudaArgs = Pick<ServerArgs, 'memFractionStatic' | 'disableCudaGraph' | 'pageSize'>;

/** Elements of heads that its attention operators compute, and multiples of them. */
const HEAD_MULTIPLE = 8;

/** What the device is held by: a session that lives as long as the process does. */
interface Opened {
  readonly memory: DeviceMemory;
  readonly staging: Staging;
}

/**
 * An NVIDIA GPU, in float16 or bfloat16. One stream has everything on it: uploads, runs, the download of logits, which is what is waited for. Runs begin on one thread, because the provider keeps its captured graphs by thread.
 */
export class CudaBackend implements Backend {
  readonly graphName = 'cuda graph';
  readonly captureRuns = 1;
  readonly floatInputs = true;
  /** Blocks would not do: without zero points some releases of the provider gather numbers of 0 to 255 (or 15) where the CPU's are around 0. */
  readonly tablesAreWeights = true;
  readonly hasPages = true;
  readonly runTokens = Infinity;
  readonly topSearch = 'rows';
  readonly groupsBothWays = false;
  readonly threads: number;
  readonly memory: GpuMemory;
  private type: FloatType = 'float16';
  private canCapture = true;
  private opened: Opened | null = null;

  /** @param share the part of the host it may use */
  constructor(
    private readonly gpu: Gpu,
    private readonly args: CudaArgs,
    share: Share,
  ) {
    this.threads = threadsOf(share);
    this.memory = new GpuMemory(gpu.stream, args.memFractionStatic);
  }

  get elementType(): FloatType {
    return this.type;
  }

  get captures(): boolean {
    return !this.args.disableCudaGraph && this.canCapture;
  }

  /** What is captured is pure steps: the launches of all kernels that it saves weigh more than runs saved by sharing them. */
  get stepsAlone(): boolean {
    return this.captures;
  }

  prepareFor({ config, linear, routers }: Model, dtype: ServerArgs['dtype']): void {
    if (linear.isForCpu === true) {
      throw new StartupError(`${config.architecture}: products in 8 bits are computed by --device cpu only`);
    }
    if (config.headDim % HEAD_MULTIPLE !== 0) {
      throw new StartupError(
        `${config.architecture}: heads of ${config.headDim} elements are computed by --device cpu; CUDA takes multiples of ${HEAD_MULTIPLE}`,
      );
    }
    this.type = cudaNumberType(dtype, config.torchDtype, this.gpu.stream.capability);
    if (dtype === 'auto' && this.type !== config.torchDtype) {
      logger.log('warning', `Casting ${config.torchDtype} to ${this.type}: the type the GPU computes in.`);
    }
    // How many rows an expert gets is known on the host alone, in the middle of a run.
    this.canCapture = (routers ?? null) === null;
    if (!this.args.disableCudaGraph && !this.canCapture) {
      logger.log('warning', `${config.architecture} has experts: no batch sizes are captured.`);
    }
  }

  async createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session> {
    this.opened ??= await this.open();
    const free = this.memory.freeBytes();
    try {
      return await this.load(graph, externalDataFolder, this.captures);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      throw new StartupError(
        `The model does not fit in the memory of GPU ${this.gpu.stream.deviceId}, of which ${gigabytes(free)} GB were free: ` +
          'use a smaller checkpoint, or a GPU with more memory (--base-gpu-id).',
      );
    }
  }

  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore {
    const { memory } = this.device;
    const sizes = { rows, capacity, slots, pageSize: this.args.pageSize };
    return this.reserve('keys and values', '--max-total-tokens', () => {
      return new PagedKvStore(memory, this.gpu.stream, this.elementType, shape, sizes);
    });
  }

  stage<D extends TensorData>(
    type: ElementTypeName,
    data: D,
    dims: readonly number[],
    place: Place = 'device',
  ): StagedTensor<D> {
    if (place === 'host') return new HostTensor(type, data, dims);
    const { staging } = this.device;
    return this.reserve('inputs and logits', '--max-running-requests', () => staging.stage(type, data, dims));
  }

  async turn<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isOutOfMemory(error)) throw this.outOfMemory('a batch was computed', '--chunked-prefill-size');
      this.checkPresence(error);
      throw error;
    }
  }

  bindCaptured(session: Session, number: number): IoBinding {
    return new IoBinding(session, { [GRAPH_ID]: String(number) });
  }

  captureFailure(error: unknown): Error | null {
    if (!(error instanceof OutOfDeviceMemory)) return null;
    return this.outOfMemory('batch sizes were captured', '--cuda-graph-max-bs (or use --disable-cuda-graph)');
  }

  /** What crossed between host and device so far. */
  get traffic(): DeviceMemory['traffic'] {
    return this.device.memory.traffic;
  }

  private reserve<T>(what: string, flags: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isOutOfMemory(error)) throw this.outOfMemory(`memory for ${what} was reserved`, flags);
      throw error;
    }
  }

  private outOfMemory(doing: string, flags: string): OutOfDeviceMemory {
    return new OutOfDeviceMemory(
      `Out of memory on GPU ${this.gpu.stream.deviceId} while ${doing}: lower --mem-fraction-static ` +
        `(now ${this.args.memFractionStatic}), or ${flags}.`,
    );
  }

  /** What has failed may have taken the device with it: nothing works any more then. */
  private checkPresence(failure: unknown): void {
    try {
      this.gpu.stream.memory();
    } catch (error) {
      if (!(error instanceof CudaError) && !(error instanceof StartupError)) throw error;
      throw new DeviceLostError(`GPU ${this.gpu.stream.deviceId} was lost: ${firstLine(failure)}`);
    }
  }

  /** The memory is that of a session of its own: it stays when those of the model come and go. */
  private async open(): Promise<Opened> {
    const g = new GraphBuilder(NO_WEIGHTS);
    g.output('y', g.input('x', 'float32', ['n']), 'float32', ['n']);
    const session = await this.load(g.build(), null, false);
    const memory = new DeviceMemory(session, this.gpu.memoryName, this.gpu.stream.deviceId);
    return { memory, staging: new Staging(memory, this.gpu.stream) };
  }

  private load(graph: Uint8Array, externalDataFolder: string | null, captures: boolean): Promise<Session> {
    const { stream } = this.gpu;
    return Session.create(graph, {
      intraOpThreads: this.threads,
      externalDataFolder,
      provider: this.gpu.provider(stream, captures),
      // What it would make of an encoder's scores needs cuDNN, which nothing else here does.
      config: { 'optimization.disable_specified_optimizers': 'BiasSoftmaxFusion' },
      runs: { config: { [DO_NOT_WAIT]: '1', [GRAPH_ID]: '-1' }, onThisThread: true },
    });
  }

  private get device(): Opened {
    if (this.opened === null) throw bug('the device is used before a model is loaded');
    return this.opened;
  }
}

/** One line that names the flags to change. */
class OutOfDeviceMemory extends StartupError {}

function isOutOfMemory(error: unknown): boolean {
  if (error instanceof CudaError) return error.isOutOfMemory;
  return (
    error instanceof OrtError &&
    /out of memory|Failed to allocate memory|CUBLAS_STATUS_ALLOC_FAILED/i.test(error.message)
  );
}

function firstLine(error: unknown): string {
  return errorMessage(error).split('\n')[0] as string;
}
