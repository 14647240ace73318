/* A page of the sidecar's origin with the hook's component in it, and somebody who clicks. */

import { JSDOM } from 'jsdom';

const origin = process.argv[2];
const { window } = new JSDOM('<div id="root"></div>', { url: `${origin}/`, pretendToBeVisual: true });
const ours: any = globalThis;
for (const name of ['window', 'document', 'navigator', 'HTMLElement']) {
  Object.defineProperty(ours, name, { value: (window as any)[name], configurable: true });
}
const nodes = globalThis.fetch;
// As a page does: addresses are relative to it.
ours.fetch = (url: any, options: any) => nodes(new URL(String(url), `${origin}/`), options);
// The hook throws on when a session has expired, which nobody catches in the component.
const uncaught: string[] = [];
process.on('unhandledRejection', (error: any) => uncaught.push(error.message));

const { createRoot } = await import('react-dom/client');
const { BrowserAutomation } = await import('./hook.tsx');
createRoot(window.document.getElementById('root')!).render(<BrowserAutomation />);

const shown = () => window.document.querySelector('#root div div')?.textContent ?? '';
const button = (label: string) =>
  [...window.document.querySelectorAll('button')].find((each) => each.textContent === label)!;

async function until(what: string, is: () => boolean) {
  for (let look = 0; look < 1000; look++) {
    if (is()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${what}; the page shows ${shown()}`);
}

async function click(label: string) {
  await until(`${label} stays disabled`, () => !button(label).disabled);
  button(label).click();
}

const states: string[] = [];
await until('nothing is shown', () => shown() === 'Session: None');
await click('Start Browser');
await until('no session comes', () => shown().startsWith('Session: sess-'));
states.push(shown());
await click('Screenshot');
await until('the call does not begin', () => button('Start Browser').disabled);
await until('the call does not end', () => !button('Start Browser').disabled);
states.push(shown());
// As if it had expired: somebody who knows the id ends it.
const id = shown().replace('Session: ', '');
await nodes(`${origin}/sessions/${id}`, { method: 'DELETE' });
await click('Screenshot');
await until('the lost session stays', () => shown() === 'Session: None');
await click('Start Browser');
await until('no new session comes', () => shown().startsWith('Session: sess-'));
states.push(shown());
await click('End Session');
await until('the session stays', () => shown() === 'Session: None');
console.log(JSON.stringify({ states, uncaught }));
process.exit(0);
