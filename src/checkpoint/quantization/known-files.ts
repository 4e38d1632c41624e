import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

/** A file that changed so recently could change once more without its times telling: nothing is remembered of it. */
const SETTLED_MS = 2000;

const FOLDER = 'known-files';

/**
 * What was found out about files by reading them whole, kept from start to start for as long as they are the same: by their place, size and
 * times, of which the system sets one itself whenever a file is written to. What cannot be kept is found out anew.
 */
export class KnownFiles {
  /** @param cacheDir a note for each file goes to a folder of it */
  constructor(private readonly cacheDir: string) {}

  /**
   * What is known of each file, or else what `find` says, which is remembered.
   * @param find reads files; null for one of which nothing is to be remembered
   */
  async of(
    files: readonly string[],
    find: (unknown: readonly string[]) => Promise<readonly (string | null)[]>,
  ): Promise<(string | null)[]> {
    const stamps = files.map(stampOf);
    const known = files.map((file, i) => this.read(file, stamps[i] ?? null));
    const unknown = files.filter((_, i) => known[i] === null);
    const found = unknown.length > 0 ? await find(unknown) : [];
    return files.map((file, i) => {
      if (known[i] != null) return known[i];
      const now = found[unknown.indexOf(file)] ?? null;
      const stamp = stamps[i] ?? null;
      if (now !== null && stamp !== null && stampOf(file) === stamp && isSettled(file)) {
        this.write(file, { stamp, found: now });
      }
      return now;
    });
  }

  private read(file: string, stamp: string | null): string | null {
    try {
      const note: unknown = JSON.parse(fs.readFileSync(this.noteOf(file), 'utf8'));
      return isNote(note) && note.stamp === stamp ? note.found : null;
    } catch {
      return null;
    }
  }

  /** A note that was written by half is none. */
  private write(file: string, note: Note): void {
    const at = this.noteOf(file);
    try {
      fs.mkdirSync(path.dirname(at), { recursive: true });
      fs.writeFileSync(at, JSON.stringify(note));
    } catch {
      // A cache that takes nothing has been told of by whoever keeps weights there.
    }
  }

  private noteOf(file: string): string {
    const name = createHash('sha256').update(path.resolve(file)).digest('hex');
    return path.join(this.cacheDir, FOLDER, `${name}.json`);
  }
}

interface Note {
  readonly stamp: string;
  readonly found: string;
}

function isNote(value: unknown): value is Note {
  const { stamp, found } = (value ?? {}) as Partial<Record<keyof Note, unknown>>;
  return typeof stamp === 'string' && typeof found === 'string';
}

/** Tells the states of a file apart; null where there is none. */
function stampOf(file: string): string | null {
  const stat = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ') : null;
}

function isSettled(file: string): boolean {
  return Date.now() - fs.statSync(file).ctimeMs > SETTLED_MS;
}
