import { byId } from './dom.ts';

// The page knows the address it was loaded from; the one in its text is the default.
const curl = byId('curl', HTMLElement);
const here = new URL('encode', document.baseURI).href;
curl.textContent = curl.textContent.replace(/http\S+/, here);
