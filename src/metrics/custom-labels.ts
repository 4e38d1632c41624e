import type { Labels } from './table';

/** Sets of values that become series of their own; clients choose the values, and each set costs memory for ever. */
const MAX_SETS = 256;
const MAX_VALUE_LENGTH = 128;
/** What a label says of the sets beyond. */
const OTHER = 'other';

/** The labels that clients may give their requests (`--tokenizer-metrics-allowed-custom-labels`). */
export class CustomLabels {
  /** By their values; one object for each set, and it stays the same. */
  private readonly sets = new Map<string, Labels>();
  private readonly other: Labels;
  readonly none: Labels;

  constructor(readonly names: readonly string[]) {
    this.none = Object.fromEntries(names.map((name) => [name, '']));
    this.other = Object.fromEntries(names.map((name) => [name, OTHER]));
    this.sets.set(keyOf(this.none), this.none);
  }

  /** What of the given labels counts: the allowed ones, the others empty. Later arguments win. */
  of(...given: readonly (Labels | null)[]): Labels {
    if (this.names.length === 0) return this.none;
    const all: Labels = Object.assign({}, ...given) as Labels;
    const labels = Object.fromEntries(
      this.names.map((name) => [name, (all[name] ?? '').slice(0, MAX_VALUE_LENGTH)]),
    );
    const key = keyOf(labels);
    const known = this.sets.get(key);
    if (known !== undefined) return known;
    if (this.sets.size >= MAX_SETS) return this.other;
    this.sets.set(key, labels);
    return labels;
  }
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels));
}
