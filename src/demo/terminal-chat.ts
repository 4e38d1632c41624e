import { createInterface, type Interface } from 'node:readline';
import { errorMessage } from '../core/errors';
import { answerStream } from './answer-stream';
import type { ChatMessage, ChatTemplate } from '../tokenizer/chat-template';

const PROMPT = 'you> ';

/**
 * A conversation in the terminal. Ctrl-C stops the answer in progress; without one it leaves. Lines may also come from a
 * pipe: each is answered in turn, and its end leaves.
 */
export class TerminalChat {
  private readonly messages: ChatMessage[] = [];
  private readonly lines: Interface;
  private answering: AbortController | null = null;

  constructor(
    private readonly url: string,
    private readonly template: ChatTemplate,
  ) {
    this.lines = createInterface({ input: process.stdin, output: process.stdout, prompt: PROMPT });
    this.lines.on('SIGINT', this.interrupt);
    process.on('SIGINT', this.interrupt);
  }

  /** Runs until the user leaves. */
  async run(): Promise<void> {
    this.lines.prompt();
    for await (const line of this.lines) {
      if (line.trim() !== '') await this.answer(line.trim());
      this.lines.prompt();
    }
    process.stdout.write('\n');
  }

  /** Ends the conversation. */
  leave(): void {
    this.answering?.abort();
    this.lines.close();
  }

  private readonly interrupt = (): void => {
    if (this.answering) this.answering.abort();
    else this.leave();
  };

  private async answer(question: string): Promise<void> {
    const answering = new AbortController();
    this.answering = answering;
    this.messages.push({ role: 'user', content: question });
    let answer = '';
    try {
      for await (const piece of answerStream(this.url, this.template(this.messages), answering.signal)) {
        process.stdout.write(piece);
        answer += piece;
      }
    } catch (error) {
      if (!answering.signal.aborted) process.stdout.write(`[${errorMessage(error)}]`);
    } finally {
      this.answering = null;
    }
    process.stdout.write('\n');
    this.messages.push({ role: 'assistant', content: answer });
  }
}
