import { bug, StartupError } from '../../../core/errors';
import { logger } from '../../../logging/logger';
import type { NodeTraits } from '../../../models/graph/graph-builder';
import type { Model } from '../../../models/model';
import { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { ElementTypeName, TensorData } from '../../../onnxruntime/element-type';
import { IoBinding } from '../../../onnxruntime/io-binding';
import { GRAPH_ID } from '../../../onnxruntime/providers';
import { Session, type Place } from '../../../onnxruntime/session';
import type { ServerArgs } from '../../../server-args/server-args';
import type { KvShape, KvStore } from '../../kv-store';
import type { Backend, MemoryBudget, StagedTensor } from '../backend';
import { HostTensor } from '../host-tensor';
import { hostMemory, threadsOf, WHOLE, type Share } from '../share';
import { checkAttention, NoFloat16 } from './attention-check';
import { CpuBackend } from '../cpu/cpu-backend';
import { DeviceKvStore } from './device-kv-store';
import { DeviceTensor } from './device-tensor';
import { ofCapture, ofReservation, ofRun } from './failures';
import { hostNodes, isCapturable } from './host-nodes';
import { webGpuMemory } from './memory';
import { webGpuNumberType, type WebGpuType } from './number-type';
import { moverGraph, TokenMover } from './token-mover';
import { Turns } from './turns';

/** How a graph is loaded. */
interface LoadOptions {
  readonly hostNodes?: readonly string[];
  /** Whether some of its runs are captured. */
  readonly captures?: boolean;
  readonly mayFail?: boolean;
}

/** What the device is held by: a session that lives as long as the process does. */
interface Device {
  readonly session: Session;
  readonly memory: DeviceMemory;
}

/** A GPU by WebGPU, in float32 or float16: Vulkan, Direct3D 12 or Metal under it, whoever made it. */
export class WebGpuBackend implements Backend {
  readonly graphName = 'webgpu graph';
  readonly captureRuns = 1;
  readonly floatInputs = true;
  readonly topSearch = 'blocks';
  readonly threads: number;
  readonly memory: MemoryBudget;
  private readonly turns = new Turns();
  private device: Device | null = null;
  private type: WebGpuType = 'float32';
  /** What `checkAttention` found. */
  private longestRun = Infinity;
  private canCapture = false;

  /**
   * @param share the part of the host it may use
   * @param disableCudaGraph as the flag says it
   */
  constructor(
    private readonly share: Share = WHOLE,
    private readonly disableCudaGraph = false,
  ) {
    this.threads = threadsOf(share);
    this.memory = webGpuMemory(hostMemory(share, process), () => this.type);
  }

  get elementType(): WebGpuType {
    return this.type;
  }

  /** What is captured passes through the host nowhere. */
  get tablesAreWeights(): boolean {
    return this.canCapture;
  }

  async prepareFor(model: Model, dtype: ServerArgs['dtype']): Promise<void> {
    const { config, linear } = model;
    if (linear.isForCpu === true) {
      throw new StartupError(
        '--device webgpu: this model multiplies in 8 bits, which is computed on the CPU only: serve it with --device cpu',
      );
    }
    if (dtype === 'bfloat16') {
      logger.log('warning', '--dtype bfloat16: webgpu has no such type, and computes in float32');
    }
    await this.turns.take(() => this.settle(webGpuNumberType(dtype, config.torchDtype), dtype));
    this.canCapture = !this.disableCudaGraph && isCapturable(model);
  }

  createSession(
    graph: Uint8Array,
    externalDataFolder: string | null,
    traits: NodeTraits = {},
  ): Promise<Session> {
    return this.turns.take(async () => {
      const session = await this.load(graph, externalDataFolder, {
        hostNodes: hostNodes(traits, this.longestRun),
        captures: this.canCapture,
      });
      this.device ??= await this.open(session);
      return session;
    });
  }

  get runTokens(): number {
    return this.longestRun;
  }

  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore {
    const { session, memory } = this.opened;
    const mover = new TokenMover(session, memory, shape.numKvHeads);
    const before = memory.bytes;
    try {
      return new DeviceKvStore(memory, mover, this.turns, this.type, shape, rows, capacity, slots);
    } catch (error) {
      throw ofReservation(error, memory.bytes - before);
    }
  }

  stage<D extends TensorData>(
    type: ElementTypeName,
    data: D,
    dims: readonly number[],
    place: Place = 'device',
  ): StagedTensor<D> {
    if (place === 'host') return new HostTensor(type, data, dims);
    const { memory } = this.opened;
    return new DeviceTensor(memory, type, data, memory.allocate(type, dims));
  }

  turn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(async () => {
      try {
        return await work();
      } catch (error) {
        throw ofRun(error);
      }
    });
  }

  bindCaptured(session: Session, batchSize: number): IoBinding {
    return new IoBinding(session, this.canCapture ? { [GRAPH_ID]: String(batchSize) } : {});
  }

  captureFailure(error: unknown): Error | null {
    return ofCapture(error);
  }

  /** What crossed between host and device so far. */
  get traffic(): DeviceMemory['traffic'] {
    return this.opened.memory.traffic;
  }

  /**
   * Finds out what the device can do in a type.
   * @param asked by --dtype; any but auto will have no other
   * @throws StartupError when it cannot be used
   */
  private async settle(type: WebGpuType, asked: ServerArgs['dtype']): Promise<void> {
    try {
      this.longestRun = await checkAttention(
        type,
        (graph) => new CpuBackend(this.share).createSession(graph, null),
        (graph) => this.load(graph, null, { mayFail: true }),
      );
    } catch (error) {
      if (!(error instanceof NoFloat16)) throw error;
      if (asked !== 'auto') {
        throw new StartupError(
          `--dtype ${asked}: this device does not compute in float16; use --dtype float32`,
        );
      }
      logger.log('warning', 'Casting float16 to float32: this device does not compute in float16.');
      return this.settle('float32', asked);
    }
    this.type = type;
    if (this.longestRun < Infinity) {
      logger.log(
        'warning',
        `The device's attention is wrong in runs of many tokens: prompts are computed ${this.longestRun} tokens at a time.`,
      );
    }
  }

  /** The memory is that of a session which moves tokens: it stays when those of the model come and go. */
  private async open(model: Session): Promise<Device> {
    const planes = model.outputs.filter(({ name }) => name.startsWith('present_')).length;
    const session = await this.load(moverGraph(Math.max(planes, 1), this.type), null);
    return { session, memory: new DeviceMemory(session, MEMORY_NAME) };
  }

  private load(
    graph: Uint8Array,
    externalDataFolder: string | null,
    { hostNodes = [], captures = false, mayFail = false }: LoadOptions = {},
  ): Promise<Session> {
    return Session.create(graph, {
      intraOpThreads: this.threads,
      externalDataFolder,
      provider: { name: 'webgpu', hostNodes, enableGraphCapture: captures },
      runs: captures ? { config: { [GRAPH_ID]: NOT_CAPTURED }, onThisThread: false } : null,
      mayFail,
    });
  }

  private get opened(): Device {
    if (this.device === null) throw bug('the device is used before a model is loaded');
    return this.device;
  }
}

/** The graph id of a run that is neither captured nor a replay. */
const NOT_CAPTURED = '-1';

/** As the provider calls the memory of buffers. */
const MEMORY_NAME = 'WebGPU_Buffer';
