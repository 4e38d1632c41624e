import { StartupError } from '../../../core/errors';
import { GraphBuilder } from '../../../models/graph/graph-builder';
import { IoBinding } from '../../../onnxruntime/io-binding';
import type { Session } from '../../../onnxruntime/session';
import { pinnedFloat32, pinnedInt32, Tensor } from '../../../onnxruntime/tensor';
import { NO_WEIGHTS } from '../no-weights';

const HEADS = 2;
const HEAD_DIM = 16;
const WIDTH = HEADS * HEAD_DIM;
const TOKENS = 48;

/**
 * From so many tokens in one run on, the provider takes another kernel. It counts on 8 threads or more that exchange values; on
 * devices with fewer (software ones on some processors have 4) it leaves out keys, and nobody says so.
 */
const LONG_RUN = 32;

/** Attention of these values is less than 1: what is computed in another order differs by 1e-6. */
const TOLERANCE = 1e-3;

/**
 * Finds out what attention a device gets right, by some tokens whose result the CPU knows.
 * @param onCpu loads a graph on the CPU
 * @param onDevice loads a graph on the device
 * @returns how many tokens of a prompt may be computed in one run: Infinity, or less than `LONG_RUN`
 * @throws StartupError when attention over few tokens is wrong as well
 */
export async function checkAttention(
  onCpu: (graph: Uint8Array) => Promise<Session>,
  onDevice: (graph: Uint8Array) => Promise<Session>,
): Promise<number> {
  const graph = attentionGraph();
  const cpu = await onCpu(graph);
  const device = await onDevice(graph);
  try {
    const expected = await attend(cpu, [TOKENS]);
    if (isNear(await attend(device, [TOKENS]), expected)) return Infinity;
    const runs = Array.from({ length: TOKENS / 16 }, () => 16);
    if (isNear(await attend(device, runs), expected)) return LONG_RUN - 1;
  } finally {
    cpu.dispose();
    device.dispose();
  }
  throw new StartupError(
    '--device webgpu cannot be used: attention comes out wrong on this device; another driver, or a newer one, may help',
  );
}

function isNear(actual: Float32Array, expected: Float32Array): boolean {
  return actual.every((value, at) => Math.abs(value - (expected[at] as number)) < TOLERANCE);
}

/** Computes `TOKENS` tokens in runs of so many each. @returns [tokens, width] */
async function attend(session: Session, runs: readonly number[]): Promise<Float32Array> {
  const result = new Float32Array(TOKENS * WIDTH);
  const kv = ['k', 'v'].map((name) => {
    const tensor = Tensor.over('float32', pinnedFloat32(TOKENS * WIDTH), [1, HEADS, TOKENS, HEAD_DIM]);
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

function attentionGraph(): Uint8Array {
  const g = new GraphBuilder(NO_WEIGHTS);
  const qkv = ['query', 'key', 'value'].map((name) => g.input(name, 'float32', [1, 'sequence', WIDTH]));
  const dims = [1, HEADS, TOKENS, HEAD_DIM];
  const past = ['past_k', 'past_v'].map((name) => g.input(name, 'float32', dims));
  const lengths = [g.input('seqlens_k', 'int32', [1]), g.input('total_len', 'int32', [])];
  const outputs = ['attention', 'present_k', 'present_v'] as const;
  g.namedNode('GroupQueryAttention', [...qkv, ...past, ...lengths], outputs, {
    domain: 'com.microsoft',
    attributes: { num_heads: HEADS, kv_num_heads: HEADS },
  });
  g.output('attention', 'attention', 'float32', [1, 'sequence', WIDTH]);
  for (const name of ['present_k', 'present_v']) g.output(name, name, 'float32', dims);
  return g.build();
}
