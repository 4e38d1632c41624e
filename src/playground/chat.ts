import type { ChatOptions } from './chat-stream.ts';
import { Conversation } from './conversation.ts';
import { byId } from './dom.ts';
import { keyPrompt } from './key-prompt.ts';
import { watchLoad } from './live.ts';
import { call, keyEvents } from './server.ts';

/** How near to its end the conversation must be seen for it to follow what is written, in pixels. */
const FOLLOWED_PX = 80;

const message = byId('message', HTMLTextAreaElement);
const scroll = byId('scroll', HTMLElement);
const log = byId('log', HTMLElement);
const composer = byId('composer', HTMLFormElement);
const send = byId('send', HTMLButtonElement);
const stop = byId('stop', HTMLButtonElement);

let follows = true;
scroll.addEventListener('scroll', () => {
  follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < FOLLOWED_PX;
});

const conversation = new Conversation({
  log,
  onGrowth() {
    if (follows) scroll.scrollTop = scroll.scrollHeight;
  },
  onBusy(isBusy) {
    // The focus does not get lost with the button that had it.
    const hadFocus = [send, stop].includes(document.activeElement as HTMLButtonElement);
    send.hidden = isBusy;
    stop.hidden = !isBusy;
    if (hadFocus) message.focus();
    byId('empty', HTMLElement).hidden = log.childElementCount > 0 || isBusy;
  },
  onReturned(text) {
    if (message.value === '') write(text);
  },
});

function write(text: string): void {
  message.value = text;
  message.dispatchEvent(new Event('input'));
}

function submit(): void {
  const text = message.value.trim();
  if (text === '' || conversation.isBusy) return;
  write('');
  follows = true;
  void conversation.send(text, byId('system', HTMLTextAreaElement).value.trim(), options());
}

function options(): ChatOptions {
  const temperature = byId('temperature', HTMLInputElement).valueAsNumber;
  const maxTokens = byId('max-tokens', HTMLInputElement).valueAsNumber;
  return {
    ...(!Number.isNaN(temperature) && { temperature }),
    ...(!Number.isNaN(maxTokens) && { max_tokens: maxTokens }),
  };
}

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});
message.addEventListener('keydown', (event) => {
  // Enter that ends the spelling of a word of an input method is not ours.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
message.addEventListener('input', () => {
  message.style.height = 'auto';
  message.style.height = `${message.scrollHeight}px`;
});
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') conversation.stop();
});
stop.addEventListener('click', () => conversation.stop());
byId('clear', HTMLButtonElement).addEventListener('click', () => {
  conversation.clear();
  message.focus();
});
for (const idea of document.querySelectorAll<HTMLButtonElement>('.idea')) {
  idea.addEventListener('click', () => {
    write(idea.textContent);
    submit();
    message.focus();
  });
}
// On narrow screens the conversation comes first.
if (!matchMedia('(min-width: 56rem)').matches) {
  for (const panel of document.querySelectorAll<HTMLDetailsElement>('.panel')) panel.open = false;
}

async function nameModel(): Promise<void> {
  try {
    const { data } = (await (await call('v1/models')).json()) as { data: readonly { id: string }[] };
    const name = data[0]?.id ?? '';
    // A folder is called by its last part.
    byId('model', HTMLElement).textContent = name.replace(/^\/.*\/(?=[^/]+\/?$)/, '');
    byId('model', HTMLElement).title = name;
  } catch {
    // The live view says what is wrong.
  }
}

keyPrompt(byId('key-prompt', HTMLElement));
keyEvents.addEventListener('given', () => {
  message.focus();
  void nameModel();
});
void nameModel();
void watchLoad();
