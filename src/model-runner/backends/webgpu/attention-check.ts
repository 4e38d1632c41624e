import { StartupError } from '../../../core/errors';
import { floatBytes } from '../../../models/graph/float-bytes';
import { GraphBuilder } from '../../../models/graph/graph-builder';
import { IoBinding } from '../../../onnxruntime/io-binding';
import { OrtError } from '../../../onnxruntime/library';
import type { Session } from '../../../onnxruntime/session';
import { pinnedFloat32, pinnedInt32, Tensor } from '../../../onnxruntime/tensor';
import { NO_WEIGHTS } from '../no-weights';
import type { WebGpuType } from './number-type';

const HEADS = 2;
const HEAD_DIM = 16;
const WIDTH = HEADS * HEAD_DIM;
const TOKENS = 48;

/**
 * From so many tokens in one run on, the provider takes another kernel. It counts on 8 threads or more that exchange values; on
 * devices with fewer (software ones on some processors have 4) it leaves out keys, and nobody says so.
 */
const LONG_RUN = 32;

/**
 * Attention of these values is less than 1: what is computed in another order differs by 1e-6, and in float16 by 1e-3. What leaves out
 * keys differs by 0.03.
 */
const TOLERANCE = { float32: 1e-3, float16: 5e-3 } as const;

/** The device does not compute in float16. */
export class NoFloat16 extends Error {}

/**
 * Finds out what attention a device gets right, by some tokens whose result the CPU knows.
 * @param type to compute in
 * @param onCpu loads a graph on the CPU
 * @param onDevice loads a graph on the device
 * @returns how many tokens of a prompt may be computed in one run: Infinity, or less than `LONG_RUN`
 * @throws NoFloat16; StartupError when attention over few tokens is wrong as well
 */
export async function checkAttention(
  type: WebGpuType,
  onCpu: (graph: Uint8Array) => Promise<Session>,
  onDevice: (graph: Uint8Array) => Promise<Session>,
): Promise<number> {
  const cpu = await onCpu(attentionGraph('float32'));
  const device = await onDevice(attentionGraph(type));
  try {
    const expected = await attend(cpu, 'float32', [TOKENS]);
    const isRight = async (runs: readonly number[]) =>
      isNear(await attend(device, type, runs), expected, TOLERANCE[type]);
    if (await isRight([TOKENS])) return Infinity;
    if (await isRight(Array.from({ length: TOKENS / 16 }, () => 16))) return LONG_RUN - 1;
  } catch (error) {
    if (error instanceof OrtError && LACKS_FLOAT16.test(error.message)) throw new NoFloat16();
    throw error;
  } finally {
    cpu.dispose();
    device.dispose();
  }
  throw new StartupError(
    '--device webgpu cannot be used: attention comes out wrong on this device; another driver, or a newer one, may help',
  );
}

/** What the provider says of a kernel in float16 where the device has none. */
const LACKS_FLOAT16 = /requires f16/i;

function isNear(actual: Float32Array, expected: Float32Array, tolerance: number): boolean {
  return actual.every((value, at) => Math.abs(value - (expected[at] as number)) < tolerance);
}

/** Computes `TOKENS` tokens in runs of so many each. @returns [tokens, width] */
async function attend(session: Session, type: WebGpuType, runs: readonly number[]): Promise<Float32Array> {
  const result = new Float32Array(TOKENS * WIDTH);
  const kv = ['k', 'v'].map((name) => {
    const tensor = Tensor.over(type, floatBytes(type, pinnedFloat32(TOKENS * WIDTH)), [
      1,
      HEADS,
      TOKENS,
      HEAD_DIM,
    ]);
    return [name, tensor] as const;
  });
  let past = 0;
  for (const count of runs) {
    const binding = new IoBinding(session);
    const input = (name: string, tensor: Tensor) => {
      binding.adopt(tensor);
      binding.bindInput(name, tensor);
    };
    for (const [seed, name] of ['query', 'key', 'value'].entries()) {
      const data = pinnedFloat32(count * WIDTH);
      for (let i = 0; i < data.length; i++) data[i] = Math.sin((past * WIDTH + i + 1) * (seed + 1.7));
      input(name, Tensor.over('float32', data, [1, count, WIDTH]));
    }
    input('seqlens_k', Tensor.over('int32', pinnedInt32(1).fill(past + count - 1), [1]));
    input('total_len', Tensor.over('int32', pinnedInt32(1).fill(past + count), []));
    for (const [name, tensor] of kv) {
      binding.bindInput(`past_${name}`, tensor);
      binding.bindOutput(`present_${name}`, tensor);
    }
    const data = pinnedFloat32(count * WIDTH);
    const output = Tensor.over('float32', data, [1, count, WIDTH]);
    binding.adopt(output);
    binding.bindOutput('attention', output);
    await binding.run();
    binding.dispose();
    result.set(data, past * WIDTH);
    past += count;
  }
  for (const [, tensor] of kv) tensor.dispose();
  return result;
}

/** Attention in a type, over inputs in float32. */
function attentionGraph(type: WebGpuType): Uint8Array {
  const g = new GraphBuilder(NO_WEIGHTS, null, type);
  const qkv = ['query', 'key', 'value'].map((name) =>
    g.narrow(g.input(name, 'float32', [1, 'sequence', WIDTH])),
  );
  const dims = [1, HEADS, TOKENS, HEAD_DIM];
  const past = ['past_k', 'past_v'].map((name) => g.input(name, type, dims));
  const lengths = [g.input('seqlens_k', 'int32', [1]), g.input('total_len', 'int32', [])];
  const outputs = ['attended', 'present_k', 'present_v'] as const;
  g.namedNode('GroupQueryAttention', [...qkv, ...past, ...lengths], outputs, {
    domain: 'com.microsoft',
    attributes: { num_heads: HEADS, kv_num_heads: HEADS },
  });
  g.output('attention', g.wide('attended'), 'float32', [1, 'sequence', WIDTH]);
  for (const name of ['present_k', 'present_v']) g.output(name, name, type, dims);
  return g.build();
}
