import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** `npm run demo`: a server and a chat with it, driven over pipes. */
const DEMO = resolve(__dirname, '../../examples/chat.mjs');
const README = readFileSync(resolve(__dirname, '../../README.md'), 'utf8');

class Demo {
  output = '';
  readonly process: ChildProcess;
  private readonly closed: Promise<unknown[]>;

  constructor() {
    this.process = spawn(process.execPath, [DEMO], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.closed = once(this.process, 'close');
    this.process.stdout?.on('data', (bytes: Buffer) => (this.output += bytes.toString()));
  }

  type(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }

  /** Waits until the output matches; the test's own time limit ends a wait in vain. */
  async sees(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) await once(this.process.stdout as NodeJS.ReadableStream, 'data');
  }

  async ends(): Promise<number | null> {
    return (await this.closed)[0] as number | null;
  }

  /** The server's processes that live below the demo's. */
  children(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => parentOf(pid) === this.process.pid)
      .map(Number);
  }
}

function parentOf(pid: string): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

let demo: Demo;

beforeEach(async () => {
  demo = new Demo();
  await demo.sees(/you> $/);
});
afterEach(() => demo.process.kill('SIGKILL'));

it('answers each line and leaves at the end of the input, with nothing left running', async () => {
  const children = demo.children();
  expect(children).toHaveLength(2);
  demo.type('What is the capital of France?');
  await demo.sees(/you> [^]*\S[^]*\nyou> $/);
  demo.process.stdin?.end();
  expect(await demo.ends()).toBe(0);
  for (const pid of children) expect(parentOf(String(pid))).toBeNull();
});

it('says what the README says', async () => {
  const [, session = ''] = /```text\n([^`]*)```/.exec(README) ?? [];
  const turns = [...session.matchAll(/you> (.*)\n(.*)\n/g)];
  expect(turns.length).toBeGreaterThan(2);
  for (const [, question = ''] of turns) demo.type(question);
  demo.process.stdin?.end();
  expect(await demo.ends()).toBe(0);
  const answers = demo.output.split('you> ').slice(1, -1);
  expect(answers).toEqual(turns.map(([, , answer]) => `${answer}\n`));
});

it('stops an answer at the first Ctrl-C and leaves at the second', async () => {
  demo.process.stdout?.once('data', () => demo.process.kill('SIGINT'));
  demo.type('Tell me a story.');
  await demo.sees(/\nyou> $/);
  demo.process.kill('SIGINT');
  expect(await demo.ends()).toBe(0);
});
