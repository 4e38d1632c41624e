import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/**
 * What is compared: a started process that generates greedily from token ids, past any end-of-sequence token.
 * @typedef {{
 *   pid: number,
 *   generate(prompts: number[][], newTokens: number, onTokens: OnTokens): Promise<void>,
 *   stop(): Promise<void>,
 * }} Started
 * @typedef {(user: number, ids: number[]) => void} OnTokens called as the new ids of a user arrive
 * @typedef {{ name: string, start(): Promise<Started> }} Contender start resolves when it can serve
 * @typedef {{ checkpoint: string, work: string, threads: number, longest: number, users: number }} Setting
 *   longest: tokens of prompt and output; users: at once at most
 */

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** How long a process that was told to end may take. */
const GRACE_MS = 10_000;

/**
 * A process on the first cores alone, so that every library takes as many threads by itself.
 * @param {string[]} command
 * @param {number} threads
 */
export function spawnPinned(command, threads) {
  const child = spawn('taskset', ['--cpu-list', `0-${threads - 1}`, ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads) },
  });
  let log = '';
  child.stderr.on('data', (bytes) => (log = (log + String(bytes)).slice(-20_000)));
  const ended = new Promise((/** @type {(why: string) => void} */ resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(`ended with ${code ?? signal}: ${log.slice(-1500).trim()}`));
  });
  running.add(child);
  void ended.then(() => running.delete(child));
  return {
    child,
    ended,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * A process that says {"ready": true}, reads {"prompts", "newTokens"} and answers lines of [user, …ids] and an empty list at
 * the end. All else that it prints is left alone.
 * @param {string[]} command
 * @param {number} threads
 * @returns {Promise<Started>}
 */
export async function startLines(command, threads) {
  const { child, ended, pid, stop } = spawnPinned(command, threads);
  /** @type {(message: unknown) => void} */
  let onMessage = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^[[{]/.test(line)) onMessage(JSON.parse(line));
  });
  const failed = ended.then((why) => Promise.reject(new Error(why)));
  failed.catch(() => {});
  await Promise.race([new Promise((resolve) => (onMessage = resolve)), failed]);
  return {
    pid,
    stop,
    async generate(prompts, newTokens, onTokens) {
      const done = new Promise((/** @type {(nothing?: undefined) => void} */ resolve) => {
        onMessage = (message) => {
          const [user, ...ids] = /** @type {number[]} */ (message);
          if (user === undefined) resolve();
          else onTokens(user, ids);
        };
      });
      child.stdin.write(`${JSON.stringify({ prompts, newTokens })}\n`);
      await Promise.race([done, failed]);
    },
  };
}

/**
 * The other end of startLines, for a process of this runtime that has loaded its model.
 * @param {Started['generate']} generate
 */
export async function serveLines(generate) {
  const say = (/** @type {unknown} */ message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const { prompts, newTokens } = JSON.parse(line);
    await generate(prompts, newTokens, (user, ids) => say([user, ...ids]));
    say([]);
  }
}

/**
 * A folder that a command writes, which has its name only when it is whole.
 * @param {string} folder
 * @param {readonly [file: string, ...args: string[]]} command what to write is its last argument, added here
 * @returns {Promise<string>} the folder, made where it is not there yet
 */
export async function writtenOnce(folder, [file, ...args]) {
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  await promisify(execFile)(file, [...args, part]);
  renameSync(part, folder);
  return folder;
}

/**
 * @param {number} pid
 * @returns {number} MiB that the process and all below it had resident at most, each at its own time
 */
export function peakMiB(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(field(name, 'PPid'));
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  /** @type {(of: number) => number} */
  const sum = (of) =>
    (children.get(of) ?? []).reduce((total, child) => total + sum(child), Number(field(String(of), 'VmHWM')));
  return Math.round(sum(pid) / 1024);
}

/** @returns {string} a number of /proc/…/status, 0 where the process is gone */
function field(/** @type {string} */ pid, /** @type {string} */ name) {
  try {
    return (
      new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
    );
  } catch {
    return '0';
  }
}
