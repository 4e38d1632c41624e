// A chat in the terminal: `npm run demo`, or node examples/chat.mjs [flags of launch_server]
//
// Ctrl-C stops the answer in progress; without one it leaves. Lines may also come from a pipe: each is answered in turn,
// and its end leaves.
import { createInterface } from 'node:readline';
import { Engine, StartupError, UsageError } from 'sglang-node';

const MAX_NEW_TOKENS = 256;

/** The model in this program, or an exit with one line that says why not. */
async function start() {
  try {
    return await Engine.create(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof StartupError)) throw error;
    console.error(error.message);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

const engine = await start();
/** @type {{ role: 'user' | 'assistant', content: string }[]} */
const messages = [];
/** @type {AbortController | null} */
let answering = null;

console.log('Ctrl-C stops an answer; once more leaves.');
const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'you> ' });
const leave = () => {
  answering?.abort();
  lines.close();
};
const interrupt = () => (answering ? answering.abort() : leave());
lines.on('SIGINT', interrupt);
process.on('SIGINT', interrupt);
process.on('SIGTERM', leave);

try {
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') await answer(line.trim());
    lines.prompt();
  }
  console.log();
} finally {
  await engine.shutdown();
}
process.exit();

/** @param {string} question */
async function answer(question) {
  answering = new AbortController();
  messages.push({ role: 'user', content: question });
  const request = {
    text: await engine.chatPrompt(messages),
    sampling_params: { temperature: 0, max_new_tokens: MAX_NEW_TOKENS },
  };
  let content = '';
  try {
    const { signal } = answering;
    for await (const { text = '' } of engine.generate({ ...request, stream: true }, { signal })) {
      process.stdout.write(text.slice(content.length));
      content = text;
    }
  } catch (error) {
    process.stdout.write(`[${error instanceof Error ? error.message : error}]`);
  }
  answering = null;
  console.log();
  messages.push({ role: 'assistant', content });
}
