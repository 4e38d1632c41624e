import { bug, StartupError } from '../../../core/errors';
import { logger } from '../../../logging/logger';
import type { NodeTraits } from '../../../models/graph/graph-builder';
import type { Model } from '../../../models/model';
import { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { ElementTypeName, TensorData } from '../../../onnxruntime/element-type';
import { IoBinding } from '../../../onnxruntime/io-binding';
import { Session, type Place } from '../../../onnxruntime/session';
import type { KvShape, KvStore } from '../../kv-store';
import type { Backend, MemoryBudget, StagedTensor } from '../backend';
import { HostTensor } from '../host-tensor';
import { hostMemory, threadsOf, WHOLE, type Share } from '../share';
import { checkAttention } from './attention-check';
import { CpuBackend } from '../cpu/cpu-backend';
import { DeviceKvStore } from './device-kv-store';
import { DeviceTensor } from './device-tensor';
import { ofCapture, ofReservation, ofRun } from './failures';
import { hostNodes } from './host-nodes';
import { webGpuMemory } from './memory';
import { moverGraph, TokenMover } from './token-mover';
import { Turns } from './turns';

/** What the device is held by: a session that lives as long as the process does. */
interface Device {
  readonly session: Session;
  readonly memory: DeviceMemory;
}

/** A GPU by WebGPU, in float32: Vulkan, Direct3D 12 or Metal under it, whoever made it. */
export class WebGpuBackend implements Backend {
  readonly graphName = 'webgpu graph';
  readonly elementType = 'float32';
  readonly captureRuns = 1;
  readonly floatsOnly = true;
  readonly topSearch = 'blocks';
  readonly threads: number;
  readonly memory: MemoryBudget;
  private readonly turns = new Turns();
  private device: Device | null = null;
  /** What `check` found; null before. */
  private checked: number | null = null;

  /** @param share the part of the host it may use */
  constructor(private readonly share: Share = WHOLE) {
    this.threads = threadsOf(share);
    this.memory = webGpuMemory(hostMemory(share, process));
  }

  prepareFor({ linear }: Model): void {
    if (linear.isForCpu !== true) return;
    throw new StartupError(
      '--device webgpu: this model multiplies in 8 bits, which is computed on the CPU only: serve it with --device cpu',
    );
  }

  createSession(
    graph: Uint8Array,
    externalDataFolder: string | null,
    traits: NodeTraits = {},
  ): Promise<Session> {
    return this.turns.take(async () => {
      this.checked ??= await this.check();
      const session = await this.load(graph, externalDataFolder, hostNodes(traits, this.checked));
      this.device ??= await this.open(session);
      return session;
    });
  }

  get runTokens(): number {
    return this.checked ?? Infinity;
  }

  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore {
    const { session, memory } = this.opened;
    const mover = new TokenMover(session, memory, shape.numKvHeads);
    const before = memory.bytes;
    try {
      return new DeviceKvStore(memory, mover, this.turns, shape, rows, capacity, slots);
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

  bindCaptured(session: Session): IoBinding {
    return new IoBinding(session);
  }

  captureFailure(error: unknown): Error | null {
    return ofCapture(error);
  }

  /** What crossed between host and device so far. */
  get traffic(): DeviceMemory['traffic'] {
    return this.opened.memory.traffic;
  }

  /** See `checkAttention`. */
  private async check(): Promise<number> {
    const runTokens = await checkAttention(
      (graph) => new CpuBackend(this.share).createSession(graph, null),
      (graph) => this.load(graph, null),
    );
    if (runTokens < Infinity) {
      logger.log(
        'warning',
        `The device's attention is wrong in runs of many tokens: prompts are computed ${runTokens} tokens at a time.`,
      );
    }
    return runTokens;
  }

  /** The memory is that of a session which moves tokens: it stays when those of the model come and go. */
  private async open(model: Session): Promise<Device> {
    const planes = model.outputs.filter(({ name }) => name.startsWith('present_')).length;
    const session = await this.load(moverGraph(Math.max(planes, 1)), null);
    return { session, memory: new DeviceMemory(session, MEMORY_NAME) };
  }

  private load(
    graph: Uint8Array,
    externalDataFolder: string | null,
    onHost: readonly string[] = [],
  ): Promise<Session> {
    return Session.create(graph, {
      intraOpThreads: this.threads,
      externalDataFolder,
      provider: { name: 'webgpu', hostNodes: onHost },
    });
  }

  private get opened(): Device {
    if (this.device === null) throw bug('the device is used before a model is loaded');
    return this.device;
  }
}

/** As the provider calls the memory of buffers. */
const MEMORY_NAME = 'WebGPU_Buffer';
