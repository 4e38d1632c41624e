import { createHash, type Hash } from 'node:crypto';

/** What a file's content must be, as far as the hub says. */
export interface Expected {
  /** Bytes. */
  readonly size: number | null;
  /** The tag that names the blob in the cache. */
  readonly etag: string;
  /** SHA-256 from the list of files. */
  readonly sha256: string | null;
}

/** Sums up a file as it comes in, and holds the sum against what was expected. */
export class ContentCheck {
  /** By the name of what is expected. */
  private sums: { readonly name: string; readonly wanted: string; readonly hashes: readonly Hash[] }[] = [];

  constructor(private readonly expected: Expected) {
    this.restart();
  }

  restart(): void {
    const { size, etag, sha256 } = this.expected;
    const wanted = new Set([
      ...(sha256 === null ? [] : [sha256]),
      ...(/^[0-9a-f]{64}$/.test(etag) ? [etag] : []),
    ]);
    this.sums = [...wanted].map((sum) => ({ name: 'SHA-256', wanted: sum, hashes: [createHash('sha256')] }));
    // Files inside a repository have git's tag, a SHA-1 that begins with the size; some mirrors have that of the content alone.
    if (/^[0-9a-f]{40}$/.test(etag) && size !== null) {
      const git = createHash('sha1').update(`blob ${size}\0`);
      this.sums.push({ name: 'SHA-1', wanted: etag, hashes: [git, createHash('sha1')] });
    }
  }

  add(chunk: Uint8Array): void {
    for (const { hashes } of this.sums) for (const hash of hashes) hash.update(chunk);
  }

  /** What is wrong with the content, once it is complete; null when it is what was expected. */
  fault(size: number): string | null {
    if (this.expected.size !== null && size !== this.expected.size) {
      return `it has ${size} bytes, and should have ${this.expected.size}`;
    }
    for (const { name, wanted, hashes } of this.sums) {
      const sums = hashes.map((hash) => hash.copy().digest('hex'));
      if (!sums.includes(wanted)) return `its ${name} is ${sums[0]}, and should be ${wanted}`;
    }
    return null;
  }
}
