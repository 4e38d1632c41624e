import { MainProcess } from '../launcher/main-process';
import { readEngineArgs, type EngineArgs } from './args';

/** A server in this program; its model runs in two processes of its own. */
export interface RunningServer {
  /** `http://127.0.0.1:30000`, say. */
  readonly url: string;
  /** Rejects with the first error that the server cannot outlive; never resolves. */
  readonly failure: Promise<never>;
  /** Ends the server and its processes at once; may be called again. */
  close(): Promise<void>;
}

/**
 * Starts the server of the command `launch_server` in this program.
 * @param args of the command: `{ modelPath: '…', port: 0 }`, or a command line
 * @returns when it has answered its first request
 * @throws UsageError, or StartupError of one line
 */
export async function launchServer(args: EngineArgs | readonly string[] = {}): Promise<RunningServer> {
  const server = new MainProcess(readEngineArgs(args, 'info'));
  try {
    await Promise.race([server.start(), server.failure]);
  } catch (error) {
    await server.close();
    throw error;
  }
  return { url: server.url, failure: server.failure, close: () => server.close() };
}
