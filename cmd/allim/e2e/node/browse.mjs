// What the walks through the pages share: visitors with a browser of their own, whose requests, sizes and complaints are
// watched, and axe-core.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const world = JSON.parse(readFileSync(0, 'utf8'));
export const wrong = []; // what is wrong, one line each
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const limit = 100 * 1024; // bytes of transfer a page
export const sizes = { phone: { width: 390, height: 844 }, wide: { width: 1280, height: 900 } };

export async function api(method, path, body) {
  const res = await fetch(world.url + path, { method, headers: { Authorization: `Bearer ${world.key}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
  return res.status === 204 ? null : res.json();
}

// until waits for what gives no signal.
export async function until(what, ready, patience = 60000) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await ready();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${patience} ms for ${what}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

// visitor is one person's browser; with: further settings of the context. What other hosts it may ask is in may.
export async function visitor(browser, name, lang, size, settings = {}) {
  const context = await browser.newContext({ locale: lang, viewport: size, ...settings });
  context.setDefaultTimeout(60000);
  const page = await context.newPage();
  const v = { context, page, name, lang, where: '', bytes: 0, may: [world.url], down: false };
  page.on('requestfinished', async (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && !v.may.includes(origin)) wrong.push(`${v.where} asks another host: ${request.url()}`);
    const sizes = await request.sizes().catch(() => null);
    if (sizes) v.bytes += sizes.responseBodySize + sizes.responseHeadersSize;
  });
  page.on('console', (m) => { if (m.type() === 'error' && !v.down && !/\b(4\d\d)\b/.test(m.text())) wrong.push(`${v.where} (${v.lang}) says: ${m.text()}`); });
  page.on('pageerror', (e) => wrong.push(`${v.where} (${v.lang}) fails: ${e.message}`));
  return v;
}

// go opens a page, which must be there and small.
export async function go(v, path, status = 200) {
  v.where = path;
  v.bytes = 0;
  const res = await v.page.goto(world.url + path, { waitUntil: 'load' });
  if (res.status() !== status) wrong.push(`${path} (${v.lang}): ${res.status()}, want ${status}`);
  if (v.bytes > limit) wrong.push(`${path} takes ${v.bytes} bytes`);
}

// look has axe-core and the eye look at the page as it is: light and dark, on a phone and on a wide screen.
export async function look(v, what) {
  await v.page.evaluate(axe);
  for (const colorScheme of ['light', 'dark']) {
    await v.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [name, size] of Object.entries(sizes)) {
      await v.page.setViewportSize(size);
      const at = `${what} (${v.lang}, ${colorScheme}, ${name})`;
      // In the dark only the colours are others.
      const rules = colorScheme === 'dark' ? { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } } : {};
      const { violations } = await v.page.evaluate((rules) => globalThis.axe.run({ resultTypes: ['violations'], ...rules }), rules);
      for (const x of violations) {
        if (x.impact === 'serious' || x.impact === 'critical') wrong.push(`${at}: ${x.impact} ${x.id}: ${x.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
      }
      if (await v.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1)) wrong.push(`${at} is wider than its screen`);
      if (world.every || (colorScheme === 'light' && name === 'wide')) await v.page.screenshot({ path: `${world.shots}/${at.replaceAll(/[^\w가-힣]+/g, '_')}.png`, fullPage: true });
    }
  }
}

// words expects that the one element that the selector finds says something.
export async function words(v, selector, text) {
  const got = (await v.page.locator(selector).first().textContent({ timeout: 30000 })).trim();
  if (!got.includes(text)) wrong.push(`${v.where} (${v.lang}): ${selector} says ${JSON.stringify(got)}, want ${text}`);
}

// landed expects that the browser comes to a path.
export async function landed(v, path) {
  await v.page.waitForURL((url) => url.pathname + url.search === path);
  v.where = path;
}

// finish prints what is wrong.
export function finish() {
  for (const line of new Set(wrong)) console.log(line);
  process.exitCode = wrong.length ? 1 : 0;
}
