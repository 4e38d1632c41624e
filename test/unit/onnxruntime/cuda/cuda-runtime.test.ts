import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { StartupError } from '../../../../src/core/errors';
import { openLibrary } from '../../../../src/core/native-library';
import { CudaError, openCudaStream } from '../../../../src/onnxruntime/cuda/cuda-runtime';

/** Number of a release that nobody has: the system finds the played library by it once that is loaded. */
const MAJOR = 77;
const NAME = `libcudart.so.${MAJOR}`;

const folder = mkdtempSync(join(tmpdir(), 'cudart-'));
afterAll(() => rmSync(folder, { recursive: true }));

function compile(): boolean {
  if (process.platform !== 'linux') return false;
  const source = join(__dirname, 'played-runtime.c');
  const flags = ['-shared', '-fPIC', '-o', join(folder, NAME), source, `-Wl,-soname,${NAME}`];
  return spawnSync('cc', flags).status === 0;
}

it('says which library is missing', () => {
  const open = () => openCudaStream(99, 0);
  expect(open).toThrow(StartupError);
  expect(open).toThrow('--device cuda needs the libraries of CUDA 99: libcudart.so.99 was not found');
});

const isCompiled = compile();
if (!isCompiled)
  process.stderr.write("skipped: NVIDIA's runtime library, played (it needs a C compiler on Linux)\n");

(isCompiled ? describe : describe.skip)(
  "NVIDIA's runtime library, played by one that is compiled here",
  () => {
    let library: ReturnType<typeof openLibrary>;
    let play: (driver: number, count: number, failing: number) => void;
    beforeAll(() => {
      library = openLibrary(join(folder, NAME));
      play = library.func('void played(int, int, int)') as typeof play;
    });
    beforeEach(() => play(77_050, 2, 0));

    it.each([
      [0, 2, 0, '--device cuda needs an NVIDIA driver for CUDA 77 or newer: no NVIDIA driver was found'],
      [
        76_090,
        2,
        0,
        "--device cuda needs an NVIDIA driver for CUDA 77 or newer: this machine's driver is for CUDA 76.9",
      ],
      [77_000, 0, 0, '--device cuda finds no GPU that it can use: no CUDA-capable device is detected'],
      [77_000, 1, 1, '--base-gpu-id: there is no GPU 1; this machine has one, GPU 0'],
      [77_000, 2, 2, '--base-gpu-id: there is no GPU 2; this machine has 2, GPU 0 to GPU 1'],
    ])('of driver %i and %i GPUs, asked for GPU %i', (driver, count, gpu, message) => {
      play(driver, count, 0);
      expect(() => openCudaStream(MAJOR, gpu)).toThrow(new StartupError(message));
    });

    it('tells capability and memory', () => {
      const stream = openCudaStream(MAJOR, 1);
      expect(stream).toMatchObject({ deviceId: 1, capability: 9 });
      expect(stream.memory()).toEqual({ free: 5_000_000_000, total: 6_000_000_000 });
    });

    it('copies on the stream, and waits for it', async () => {
      const stream = openCudaStream(MAJOR, 0);
      const from = Uint8Array.from({ length: 200 }, (_, i) => i);
      const { address, buffer } = stream.allocateHost(200);
      expect(new Uint8Array(buffer).every((value) => value === 0)).toBe(true);
      stream.copy(address, koffi.address(from), 200, 'toDevice');
      expect(new Uint8Array(buffer)).toEqual(from);
      const to = new Uint8Array(200);
      stream.copy(koffi.address(to), address + 10n, 5, 'toHost');
      expect([...to.subarray(0, 6)]).toEqual([10, 11, 12, 13, 14, 0]);
      stream.pin(koffi.address(to), 200);
      stream.unpin(koffi.address(to));
      await stream.finished();
    });

    it('says what failed', async () => {
      const stream = openCudaStream(MAJOR, 0);
      play(77_000, 1, 719);
      await expect(stream.finished()).rejects.toThrow(
        new CudaError('cudaStreamSynchronize', 719, 'unspecified launch failure'),
      );
      expect(() => stream.memory()).toThrow('cudaMemGetInfo: unspecified launch failure');
      play(77_000, 1, 2);
      const failure = () => stream.allocateHost(100);
      expect(failure).toThrow(expect.objectContaining({ isOutOfMemory: true }) as Error);
    });
  },
);
