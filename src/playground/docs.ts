import { byId, element } from './dom.ts';
import { keyPrompt } from './key-prompt.ts';
import { routesByArea, type OpenApi } from './openapi.ts';
import { routeView } from './route-view.ts';
import { call } from './server.ts';

async function load(): Promise<void> {
  try {
    const document = (await (await call('openapi.json')).json()) as OpenApi;
    const sections = routesByArea(document).map(([area, routes]) =>
      element('section', {}, element('h2', { text: area }), ...routes.map(routeView)),
    );
    byId('areas', HTMLElement).replaceChildren(...sections);
  } catch (error) {
    byId('problem', HTMLElement).textContent = error instanceof Error ? error.message : String(error);
  }
}

keyPrompt(byId('key-prompt', HTMLElement));
void load();
