import { bug } from '../../../core/errors';
import { GraphBuilder } from '../../../models/graph/graph-builder';
import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { FloatType } from '../../../onnxruntime/element-type';
import { IoBinding } from '../../../onnxruntime/io-binding';
import type { Session } from '../../../onnxruntime/session';
import { pinnedBuffer, Tensor } from '../../../onnxruntime/tensor';
import { NO_WEIGHTS } from '../no-weights';

/** The keys and values of all layers in one kind of place: a tensor [vectors, head_dim] for each plane. */
export type Planes = readonly Tensor[];

/** The tokens of one row, or of the arena, within planes: the vector of a head and a token is at `base + head · stride + token`. */
export interface Region {
  readonly planes: Planes;
  readonly base: number;
  readonly stride: number;
}

/** Bytes of an index: int64. */
const INDEX_BYTES = 8;

/**
 * Copies vectors between tensors of the device, all planes in one run of a small graph, because memory of WebGPU has no
 * addresses: which vectors go where is all that the host says.
 */
export class TokenMover {
  private readonly bindings = new Map<Planes, Map<Planes, IoBinding>>();
  private at: Indices | null = null;
  private into: Indices | null = null;

  /** @param session of `moverGraph` */
  constructor(
    private readonly session: Session,
    private readonly memory: DeviceMemory,
    private readonly heads: number,
  ) {}

  /**
   * Copies tokens of all heads. It has happened for everything that starts afterwards; regions may lie in the same planes, if none
   * of these tokens is both read and written.
   * @param fromToken which token of `from` goes to `toToken(i)` of `to`, for each i below `count`
   */
  copy(
    from: Region,
    to: Region,
    count: number,
    fromToken: (i: number) => number,
    toToken: (i: number) => number,
  ): void {
    if (count === 0) return;
    const vectors = count * this.heads;
    this.reserve(vectors);
    const { at, into } = this;
    if (at === null || into === null) throw bug('indices were not reserved');
    for (let head = 0, next = 0; head < this.heads; head++) {
      for (let i = 0; i < count; i++, next++) {
        at.set(next, from.base + head * from.stride + fromToken(i));
        into.set(next, to.base + head * to.stride + toToken(i));
      }
    }
    const binding = this.bindingOf(from.planes, to.planes);
    const used = [at.upload([vectors]), into.upload([vectors, 1])] as const;
    binding.bindInput('at', used[0]);
    binding.bindInput('into', used[1]);
    binding.start();
    for (const tensor of used) tensor.dispose();
  }

  /** Lets go of planes that are about to be disposed of. */
  forget(planes: Planes): void {
    for (const binding of this.bindings.get(planes)?.values() ?? []) binding.dispose();
    this.bindings.delete(planes);
    for (const others of this.bindings.values()) {
      others.get(planes)?.dispose();
      others.delete(planes);
    }
  }

  /** Makes room for so many indices; it is kept. */
  private reserve(vectors: number): void {
    if (this.at !== null && this.at.length >= vectors) return;
    this.at?.dispose();
    this.into?.dispose();
    this.at = new Indices(this.memory, vectors);
    this.into = new Indices(this.memory, vectors);
  }

  private bindingOf(from: Planes, to: Planes): IoBinding {
    let others = this.bindings.get(from);
    if (!others) this.bindings.set(from, (others = new Map<Planes, IoBinding>()));
    let binding = others.get(to);
    if (!binding) {
      binding = new IoBinding(this.session);
      for (const [plane, tensor] of from.entries()) binding.bindInput(`from.${plane}`, tensor);
      for (const [plane, tensor] of to.entries()) {
        binding.bindInput(`to.${plane}`, tensor);
        binding.bindOutput(`moved.${plane}`, tensor);
      }
      others.set(to, binding);
    }
    return binding;
  }
}

/** A list of places, on the host and on the device. */
class Indices {
  private readonly words: Int32Array;
  private readonly device: Tensor;

  constructor(
    private readonly memory: DeviceMemory,
    readonly length: number,
  ) {
    this.words = new Int32Array(pinnedBuffer(length * INDEX_BYTES));
    this.device = memory.allocate('int64', [length]);
  }

  set(at: number, place: number): void {
    // The lower half of an int64: the upper one stays 0.
    this.words[2 * at] = place;
  }

  /** Sends the first ones. @returns where they are, in this shape; the caller disposes of it */
  upload(dims: readonly number[]): Tensor {
    const count = dims[0] as number;
    const host = Tensor.over('int64', new BigInt64Array(this.words.buffer, 0, count), dims);
    const device = this.memory.view(this.device, 'int64', dims);
    this.memory.upload(host, device);
    host.dispose();
    return device;
  }

  dispose(): void {
    this.device.dispose();
  }
}

/**
 * For each plane `moved.<plane>`: `to.<plane>` with the vectors `from.<plane>[at]` put at `into`. Bound to the memory of `to`, nothing else
 * is written.
 * @param type of the vectors
 */
export function moverGraph(planes: number, type: FloatType): Uint8Array {
  const g = new GraphBuilder(NO_WEIGHTS);
  const at = g.input('at', 'int64', ['count']);
  const into = g.input('into', 'int64', ['count', 1]);
  for (let plane = 0; plane < planes; plane++) {
    const from = g.input(`from.${plane}`, type, [`sources.${plane}`, 'dim']);
    const to = g.input(`to.${plane}`, type, [`places.${plane}`, 'dim']);
    const vectors = g.node('Gather', [from, at], { attributes: { axis: 0 } });
    const name = `moved.${plane}`;
    g.namedNode('ScatterND', [to, into, vectors], [name]);
    g.output(name, name, type, [`places.${plane}`, 'dim']);
  }
  return g.build();
}
