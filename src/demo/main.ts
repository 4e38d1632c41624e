import { checkEnv } from '../core/env';
import { StartupError, UsageError } from '../core/errors';
import { configureLogging } from '../logging/logger';
import {
  parseCommandLine,
  readMachine,
  resolveServerArgs,
  usageErrorText,
  type ServerArgs,
} from '../server-args';
import { MainProcess } from '../launcher/main-process';
import { loadChatTemplate } from '../tokenizer/chat-template';
import { TerminalChat } from './terminal-chat';

/**
 * `npm run demo`: a server on the checkpoint that ships with the package, and a chat with it in this terminal. Takes the
 * flags of launch_server. The server ends with the chat, however that ends.
 */
async function main(argv: readonly string[]): Promise<number> {
  const args = readArgs(argv);
  if (args === null) return 2;
  configureLogging('error');
  const server = new MainProcess(args);
  try {
    await Promise.race([server.start(), server.failure]);
    const chat = new TerminalChat(server.url, await loadChatTemplate(args.tokenizerPath));
    process.stdout.write(
      `${args.servedModelName} at ${server.url}. Ctrl-C stops an answer; once more leaves.\n`,
    );
    process.on('SIGTERM', () => chat.leave());
    await Promise.race([chat.run(), server.failure]);
    return 0;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    await server.close();
  }
}

/** The flags, with a free port and a quiet log unless they say otherwise. null after a usage error was printed. */
function readArgs(argv: readonly string[]): ServerArgs | null {
  try {
    const command = parseCommandLine(['--port', '0', '--log-level', 'error', ...argv]);
    checkEnv();
    if (command.kind === 'run') return resolveServerArgs(command.flags, readMachine(command.flags)).args;
    process.stdout.write(command.text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(usageErrorText(error.message));
  }
  return null;
}

void main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
