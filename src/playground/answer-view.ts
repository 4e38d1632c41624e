import { answerFacts, type AnswerTimes } from './answer-facts.ts';
import { element } from './dom.ts';
import { richText } from './rich-text.ts';

/** How an answer came to its end, where that is not its own. */
const ENDINGS: Readonly<Record<string, string>> = {
  stop: '',
  length: 'Cut at the most tokens there may be.',
  abort: 'The server ended this answer.',
};

/** An answer on the page, as it grows. */
export class AnswerView {
  readonly root = element('article', { className: 'answer', attributes: { 'aria-busy': 'true' } });
  private readonly thoughts = element('p');
  private readonly thinking = element(
    'details',
    { className: 'thinking' },
    element('summary', { text: 'Reasoning' }),
    this.thoughts,
  );
  private readonly body = element('div', { className: 'text' });
  private readonly note = element('p', { className: 'hint' });
  private readonly facts = element('ul', { className: 'facts', attributes: { 'aria-label': 'Numbers' } });
  private frame: number | null = null;

  /** @param onGrowth told after each change of its height */
  constructor(private readonly onGrowth: () => void) {
    this.root.append(
      element('h2', { className: 'hidden', text: 'Answer' }),
      this.body,
      this.note,
      this.facts,
    );
  }

  /** Draws at most once a frame, however fast the text comes. */
  show(text: string, reasoning: string, times: AnswerTimes): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw(text, reasoning, times));
  }

  /** @param ending `finish_reason` of the server, `stopped` by the user, or the words of an error */
  finish(
    text: string,
    reasoning: string,
    times: AnswerTimes,
    ending: { reason: string } | { problem: string },
  ): void {
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.draw(text, reasoning, times);
    if ('problem' in ending) {
      this.note.className = 'problem';
      this.note.setAttribute('role', 'alert');
      this.note.textContent = ending.problem;
    } else {
      this.note.textContent =
        ENDINGS[ending.reason] ?? (ending.reason === 'stopped' ? 'Stopped.' : ending.reason);
    }
    this.root.removeAttribute('aria-busy');
    this.onGrowth();
  }

  private draw(text: string, reasoning: string, times: AnswerTimes): void {
    this.frame = null;
    if (reasoning !== '' && !this.thinking.isConnected) this.body.before(this.thinking);
    this.thoughts.textContent = reasoning;
    this.body.replaceChildren(...richText(text));
    const items = answerFacts(times).map(([name, value]) =>
      element('li', {}, element('b', { text: value }), document.createTextNode(` ${name}`)),
    );
    this.facts.replaceChildren(...items);
    this.onGrowth();
  }
}
