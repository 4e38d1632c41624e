import type { ElementTypeName, TensorData } from '../onnxruntime/element-type';
import type { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32, pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';
import type { TopWish } from './top-rows';

/** What is the same in all runs of a shape, or in most. */
const SET_APART: ReadonlySet<string> = new Set(['row_starts', 'logit_indices', 'scales', 'draws']);

/** In place of a slot: keys and values that are written nowhere. */
const NOWHERE = -1;

/** What a padded row is given. */
const PAD_ID = new Int32Array(1);

/**
 * The small tensors of one run over rows of new tokens: the graph's inputs beside keys and values. Where the graph takes `row_starts` rows
 * lie one after the other, else each is as long as the longest. Of fixed shape, so that a decode batch of one size binds them once and
 * only rewrites their content.
 */
export class StepInputs {
  /** [rows + 1] The place of each row's first token among all of them, padding included, and their number. */
  readonly starts: Int32Array;
  private readonly inputIds: BigInt64Array;
  private readonly positionIds: BigInt64Array;
  private readonly seqlens: Int32Array;
  private readonly pasts: Int32Array;
  private readonly slots: Int32Array;
  private readonly totalLen = pinnedInt32(1);
  private readonly bounds = pinnedInt32(3);
  private readonly logitIndices: BigInt64Array;
  private readonly scales: Float32Array;
  private readonly draws: Float32Array;
  /** Whether the device has been told any scales and draws. */
  private hasDraws = false;
  private readonly tensors: ReadonlyMap<string, StagedTensor>;

  /**
   * @param session what they are for
   * @param lengths new tokens of each row
   * @param logitRows tokens that go through the vocabulary projection
   * @param slotAt where a graph that asks for it writes the keys and values of a row's token
   */
  constructor(
    backend: Backend,
    session: Session,
    private readonly lengths: readonly number[],
    readonly logitRows: number,
    private readonly slotAt: (row: number, position: number) => number = () => NOWHERE,
  ) {
    const batch = lengths.length;
    const packs = takesRowStarts(session);
    const longest = Math.max(...lengths);
    this.starts = pinnedInt32(batch + 1);
    lengths.forEach((length, row) => (this.starts[row + 1] = this.startOf(row) + (packs ? length : longest)));
    const places = this.startOf(batch);
    const tokenDims = packs ? [places] : [batch, longest];
    const staged = (name: string, type: ElementTypeName, data: TensorData, dims: readonly number[]) =>
      session.takes(name) ? [[name, backend.stage(type, data, dims, session.placeOf(name))] as const] : [];
    this.inputIds = pinnedInt64(places);
    this.positionIds = pinnedInt64(session.takes('position_ids') ? places : 0);
    this.seqlens = pinnedInt32(batch);
    this.pasts = pinnedInt32(batch);
    this.slots = pinnedInt32(session.takes('slot_mapping') ? places : 0);
    this.logitIndices = pinnedInt64(logitRows);
    this.scales = pinnedFloat32(logitRows).fill(1);
    this.draws = pinnedFloat32(logitRows);
    this.tensors = new Map([
      ...staged('input_ids', 'int64', this.inputIds, tokenDims),
      ...staged('seqlens_k', 'int32', this.seqlens, [batch]),
      ...staged('row_starts', 'int32', this.starts, [batch + 1]),
      ...staged('past_seqlens', 'int32', this.pasts, [batch]),
      ...staged('slot_mapping', 'int32', this.slots, [places]),
      ...staged('total_len', 'int32', this.totalLen, []),
      ...staged('attention_metadata', 'int32', this.bounds, [3]),
      ...staged('logit_indices', 'int64', this.logitIndices, [logitRows]),
      ...staged('scales', 'float32', this.scales, [logitRows, 1]),
      ...staged('draws', 'float32', this.draws, [logitRows, 1]),
      ...staged('position_ids', 'int64', this.positionIds, tokenDims),
    ]);
    this.tensors.get('row_starts')?.upload();
  }

  /** Tokens of all rows, padding included. */
  get places(): number {
    return this.inputIds.length;
  }

  /**
   * Writes one row: `ids` are appended to `past` tokens. Shorter rows than the longest are padded on the right where rows do not lie one after
   * the other, which is allowed only where none has a past.
   */
  setRow(row: number, ids: Int32Array, past: number): void {
    this.set(row, ids, past, this.slotAt);
  }

  /** A row that is computed with the others and writes nowhere, where the graph asks where. */
  setPadding(row: number): void {
    this.set(row, PAD_ID, 0, () => NOWHERE);
  }

  /**
   * Sets which tokens give logits.
   * @param tokens of each row, counted from its first; all rows' together are `logitRows`
   */
  setLogitTokens(tokens: readonly (readonly number[])[]): void {
    const places = tokens.flatMap((own, row) => own.map((token) => this.startOf(row) + token));
    for (let i = 0; i < this.logitRows; i++) this.logitIndices[i] = BigInt(places[i] as number);
    this.tensors.get('logit_indices')?.upload();
  }

  /** Sets what a device is to draw from the first `rows` rows of logits; null where nobody wants that. */
  setDraws(wish: TopWish | null, rows: number): void {
    if (wish === null) return;
    let differs = !this.hasDraws;
    for (let row = 0; row < rows; row++) {
      const [scale, draw] = [Math.fround(1 / wish.temperature(row)), Math.fround(wish.draw(row))];
      differs ||= this.scales[row] !== scale || this.draws[row] !== draw;
      this.scales[row] = scale;
      this.draws[row] = draw;
    }
    if (!differs) return;
    this.hasDraws = true;
    for (const name of ['scales', 'draws']) this.tensors.get(name)?.upload();
  }

  /**
   * Completes the inputs once every row is set, for the run that follows.
   * @param replays of a run that a device captures, and replays for other rows: tokens of the longest one at most and at least; null for a run
   *   that is made once
   */
  finish(replays: { readonly most: number; readonly least: number } | null = null): void {
    const total = Math.max(...this.seqlens) + 1;
    this.totalLen[0] = total;
    // New tokens of a row at most, and what the longest row holds in all, at most and at least.
    this.bounds.set([Math.max(...this.lengths), replays?.most ?? total, replays?.least ?? total]);
    for (const [name, staged] of this.tensors) if (!SET_APART.has(name)) staged.upload();
  }

  bind(binding: IoBinding): void {
    for (const [name, staged] of this.tensors) binding.bindInput(name, staged.tensor);
  }

  dispose(): void {
    for (const [, staged] of this.tensors) staged.dispose();
  }

  private set(row: number, ids: Int32Array, past: number, slotAt: StepInputs['slotAt']): void {
    const start = this.startOf(row);
    for (let i = 0; i < this.startOf(row + 1) - start; i++) {
      this.inputIds[start + i] = BigInt(ids[Math.min(i, ids.length - 1)] as number);
      if (this.positionIds.length > 0) this.positionIds[start + i] = BigInt(past + i);
      if (this.slots.length > 0) this.slots[start + i] = slotAt(row, past + i);
    }
    this.seqlens[row] = past + ids.length - 1;
    this.pasts[row] = past;
  }

  private startOf(row: number): number {
    return this.starts[row] as number;
  }
}

/** Whether a graph's rows lie one after the other, so that a run can have any new tokens behind any pasts. */
export function takesRowStarts(session: Session): boolean {
  return session.takes('row_starts');
}
