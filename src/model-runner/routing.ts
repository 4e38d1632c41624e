import { ROUTING_OUTPUT } from '../models/layers/experts';
import type { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedInt32 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';

/** The tokens that one run computed of one row. */
export interface RoutedRow {
  readonly ids: Int32Array;
  /** Tokens that the row held before. */
  readonly past: number;
}

/** Which experts one run of the model chose. Valid until the observer returns. */
export interface RoutedPass {
  /** Pieces of prompts, steps of streams, or both. */
  readonly mode: 'extend' | 'decode' | 'mixed';
  readonly rows: readonly RoutedRow[];
  /** [rows + 1] The place of each row's first token in `experts`; what follows its tokens is padding. */
  readonly starts: Int32Array;
  /** [places, width]: the experts of each place, layer after layer. */
  readonly experts: Int32Array;
}

export type RoutingObserver = (pass: RoutedPass) => void;

/** A graph that tells the experts of each token, and who wants to know them. */
export class RoutingTap {
  /** Told of each run that succeeds. */
  observer: RoutingObserver | null = null;

  private constructor(
    private readonly backend: Backend,
    private readonly width: number,
  ) {}

  /** @returns null where the graph was built without this output */
  static of(session: Session, backend: Backend): RoutingTap | null {
    const output = session.outputs.find(({ name }) => name === ROUTING_OUTPUT);
    return output === undefined ? null : new RoutingTap(backend, output.dims[1] as number);
  }

  /** Has the runs of a binding, each of so many places, tell their experts. */
  bind(binding: IoBinding, places: number): RoutingOutput {
    const data = pinnedInt32(places * this.width);
    const staged = this.backend.stage('int32', data, [places, this.width]);
    binding.bindOutput(ROUTING_OUTPUT, staged.tensor);
    return new RoutingOutput(this, staged);
  }
}

/** What runs of one shape write their experts to. Whoever bound it disposes of it. */
export class RoutingOutput {
  constructor(
    private readonly tap: RoutingTap,
    private readonly staged: StagedTensor<Int32Array>,
  ) {}

  /** Tells the observer, if there is one, of the run that has just ended. */
  async tell(
    mode: RoutedPass['mode'],
    { starts }: Pick<RoutedPass, 'starts'>,
    rows: () => readonly RoutedRow[],
  ): Promise<void> {
    const { observer } = this.tap;
    if (observer === null) return;
    await this.staged.download();
    observer({ mode, rows: rows(), starts, experts: this.staged.data });
  }

  dispose(): void {
    this.staged.dispose();
  }
}
