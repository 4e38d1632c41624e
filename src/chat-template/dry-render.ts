import { fork } from 'node:child_process';
import { join } from 'node:path';
import { errorMessage } from '../core/errors';

/** What a template did with a conversation of one turn. */
export type DryRender =
  | { readonly outcome: 'rendered' }
  /** It threw; it may take other conversations. */
  | { readonly outcome: 'refused'; readonly message: string }
  /** It is no Jinja, or takes more time, memory or text than any template needs. */
  | { readonly outcome: 'unusable'; readonly message: string };

/** What the process that renders is told. */
export interface DryRenderTask {
  readonly template: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly maxChars: number;
}

const TIMEOUT_MS = 10_000;
/** Far more than any template writes around one word. */
const MAX_CHARS = 2 ** 20;
const MAX_HEAP_MIB = 256;

/**
 * Renders a template once in a process of its own: it comes with the checkpoint, perhaps from a stranger, and nothing else
 * bounds its loops. Not even a thread does: its memory is that of the process.
 */
export async function dryRender(
  template: string,
  variables: Readonly<Record<string, unknown>>,
  { timeoutMs = TIMEOUT_MS, file = join(__dirname, 'dry-render-child.js') } = {},
): Promise<DryRender> {
  const task: DryRenderTask = { template, variables, maxChars: MAX_CHARS };
  const child = fork(file, { execArgv: [`--max-old-space-size=${MAX_HEAP_MIB}`], stdio: 'ignore' });
  return new Promise((resolve) => {
    const settle = (result: DryRender) => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.on('error', () => undefined);
      child.kill('SIGKILL');
      resolve(result);
    };
    const unusable = (message: string) => settle({ outcome: 'unusable', message });
    const timer = setTimeout(
      () => unusable(`it rendered one message for more than ${timeoutMs / 1000} seconds`),
      timeoutMs,
    );
    child.on('message', (result: DryRender) => settle(result));
    child.on('error', (error) => unusable(errorMessage(error)));
    child.on('exit', (code, signal) => {
      if (signal !== null) unusable('it takes too much memory to render one message');
      else unusable(`the process that tries it ended with exit code ${code}`);
    });
    child.send(task, (error) => {
      if (error !== null) unusable(errorMessage(error));
    });
  });
}
