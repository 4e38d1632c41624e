import { appendFileSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorMessage, StartupError } from '../core/errors';
import { warnOnce } from './logger';

/** Takes one line, without its end. */
export type LogTarget = (line: string) => void;

/**
 * Where lines go that are not part of the runtime log: `stdout`, or the files of a folder, `<host>_<pid>_<hour>.log`. A
 * file for each process and hour, so that nobody renames what another writes; they are never removed.
 * @param names null for the stream of the runtime log (stderr)
 * @returns one target that writes to all of them
 * @throws StartupError when a folder cannot be made
 */
export function openLogTargets(names: readonly string[] | null): LogTarget {
  const targets = names === null ? [toStream(process.stderr)] : [...new Set(names)].map(openTarget);
  return (line) => {
    for (const write of targets) write(line);
  };
}

/** Whether a target is a folder, and not a stream of this process. */
export function isLogFolder(name: string): boolean {
  return name.toLowerCase() !== 'stdout';
}

function openTarget(name: string): LogTarget {
  if (!isLogFolder(name)) return toStream(process.stdout);
  makeLogFolder(name);
  return (line) => {
    try {
      // The system takes it at once, so that nothing is lost with the process.
      appendFileSync(join(name, fileName(new Date())), `${line}\n`);
    } catch (error) {
      warnOnce(`Lines are lost: ${name} cannot be written: ${errorMessage(error)}`);
    }
  };
}

/** @throws StartupError naming the folder */
export function makeLogFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new StartupError(`The log folder ${path} cannot be made: ${errorMessage(error)}`);
  }
}

function fileName(now: Date): string {
  const hour = now.toISOString().slice(0, 13).replace('T', '_');
  return `${hostname()}_${process.pid}_${hour}.log`;
}

function toStream(stream: NodeJS.WritableStream): LogTarget {
  return (line) => void stream.write(`${line}\n`);
}

/** A line of JSON that says when and what. */
export function jsonLine(event: string, fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ timestamp: new Date().toISOString(), event, ...fields });
}
