// Walks the people's page and the console in Chromium, in both languages, on a phone and on a wide screen, light and dark:
// every page, with axe-core, its requests and its size; and what only a browser can show: the live inbox, reading in one
// tab that clears the other, forms by keyboard. Reads {url, key, chromium, shots, lang, invitations} from standard input; what
// is wrong is printed, one line each, and makes the exit status 1.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const world = JSON.parse(readFileSync(0, 'utf8'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const wrong = [];
const limit = 100 * 1024; // bytes of transfer a page

const api = async (method, path, body) => {
  const res = await fetch(world.url + path, { method, headers: { Authorization: `Bearer ${world.key}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${await res.text()}`);
  return res.status === 204 ? null : res.json();
};

// visitor is one person's browser.
async function visitor(browser, name, lang, size) {
  const context = await browser.newContext({ locale: lang, viewport: size, colorScheme: lang === 'ko-KR' ? 'dark' : 'light' });
  const page = await context.newPage();
  const seen = { bytes: 0, where: '' };
  page.on('requestfinished', async (request) => {
    if (new URL(request.url()).origin !== world.url && !request.url().startsWith('data:')) wrong.push(`${seen.where} asks another host: ${request.url()}`);
    const sizes = await request.sizes().catch(() => null);
    if (sizes) seen.bytes += sizes.responseBodySize + sizes.responseHeadersSize;
  });
  page.on('console', (m) => { if (m.type() === 'error' && !/\b(4\d\d)\b/.test(m.text())) wrong.push(`${seen.where} says: ${m.text()}`); });
  page.on('pageerror', (e) => wrong.push(`${seen.where} fails: ${e.message}`));
  return { context, page, seen, name, lang };
}

async function look(v, what) {
  await v.page.evaluate(axe);
  const { violations } = await v.page.evaluate(() => globalThis.axe.run());
  for (const x of violations) {
    if (x.impact === 'serious' || x.impact === 'critical') wrong.push(`${what} (${v.lang}): ${x.impact} ${x.id}: ${x.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
  }
  if (await v.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1)) wrong.push(`${what} (${v.lang}) is wider than its screen`);
  if (world.shots) await v.page.screenshot({ path: `${world.shots}/${v.name}-${v.lang}-${what.replaceAll(/[^\w가-힣]+/g, '_')}.png`, fullPage: true });
}

async function visit(v, path) {
  v.seen.where = path;
  v.seen.bytes = 0;
  const res = await v.page.goto(world.url + path, { waitUntil: 'load' });
  if (res.status() !== 200) wrong.push(`${path} (${v.lang}): ${res.status()}`);
  await look(v, path);
  if (v.seen.bytes > limit) wrong.push(`${path} takes ${v.seen.bytes} bytes`);
}

async function join(v, link) {
  v.seen.where = 'join';
  await v.page.goto(link);
  await look(v, 'join');
  if (new URL(v.page.url()).hash) wrong.push('the secret stays in the address bar');
  await v.page.keyboard.press('Tab');
  if (await v.page.evaluate(() => document.activeElement.className) !== 'skip') wrong.push('the first stop of the keyboard is not the skip link');
  await v.page.locator('form[action="/join"] button').click();
  await v.page.waitForURL('**/devices**');
}

// kim is a person on a phone.
async function person(v) {
  for (const path of ['/', '/devices', '/preferences']) await visit(v, path);
  await v.page.fill('input[name=from]', '22:00');
  await v.page.fill('input[name=to]', '07:00');
  await v.page.locator('form[action="/preferences"] > p button').focus();
  await v.page.keyboard.press('Enter');
  await v.page.waitForURL('**/preferences?done=saved');
  await look(v, 'preferences saved');

  await visit(v, '/');
  await v.page.waitForSelector('#live.open');
  const other = await v.context.newPage();
  await other.goto(world.url + '/');
  await other.waitForSelector('#live.open');
  const title = `<b>live</b> ${v.lang} 점심`;
  const { id } = await api('POST', '/v1/notifications', { to: { users: [v.name] }, title, body: 'body' });
  const row = `li[data-id="${id}"]`;
  for (const page of [v.page, other]) {
    const text = await (await page.waitForSelector(`${row} .title`)).textContent();
    if (text !== title) wrong.push(`the live inbox shows ${text}`);
  }
  await look(v, 'inbox live');
  await v.page.locator(`${row} button`).click();
  await v.page.waitForSelector(`${row}:not(.unread)`);
  await other.waitForSelector(`${row}:not(.unread)`, { timeout: 10000 });
  await other.close();
  await v.page.fill('#q', '점심');
  await v.page.keyboard.press('Enter');
  await v.page.waitForURL('**/?q=**');
  await v.page.waitForSelector(`${row}:not(.unread)`);
}

// boss runs the hub, on a wide screen.
async function console_(v) {
  const { notifications } = await api('GET', '/v1/notifications?limit=1');
  for (const path of ['/admin', '/admin/users', '/admin/users?q=%EA%B9%80', '/admin/users/kim', '/admin/topics', '/admin/topics/staff', '/admin/sources', '/admin/send', '/admin/notifications',
    `/admin/notifications/${notifications[0].id}`, '/admin/dead', `/admin/trace?id=${notifications[0].id}`, '/admin/keys', '/admin/audit', '/admin/import']) await visit(v, path);
  await visit(v, '/admin/send');
  await v.page.fill('textarea[name=users]', 'kim');
  await v.page.fill('input[name=title]', '점심 안내');
  await v.page.locator('form[action="/admin/send"] p button').first().click();
  await v.page.waitForSelector('.preview');
  await look(v, 'send preview');
  await v.page.locator('button[name=go]').click();
  await v.page.waitForURL('**/admin/notifications/**');
  await look(v, 'sent');
  await visit(v, '/admin/import');
  await v.page.fill('textarea[name=csv]', 'id,name,email\npark,박민수,park@example.com\nbad id,,x\n');
  await v.page.locator('form[action="/admin/import"] button').first().click();
  await v.page.waitForSelector('table');
  await look(v, 'import preview');
  await visit(v, '/admin/users/kim');
  await v.page.locator('form[action$="/invite"] button').click();
  await v.page.waitForSelector('img.qr');
  await look(v, 'invited');
  await visit(v, '/admin/keys');
  await v.page.fill('input[name=name]', 'erp');
  await v.page.locator('input[value=send]').check();
  await v.page.locator('form[action="/admin/keys"] > button').click();
  await v.page.waitForSelector('code.secret');
  await look(v, 'key made');
}

const browser = await chromium.launch({ executablePath: world.chromium, args: ['--no-sandbox'] });
try {
  const before = await visitor(browser, 'nobody', world.lang, { width: 390, height: 844 });
  await visit(before, '/signin');
  await before.page.fill('input[name=address]', 'nobody@example.com');
  await before.page.fill('input[name=password]', 'wrong');
  await before.page.keyboard.press('Enter');
  await before.page.waitForSelector('[role=alert]');
  await look(before, 'wrong password');
  {
    const { lang } = world;
    const kim = await visitor(browser, 'kim', lang, { width: 390, height: 844 });
    await join(kim, world.invitations.kim);
    await person(kim);
    await kim.context.close();
    const boss = await visitor(browser, 'boss', lang, { width: 1280, height: 900 });
    await join(boss, world.invitations.boss);
    await console_(boss);
    await boss.context.close();
  }
} catch (e) {
  wrong.push(`the walk ended: ${e.stack}`);
}
await browser.close();
for (const line of new Set(wrong)) console.log(line);
process.exitCode = wrong.length ? 1 : 0;
