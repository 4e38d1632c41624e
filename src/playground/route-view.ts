import { element } from './dom.ts';
import { fill, type Route } from './openapi.ts';
import { isAbort, posting, request } from './server.ts';

/** How much of a reply is shown, in characters. */
const MOST_SHOWN = 200_000;
let made = 0;

/** A route that can be tried. */
export function routeView(route: Route): HTMLElement {
  const { method, path, summary } = route;
  return element(
    'details',
    { className: 'route', attributes: { 'data-path': path } },
    element(
      'summary',
      {},
      element('span', { className: 'method', text: method }),
      element('span', { className: 'path', text: path }),
      element('span', { className: 'hint', text: summary }),
    ),
    tryForm(route),
  );
}

function tryForm(route: Route): HTMLFormElement {
  const refused = element('p', { className: 'hint', text: route.refused ?? '' });
  const form = element('form', { className: 'try' }, refused);
  const inputs = new Map(
    route.parameters.map(({ name, in: place, description, example = '' }) => {
      const input = element('input', { attributes: { value: example, spellcheck: 'false' } });
      input.required = place === 'path';
      form.append(labelled(input, description === undefined ? name : `${name}: ${description}`));
      return [name, input];
    }),
  );
  const body = route.examples === null ? null : bodyField(form, route.examples);
  const send = element('button', { text: 'Send' });
  const stop = element('button', { className: 'quiet', text: 'Stop', attributes: { type: 'button' } });
  const status = element('span', { className: 'hint', attributes: { role: 'status' } });
  const reply = element('pre', {
    className: 'reply',
    attributes: { tabindex: '0', role: 'region', 'aria-label': 'Reply' },
  });
  stop.hidden = reply.hidden = true;
  form.append(element('div', { className: 'actions' }, send, stop, status), reply);
  let running: AbortController | null = null;
  stop.addEventListener('click', () => running?.abort());
  form.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') running?.abort();
  });
  const run = async () => {
    if (running !== null) return;
    running = new AbortController();
    stop.hidden = false;
    send.disabled = true;
    const values = new Map([...inputs].map(([name, input]) => [name, input.value]));
    const init = body === null ? { method: route.method } : { ...posting(body.value), method: route.method };
    await showReply(fill(route, values), { ...init, signal: running.signal }, { status, reply });
    running = null;
    stop.hidden = true;
    send.disabled = false;
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void run();
  });
  return form;
}

/** A text area with the first example in it, and a choice where there are several. */
function bodyField(form: HTMLFormElement, examples: Readonly<Record<string, unknown>>): HTMLTextAreaElement {
  const body = element('textarea', { attributes: { spellcheck: 'false' } });
  const names = Object.keys(examples);
  const use = (name: string) => {
    body.value = JSON.stringify(examples[name] ?? {}, null, 2);
    body.rows = Math.min(body.value.split('\n').length + 1, 24);
  };
  use(names[0] ?? '');
  if (names.length > 1) {
    const choice = element('select', {}, ...names.map((name) => element('option', { text: name })));
    choice.addEventListener('change', () => use(choice.value));
    form.append(labelled(choice, 'Example'));
  }
  form.append(labelled(body, 'Body'));
  return body;
}

function labelled(field: HTMLElement, text: string): HTMLDivElement {
  field.id = `field-${made++}`;
  return element('div', {}, element('label', { text, attributes: { for: field.id } }), field);
}

/** Asks, and shows the answer as it comes. */
async function showReply(
  path: string,
  init: RequestInit,
  { status, reply }: { readonly status: HTMLElement; readonly reply: HTMLElement },
): Promise<void> {
  const start = performance.now();
  status.textContent = 'Waiting…';
  reply.textContent = '';
  reply.hidden = false;
  let head = '';
  const tell = (what: string) => (status.textContent = `${what}${Math.round(performance.now() - start)} ms`);
  try {
    const answer = await request(path, init);
    head = `${answer.status} ${answer.statusText} · `;
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false;
    const shown = document.createTextNode('');
    reply.append(shown);
    const decoder = new TextDecoder();
    const reader = answer.body?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      if (shown.length < MOST_SHOWN) shown.appendData(decoder.decode(part.value, { stream: true }));
      tell(head);
    }
    if (isJson && shown.length < MOST_SHOWN) shown.data = JSON.stringify(JSON.parse(shown.data), null, 2);
    if (shown.length >= MOST_SHOWN) shown.appendData('\n… and more.');
    if (shown.length === 0) reply.hidden = true;
    tell(head);
  } catch (error) {
    tell(
      isAbort(error) ? `${head}stopped · ` : `${error instanceof Error ? error.message : String(error)} · `,
    );
  }
}
