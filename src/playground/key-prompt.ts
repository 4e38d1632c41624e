import { element } from './dom.ts';
import { giveKey, hasKey, keyEvents } from './server.ts';

/** Asks for the API key, inside `place`, whenever the server asks for one; hides once there is one. */
export function keyPrompt(place: HTMLElement): void {
  const input = element('input', {
    attributes: { id: 'api-key', type: 'password', autocomplete: 'off', required: '', spellcheck: 'false' },
  });
  const label = element('label', { attributes: { for: 'api-key' } });
  const row = element('div', { className: 'row' }, input, element('button', { text: 'Use key' }));
  const hint = element('p', { className: 'hint', text: 'Kept in this tab only, until it is closed.' });
  const form = element('form', { className: 'key-prompt' }, label, row, hint);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    form.remove();
    giveKey(input.value);
    input.value = '';
  });
  keyEvents.addEventListener('wanted', () => {
    label.textContent = hasKey()
      ? 'The server refused this API key. Another one?'
      : 'This server asks for an API key.';
    if (form.isConnected) return;
    place.append(form);
    input.focus();
  });
}
