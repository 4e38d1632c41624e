/** The last values of a series. */
export class Window<T> {
  private readonly values: T[] = [];
  /** Where the oldest value lies once the window is full. */
  private oldest = 0;

  /** @param capacity values that are kept, at least 1; Infinity keeps all */
  constructor(private readonly capacity: number) {}

  push(value: T): void {
    if (this.values.length < this.capacity) {
      this.values.push(value);
      return;
    }
    this.values[this.oldest] = value;
    this.oldest = (this.oldest + 1) % this.capacity;
  }

  /** Oldest first. */
  toArray(): T[] {
    return [...this.values.slice(this.oldest), ...this.values.slice(0, this.oldest)];
  }

  clear(): void {
    this.values.length = 0;
    this.oldest = 0;
  }
}
