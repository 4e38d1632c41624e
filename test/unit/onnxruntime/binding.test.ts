import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { GraphBuilder } from '../../../src/models/graph/graph-builder';
import { DeviceMemory } from '../../../src/onnxruntime/device-memory';
import { IoBinding } from '../../../src/onnxruntime/io-binding';
import { OrtError, ortLibrary } from '../../../src/onnxruntime/library';
import { RunProfile } from '../../../src/onnxruntime/run-profile';
import { Session, type SessionSettings } from '../../../src/onnxruntime/session';
import { SIGNATURES } from '../../../src/onnxruntime/signatures';
import { Tensor, pinnedFloat32, pinnedInt64 } from '../../../src/onnxruntime/tensor';
import { noWeights } from './no-weights';

/** Functions that these tests have reached, recorded where the library looks them up. */
const called = new Set<string>();

beforeAll(() => {
  const table = (ortLibrary() as unknown as { functions: Map<string, unknown> }).functions;
  const get = table.get.bind(table);
  jest.spyOn(table, 'get').mockImplementation((name: string) => {
    called.add(name);
    return get(name);
  });
});

const SETTINGS: SessionSettings = { intraOpThreads: 1, externalDataFolder: null, provider: null };

/** y = x + [1, 2, 3], and the shape of x. */
function addModel(): Uint8Array {
  const g = new GraphBuilder(noWeights);
  const x = g.input('x', 'float32', ['n', 3]);
  const sum = g.node('Add', [x, g.floats('c', [3], Float32Array.of(1, 2, 3))]);
  g.output('y', sum, 'float32', ['n', 3]);
  g.output('shape', g.node('Shape', [x]), 'int64', [2]);
  return g.build();
}

describe('the library', () => {
  it('is the one onnxruntime-node installed', () => {
    const manifest = readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(ortLibrary().version).toBe(version);
  });

  it('names no place of the function table twice', () => {
    const places = Object.values(SIGNATURES).map(({ index }) => index);
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('a session', () => {
  it('describes its inputs and outputs', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    expect(session.inputs).toEqual([{ name: 'x', type: 'float32', dims: [-1, 3] }]);
    expect(session.outputs).toEqual([
      { name: 'y', type: 'float32', dims: [-1, 3] },
      { name: 'shape', type: 'int64', dims: [2] },
    ]);
    session.dispose();
  });

  it('reports invalid bytes with ONNX Runtime’s own message', async () => {
    await expect(Session.create(Uint8Array.of(1, 2, 3), SETTINGS)).rejects.toThrow(OrtError);
  });

  it('reports an unknown session option', async () => {
    const settings = { ...SETTINGS, config: { ['x'.repeat(2000)]: '1' } };
    await expect(Session.create(addModel(), settings)).rejects.toThrow(/AddSessionConfigEntry/);
  });

  it('names the command that installs the CUDA provider when it is missing', async () => {
    const cuda = { name: 'cuda', deviceId: 0, stream: 1n, enableCudaGraph: false } as const;
    const settings = { ...SETTINGS, provider: cuda };
    const failure = await Session.create(addModel(), settings).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartupError);
    expect((failure as Error).message).toMatch(/npx sglang_install_cuda/);
    expect((failure as Error).message).not.toContain('\n');
  });

  it('cannot be used after dispose, which may be called twice', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    session.dispose();
    session.dispose();
    expect(() => session.handle).toThrow(/this is a bug/);
  });
});

describe('a binding', () => {
  it('runs again and again over the same memory', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    const binding = new IoBinding(session);
    const x = pinnedFloat32(6);
    const y = pinnedFloat32(6);
    const shape = pinnedInt64(2);
    const tensors = [
      Tensor.over('float32', x, [2, 3]),
      Tensor.over('float32', y, [2, 3]),
      Tensor.over('int64', shape, [2]),
    ] as const;
    binding.bindInput('x', tensors[0]);
    binding.bindOutput('y', tensors[1]);
    binding.bindOutput('shape', tensors[2]);
    for (let round = 0; round < 3; round++) {
      x.fill(round);
      await binding.run();
      expect([...y]).toEqual([round + 1, round + 2, round + 3, round + 1, round + 2, round + 3]);
    }
    expect([...shape]).toEqual([2n, 3n]);
    binding.dispose();
    for (const tensor of tensors) tensor.dispose();
    session.dispose();
  });

  it('keeps the event loop free while it runs, and refuses a second run meanwhile', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    const binding = new IoBinding(session);
    const x = Tensor.over('float32', pinnedFloat32(3), [1, 3]);
    const y = Tensor.over('float32', pinnedFloat32(3), [1, 3]);
    const shape = Tensor.over('int64', pinnedInt64(2), [2]);
    binding.bindInput('x', x);
    binding.bindOutput('y', y);
    binding.bindOutput('shape', shape);
    const first = binding.run();
    await expect(binding.run()).rejects.toThrow(/this is a bug/);
    expect(() => binding.dispose()).toThrow(/this is a bug/);
    await first;
    binding.dispose();
    session.dispose();
  });

  it('runs on this thread where the session says so, and tells runs what both say', async () => {
    const runs = { config: { first: '1', second: '1' }, onThisThread: true };
    const session = await Session.create(addModel(), { ...SETTINGS, runs });
    const call = jest.spyOn(ortLibrary(), 'call');
    const binding = new IoBinding(session, { second: '2' });
    expect(call.mock.calls.map(([name, , ...entry]) => [name, ...entry.slice(0, 2)])).toEqual(
      expect.arrayContaining([
        ['AddRunConfigEntry', 'first', '1'],
        ['AddRunConfigEntry', 'second', '2'],
      ]),
    );
    call.mockRestore();
    const y = pinnedFloat32(3);
    const tensors = [
      Tensor.over('float32', pinnedFloat32(3), [1, 3]),
      Tensor.over('float32', y, [1, 3]),
      Tensor.over('int64', pinnedInt64(2), [2]),
    ] as const;
    binding.bindInput('x', tensors[0]);
    binding.bindOutput('y', tensors[1]);
    binding.bindOutput('shape', tensors[2]);
    const run = binding.run();
    expect([...y]).toEqual([1, 2, 3]);
    await run;
    binding.dispose();
    for (const tensor of tensors) tensor.dispose();
    session.dispose();
  });

  it('reports an input that is not bound and an unknown name', async () => {
    const session = await Session.create(addModel(), { ...SETTINGS, mayFail: true });
    const binding = new IoBinding(session);
    await expect(binding.run()).rejects.toThrow(OrtError);
    const stray = Tensor.over('float32', pinnedFloat32(3), [3]);
    expect(() => binding.bindInput('nobody', stray)).toThrow(/BindInput/);
    binding.dispose();
    session.dispose();
  });
});

/** The CPU's memory, which it hands out as a device does. */
describe('the memory of a device', () => {
  let session: Session;
  let memory: DeviceMemory;
  beforeEach(async () => {
    session = await Session.create(addModel(), SETTINGS);
    memory = new DeviceMemory(session, 'Cpu');
  });
  afterEach(() => {
    expect(memory.bytes).toBe(0);
    memory.dispose();
    session.dispose();
  });

  const run = (x: Tensor, y: Tensor) => {
    const binding = new IoBinding(session);
    binding.bindInput('x', x);
    binding.bindOutput('y', y);
    binding.bindOutput('shape', Tensor.over('int64', pinnedInt64(2), [2]));
    binding.start();
    binding.dispose();
  };

  it('is run over in place, and seen in other shapes without a copy', () => {
    const device = memory.allocate('float32', [3, 3]);
    const data = pinnedFloat32(9);
    const host = Tensor.over('float32', data, [3, 3]);
    run(host, device);
    run(device, device);
    const tail = memory.view(device, 'float32', [1, 3], 24);
    const front = memory.view(device, 'float32', [2, 3]);
    expect(memory.bytes).toBe(36);
    run(tail, tail);
    run(front, Tensor.over('float32', data.subarray(0, 6), [2, 3]));
    run(tail, Tensor.over('float32', data.subarray(6), [1, 3]));
    expect([...data]).toEqual([3, 6, 9, 3, 6, 9, 4, 8, 12]);
    expect(() => memory.view(device, 'float32', [4], 24)).toThrow(/this is a bug/);
    tail.dispose();
    front.dispose();
    device.dispose();
  });

  it('refuses copies of another size, and what the session does not have', () => {
    const device = memory.allocate('float32', [2]);
    const host = Tensor.over('float32', pinnedFloat32(3), [3]);
    expect(() => memory.upload(host, device)).toThrow(/this is a bug/);
    // The CPU's provider has nothing that copies.
    expect(() => memory.upload(Tensor.over('float32', pinnedFloat32(2), [2]), device)).toThrow(OrtError);
    expect(memory.traffic).toEqual({ uploads: 0, uploadedBytes: 0, downloads: 0, downloadedBytes: 0 });
    expect(() => new DeviceMemory(session, 'WebGPU_Buffer')).toThrow(OrtError);
    device.dispose();
  });

  it('is where a session of the CPU wants every input', () => {
    expect(session.placeOf('x')).toBe('host');
    expect([session.takes('x'), session.takes('y')]).toEqual([true, false]);
  });
});

describe('a profile of runs', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'runs-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  interface Event {
    readonly name: string;
    readonly ts?: number;
    readonly args: { readonly op_name?: string; readonly name?: string };
  }

  it('times the operators of the runs that it sees, one trace in the order of time', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    const binding = new IoBinding(session);
    binding.bindInput('x', Tensor.over('float32', pinnedFloat32(3), [1, 3]));
    binding.bindOutput('y', Tensor.over('float32', pinnedFloat32(3), [1, 3]));
    binding.bindOutput('shape', Tensor.over('int64', pinnedInt64(2), [2]));
    await binding.run();
    const counts: number[] = [];
    const before = (performance.timeOrigin + performance.now()) * 1000;
    session.profile = await RunProfile.start(folder, 2, (count) => counts.push(count));
    for (let run = 0; run < 3; run++) await binding.run();
    const { profile } = session;
    session.profile = null;
    await binding.run();
    const path = join(folder, 'x.trace.json');
    await profile.write(path, 'a name');
    await profile.dispose();
    expect(counts).toEqual([1, 2, 3]);
    const [first, ...events] = JSON.parse(readFileSync(path, 'utf8')) as Event[];
    expect(first).toMatchObject({ ph: 'M', name: 'process_name', args: { name: 'a name' } });
    const runs = events.filter(({ name }) => name === 'model_run');
    expect(runs).toHaveLength(2);
    expect(events.filter(({ args }) => args.op_name === 'Add')).toHaveLength(2);
    const times = runs.map(({ ts = 0 }) => ts);
    expect(times[0]).toBeGreaterThanOrEqual(Math.floor(before));
    expect(times[1]).toBeGreaterThan(times[0] ?? 0);
    expect(readdirSync(folder)).toEqual(['x.trace.json']);
    binding.dispose();
    session.dispose();
  });

  it('lets a run fail as it would without', async () => {
    const session = await Session.create(addModel(), SETTINGS);
    const binding = new IoBinding(session);
    const profile = await RunProfile.start(folder, 9, () => undefined);
    session.profile = profile;
    await expect(binding.run()).rejects.toThrow(OrtError);
    session.profile = null;
    await profile.write(join(folder, 'x.trace.json'), 'a name');
    await profile.dispose();
    expect(readdirSync(folder)).toEqual(['x.trace.json']);
    binding.dispose();
    session.dispose();
  });
});

describe('a tensor', () => {
  it('refuses a shape that is not its data’s', () => {
    expect(() => Tensor.over('float32', pinnedFloat32(4), [5])).toThrow(/this is a bug/);
  });

  it('never lives in memory that V8 moves', () => {
    expect(pinnedInt64(1).buffer.byteLength).toBeGreaterThan(64);
  });
});

it('has called every function of the table by now', () => {
  // Options can be made without the CUDA provider; using them says that it is missing.
  const ort = ortLibrary();
  const cuda = ort.create('CreateCUDAProviderOptions');
  const options = ort.create('CreateSessionOptions');
  expect(() => ort.call('UpdateCUDAProviderOptions', cuda, ['device_id'], ['0'], 1)).toThrow(OrtError);
  expect(() => ort.call('SessionOptionsAppendExecutionProvider_CUDA_V2', options, cuda)).toThrow(OrtError);
  expect(() => ort.call('SessionOptionsAppendExecutionProvider', options, 'Nobody', [], [], 0)).toThrow(
    OrtError,
  );
  expect(() => ort.call('RegisterCustomOpsLibrary_V2', options, '/nowhere.so')).toThrow(OrtError);
  ort.release('ReleaseCUDAProviderOptions', cuda);
  ort.release('ReleaseSessionOptions', options);
  expect(Object.keys(SIGNATURES).filter((name) => !called.has(name))).toEqual([]);
});
