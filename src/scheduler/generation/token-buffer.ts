/** A growing list of int32 values whose views cost nothing. */
export class TokenBuffer {
  private data: Int32Array;
  private count = 0;

  constructor(capacity: number) {
    this.data = new Int32Array(Math.max(capacity, 16));
  }

  /** A copy of `values` with room to grow. */
  static from(values: Int32Array): TokenBuffer {
    const buffer = new TokenBuffer(values.length + 64);
    buffer.append(values);
    return buffer;
  }

  get length(): number {
    return this.count;
  }

  get last(): number {
    return this.data[this.count - 1] as number;
  }

  at(index: number): number {
    return this.data[index] as number;
  }

  push(value: number): void {
    this.reserve(1);
    this.data[this.count++] = value;
  }

  append(values: Int32Array): void {
    this.reserve(values.length);
    this.data.set(values, this.count);
    this.count += values.length;
  }

  /** A view of [from, to). Valid until the next change. */
  view(from = 0, to = this.count): Int32Array {
    return this.data.subarray(from, to);
  }

  /** Replaces the whole content. */
  assign(values: Int32Array): void {
    const copy = Int32Array.from(values);
    this.count = 0;
    this.append(copy);
  }

  clear(): void {
    this.count = 0;
  }

  private reserve(extra: number): void {
    if (this.count + extra <= this.data.length) return;
    const grown = new Int32Array(Math.max(this.count + extra, this.data.length * 2));
    grown.set(this.data.subarray(0, this.count));
    this.data = grown;
  }
}
