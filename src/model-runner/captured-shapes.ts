/** A decode batch as a device captured it: what it replays is for any rows that fit. */
export interface CapturedShape {
  /** Rows, padding included. */
  readonly size: number;
  /** Tokens of the longest row at least, with the new one. */
  readonly least: number;
  /** Its own among all that were captured. */
  readonly number: number;
}

/** So many tokens of a row are enough to divide them among processors that are idle else: PagedAttention does from here on. */
const LONG_ROW = 513;

/** With more rows than this none is idle. */
const MOST_DIVIDED = 8;

/** Beyond all batch sizes. */
const LONG_NUMBERS = 1 << 20;

/** The batch sizes that were captured. Small ones are captured once more for long rows where that changes how they are computed. */
export class CapturedShapes {
  /** By size, and of one size that for longer rows first. */
  private shapes: readonly CapturedShape[] = [];

  /**
   * @param pads whether a batch may run as a larger one
   * @param capacity tokens that a row can hold, where attention divides those of a row that is known to be long; 0 where it does not
   */
  constructor(
    private readonly pads: boolean,
    private readonly capacity: number,
  ) {}

  /** Adds a batch size. @returns what has to be captured for it */
  add(size: number): readonly CapturedShape[] {
    const divides = size <= MOST_DIVIDED && this.capacity >= LONG_ROW;
    const long = { size, least: LONG_ROW, number: LONG_NUMBERS + size };
    const own = [...(divides ? [long] : []), { size, least: 0, number: size }];
    const others = this.shapes.filter((shape) => shape.size !== size);
    this.shapes = [...others, ...own].sort((a, b) => a.size - b.size || b.least - a.least);
    return own;
  }

  /**
   * What a batch runs as; null where it runs as it is.
   * @param longest tokens of its longest row, with the new one
   */
  of(batchSize: number, longest: number): CapturedShape | null {
    const fits = ({ size, least }: CapturedShape) =>
      (this.pads ? size >= batchSize : size === batchSize) && least <= longest;
    return this.shapes.find(fits) ?? null;
  }
}
