import type { ChatMessage } from '../../chat-template';
import type { InputItem } from './request';
import type { ResponseObject } from './response-object';

/** A response that can be asked for, and gone on from. */
export interface StoredResponse {
  readonly response: ResponseObject;
  /** What was said before it, earlier responses included, without instructions. */
  readonly conversation: readonly ChatMessage[];
  /** What its request fed. */
  readonly input: readonly InputItem[];
}

interface Entry extends StoredResponse {
  readonly bytes: number;
}

const MAX_ENTRIES = 1000;
const MAX_BYTES = 64 * 1024 * 1024;

/** Responses by id, in memory: the least recently used go first. */
export class ResponseStore {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  constructor(
    private readonly limits: { readonly entries: number; readonly bytes: number } = {
      entries: MAX_ENTRIES,
      bytes: MAX_BYTES,
    },
  ) {}

  set(id: string, stored: StoredResponse): void {
    this.delete(id);
    const bytes = 2 * JSON.stringify(stored).length;
    this.entries.set(id, { ...stored, bytes });
    this.bytes += bytes;
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.limits.entries && this.bytes <= this.limits.bytes) return;
      this.delete(oldest);
    }
  }

  get(id: string): StoredResponse | null {
    const entry = this.entries.get(id);
    if (entry === undefined) return null;
    this.entries.delete(id);
    this.entries.set(id, entry);
    return entry;
  }

  /** @returns whether there was one */
  delete(id: string): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined) return false;
    this.bytes -= entry.bytes;
    return this.entries.delete(id);
  }

  /** An item of any response that is kept. */
  item(id: string): InputItem | null {
    for (const { response } of this.entries.values()) {
      const found = response.output.find((item) => item.id === id);
      if (found !== undefined) return found;
    }
    return null;
  }
}
