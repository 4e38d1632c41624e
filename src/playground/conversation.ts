import type { AnswerTimes, Usage } from './answer-facts.ts';
import { AnswerView } from './answer-view.ts';
import { streamChat, type ChatOptions, type Message } from './chat-stream.ts';
import { element } from './dom.ts';
import { isAbort } from './server.ts';

/** What the page does around a conversation. */
interface Surroundings {
  /** The list of messages. */
  readonly log: HTMLElement;
  readonly onGrowth: () => void;
  /** Whether an answer is being written. */
  readonly onBusy: (isBusy: boolean) => void;
  /** A message that was not answered at all, to be sent again. */
  readonly onReturned: (text: string) => void;
}

/** A conversation: what was said, and the one answer being written. */
export class Conversation {
  private messages: Message[] = [];
  private running: AbortController | null = null;

  constructor(private readonly page: Surroundings) {}

  get isBusy(): boolean {
    return this.running !== null;
  }

  /** Sends a message and shows the answer as it comes. Without effect while another is being written. */
  async send(text: string, system: string, options: ChatOptions): Promise<void> {
    if (this.isBusy) return;
    const running = new AbortController();
    this.running = running;
    this.page.onBusy(true);
    const before = this.messages;
    const asked: Message[] = [...before, { role: 'user', content: text }];
    const own = element('article', { className: 'own' });
    own.append(
      element('h2', { className: 'hidden', text: 'You' }),
      element('div', { className: 'text', text }),
    );
    const view = new AnswerView(this.page.onGrowth);
    this.page.log.append(own, view.root);
    const instructions: Message[] = system === '' ? [] : [{ role: 'system', content: system }];
    const { answer, failed } = await this.write(view, [...instructions, ...asked], options, running.signal);
    if (this.running !== running) return;
    // What got no answer is not part of the conversation: many templates want question and answer to take turns.
    this.messages = answer === '' ? before : [...asked, { role: 'assistant', content: answer }];
    this.running = null;
    this.page.onBusy(false);
    if (failed && answer === '') this.page.onReturned(text);
  }

  /** Stops the answer; the server frees what it held. */
  stop(): void {
    this.running?.abort();
  }

  clear(): void {
    this.stop();
    this.running = null;
    this.messages = [];
    this.page.log.replaceChildren();
    this.page.onBusy(false);
  }

  private async write(
    view: AnswerView,
    messages: readonly Message[],
    options: ChatOptions,
    signal: AbortSignal,
  ): Promise<{ readonly answer: string; readonly failed: boolean }> {
    const askedAt = performance.now();
    let [answer, reasoning] = ['', ''];
    let [firstAt, lastAt]: [number | null, number | null] = [null, null];
    let usage: Usage | null = null;
    let reason = 'stop';
    const times = (): AnswerTimes => ({ askedAt, firstAt, lastAt, usage });
    try {
      for await (const news of streamChat(messages, options, signal)) {
        if (news.type === 'usage') usage = news.usage;
        else if (news.type === 'end') reason = news.reason;
        else {
          lastAt = performance.now();
          firstAt ??= lastAt;
          if (news.type === 'text') answer += news.text;
          else reasoning += news.text;
        }
        view.show(answer, reasoning, times());
      }
    } catch (error) {
      const ending = isAbort(error)
        ? { reason: 'stopped' }
        : { problem: error instanceof Error ? error.message : String(error) };
      view.finish(answer, reasoning, times(), ending);
      return { answer, failed: 'problem' in ending };
    }
    view.finish(answer, reasoning, times(), { reason });
    return { answer, failed: false };
  }
}
