import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { errorMessage, StartupError } from '../core/errors';

/** A temporary folder that goes with `remove` or with the process, unless that is killed. */
export class ScratchFolder {
  /** Absolute, links resolved. */
  readonly path: string;
  private readonly onExit = () => fs.rmSync(this.path, { recursive: true, force: true });

  /**
   * @param parent the system's folder for temporary files where it is left out
   * @throws StartupError when it cannot be made
   */
  constructor(purpose: string, parent = os.tmpdir()) {
    try {
      this.path = fs.realpathSync(fs.mkdtempSync(path.join(parent, `sglang-node-${purpose}-`)));
    } catch (error) {
      throw new StartupError(`cannot create a folder for ${purpose} weights: ${errorMessage(error)}`);
    }
    process.once('exit', this.onExit);
  }

  /** Adds bytes to a file. @throws StartupError when they cannot be written */
  append(file: string, ...parts: readonly Uint8Array[]): void {
    try {
      const fd = fs.openSync(path.join(this.path, file), 'a', 0o600);
      try {
        for (const bytes of parts) {
          for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
        }
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      throw new StartupError(`cannot write weights to ${this.path}: ${errorMessage(error)}`);
    }
  }

  remove(): void {
    process.off('exit', this.onExit);
    this.onExit();
  }
}
