import type { Rope } from '../config/rope';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { rotaryTables } from './rotary';

/** Cosine and sine tables of one rotary embedding in a graph, [positions, dims / 2]. */
export interface RotaryInputs {
  readonly cos: Value;
  readonly sin: Value;
  /** Elements of a head that they rotate. */
  readonly dims: number;
}

/** The tables of a graph's rotary embeddings: one pair for all layers that have the same. */
export class GraphRotary {
  private readonly tables = new Map<Rope, RotaryInputs>();

  /** @param positions tokens a request may hold */
  constructor(
    private readonly g: GraphBuilder,
    private readonly positions: number,
  ) {}

  /** @param rope null where a layer does not rotate */
  of(rope: Rope | null): RotaryInputs | null {
    if (rope === null) return null;
    let tables = this.tables.get(rope);
    if (!tables) {
      const name = `rotary.${this.tables.size}`;
      const { cos, sin, positions, half } = rotaryTables(rope, this.positions);
      tables = {
        cos: this.g.floats(`${name}.cos`, [positions, half], cos),
        sin: this.g.floats(`${name}.sin`, [positions, half], sin),
        dims: rope.dims,
      };
      this.tables.set(rope, tables);
    }
    return tables;
  }
}
