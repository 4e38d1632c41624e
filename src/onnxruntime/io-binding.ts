import { bug } from '../core/errors';
import { ortLibrary, type Pointer } from './library';
import type { Session } from './session';
import type { Tensor } from './tensor';

/**
 * Inputs and outputs of a session bound to memory once, run many times without allocation. It keeps the session and
 * every bound tensor reachable. It owns the tensors it `adopt`ed; whoever made the others disposes of them afterwards.
 */
export class IoBinding {
  private pointer: Pointer | null;
  private readonly runOptions: Pointer;
  private readonly bound = new Map<string, Tensor>();
  private readonly adopted = new Set<Tensor>();
  private running = false;

  /** @param config entries of run options, beside and before those of the session */
  constructor(
    private readonly session: Session,
    config: Readonly<Record<string, string>> = {},
  ) {
    this.pointer = ortLibrary().create('CreateIoBinding', session.handle);
    this.runOptions = ortLibrary().create('CreateRunOptions');
    for (const [key, value] of Object.entries({ ...session.runs?.config, ...config })) {
      ortLibrary().call('AddRunConfigEntry', this.runOptions, key, value);
    }
  }

  bindInput(name: string, tensor: Tensor): void {
    ortLibrary().call('BindInput', this.handle, name, tensor.handle);
    this.bound.set(`in:${name}`, tensor);
  }

  bindOutput(name: string, tensor: Tensor): void {
    ortLibrary().call('BindOutput', this.handle, name, tensor.handle);
    this.bound.set(`out:${name}`, tensor);
  }

  /** Takes over a tensor: it is disposed of together with the binding. */
  adopt(tensor: Tensor): void {
    this.adopted.add(tensor);
  }

  /** Runs the graph, on a worker thread unless the session says otherwise. Bound memory belongs to the run until it settles. @throws OrtError */
  async run(): Promise<void> {
    if (this.running) throw bug('binding run twice at a time');
    this.running = true;
    try {
      const { profile } = this.session;
      if (profile === null) await this.runOnce();
      else await profile.around(this.runOptions, () => this.runOnce());
    } finally {
      this.running = false;
    }
  }

  dispose(): void {
    if (this.pointer === null) return;
    if (this.running) throw bug('binding disposed of while it runs');
    ortLibrary().release('ReleaseIoBinding', this.pointer);
    ortLibrary().release('ReleaseRunOptions', this.runOptions);
    this.pointer = null;
    this.bound.clear();
    for (const tensor of this.adopted) tensor.dispose();
    this.adopted.clear();
  }

  /** As `run`, on this thread: for small graphs on a device, whose work goes on after it returns. @throws OrtError */
  start(): void {
    if (this.running) throw bug('binding run twice at a time');
    ortLibrary().call('RunWithBinding', this.session.handle, this.runOptions, this.handle);
  }

  private async runOnce(): Promise<void> {
    if (this.session.runs?.onThisThread === true) {
      ortLibrary().call('RunWithBinding', this.session.handle, this.runOptions, this.handle);
      return;
    }
    await ortLibrary().callAsync('RunWithBinding', this.session.handle, this.runOptions, this.handle);
  }

  private get handle(): Pointer {
    if (this.pointer === null) throw bug('binding used after dispose');
    return this.pointer;
  }
}
