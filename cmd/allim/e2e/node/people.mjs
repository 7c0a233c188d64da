// Does everything that a person can do on the people's pages, in Chromium, in Korean and in English: every way to sign in,
// devices, the live inbox, every preference and that the hub keeps it, and what is wrong. Reads {url, key, chromium, shots,
// around, sso} from standard input; what is wrong is printed, one line each, and makes the exit status 1.
import { chromium } from 'playwright-core';
import { api, finish, go, landed, look, sizes, until, visitor, words, world, wrong } from './browse.mjs';
import { Phone } from './phone.mjs';

const texts = {
  'en-US': {
    id: 'kim', wrong: 'The address or the password is wrong.', slow: 'Too many wrong tries.', unknown: 'Your account is not known here yet.',
    used: 'was used, or has expired', ways: ['Signed in by single sign-on', 'Signed in by invitation', 'Signed in with the mailbox'], ended: 'That browser is signed out.', named: 'The device has its name.',
    tested: 'A test is on its way.', test: 'Test from Allim', removed: 'The device is removed.', denied: 'The browser does not allow notices for this page', today: 'Today', none: 'Nothing has these words.',
    bad: 'Not saved: some fields are not right.', error: 'The form is not complete.', mail: '새 메일', language: 'ko', inbox: 'Inbox', turned: '받은 알림', nothing: 'No device is registered yet.', saved: 'Saved.',
  },
  'ko-KR': {
    id: 'lee', wrong: '주소나 비밀번호가 맞지 않습니다.', slow: '잘못된 시도가 너무 많습니다.', unknown: '아직 등록되지 않은 계정입니다.',
    used: '알 수 없거나 이미 사용했거나 만료된 초대입니다.', ways: ['통합 로그인', '초대로 로그인', '메일 계정으로 로그인'], ended: '그 브라우저에서 로그아웃했습니다.', named: '기기 이름을 바꿨습니다.',
    tested: '시험 알림을 보냈습니다.', test: '알림 시험', removed: '기기를 삭제했습니다.', denied: '브라우저가 이 페이지의 알림을 막고 있습니다.', today: '오늘', none: '해당하는 알림이 없습니다.',
    bad: '저장하지 못했습니다.', error: '양식이 올바르지 않습니다.', mail: 'New mail', language: 'en', inbox: '받은 알림', turned: 'Inbox', nothing: '등록한 기기가 없습니다.', saved: '저장했습니다.',
  },
};
const problem = '[role=alert]';

// mailbox fills in the form and waits for its answer.
async function mailbox(v, address, password) {
  await v.page.fill('input[name=address]', address);
  await v.page.fill('input[name=password]', password);
  const answered = v.page.waitForEvent('load');
  await v.page.keyboard.press('Enter');
  await answered;
}

// byPassword signs in with the mailbox: whoever guesses is made to wait.
async function byPassword(v, w) {
  await v.context.addCookies([{ name: 'allim_session', value: 'allim_session_forged', url: world.url }]);
  await v.page.goto(`${world.url}/preferences`);
  await landed(v, '/signin?next=%2Fpreferences');
  await look(v, 'sign in');
  for (let i = 0; i < 5; i++) {
    await mailbox(v, `nobody-${w.id}@example.com`, `guess ${i}`);
    await v.page.getByText(w.wrong).waitFor();
  }
  await mailbox(v, `nobody-${w.id}@example.com`, 'one more');
  await v.page.getByText(w.slow).waitFor();
  await mailbox(v, `${w.id}@example.com`, 'not-it');
  await v.page.getByText(w.wrong).waitFor();
  await look(v, 'wrong password');
  await mailbox(v, `${w.id.toUpperCase()}@example.com`, `${w.id}-word`);
  await landed(v, '/preferences');
}

// byInvitation signs in by a link, once.
async function byInvitation(v, stranger, w) {
  const { url } = await api('POST', `/v1/users/${w.id}/invitations`);
  v.where = stranger.where = 'join';
  await v.page.goto(url);
  await look(v, 'join');
  if (new URL(v.page.url()).hash) wrong.push('the secret stays in the address bar');
  await v.page.keyboard.press('Tab');
  if (await v.page.evaluate(() => document.activeElement.className) !== 'skip') wrong.push('the first stop of the keyboard is not the skip link');
  await v.page.locator('form[action="/join"] button').click();
  await landed(v, '/devices?done=welcome');
  await look(v, 'welcome');
  await go(v, '/');
  await look(v, 'inbox, empty');
  await stranger.page.goto(url);
  await stranger.page.locator('form[action="/join"] button').click();
  await words(stranger, problem, w.used);
}

// bySSO signs in at the organisation's provider, as somebody whom the hub does not know, then as oneself.
async function bySSO(v, w) {
  v.may.push(world.sso);
  for (const [who, known] of [[`stranger-${w.id}`, false], [w.id, true]]) {
    await v.page.goto(`${world.url}/signin?next=/devices`);
    await v.page.locator('a[href^="/signin/oidc"]').click();
    await v.page.fill('input[name=email]', `${who}@example.com`);
    await v.page.locator('button').click();
    if (known) await landed(v, '/devices');
    else await words(v, problem, w.unknown);
  }
}

// sessions lists the three browsers and ends one, which is out at once.
async function sessions(v, other, w) {
  await go(v, '/devices');
  const ways = await v.page.locator('#h-sessions + ul strong').allTextContents();
  if (ways.join() !== w.ways.join()) wrong.push(`the sessions are ${ways}`);
  await v.page.locator('#h-sessions + ul li', { hasText: w.ways[0] }).locator('button').click();
  await landed(v, '/devices?done=session');
  await words(v, '.done', w.ended);
  await other.page.goto(`${world.url}/preferences`);
  await landed(other, '/signin?next=%2Fpreferences');
}

// install: a browser would install the page as an app, with a profile of its own, for a private window installs nothing. The
// manifest is right, its icons are there, its service worker takes up its post, and the app opens at its start.
async function install() {
  const context = await chromium.launchPersistentContext('', { executablePath: world.chromium, args: ['--no-sandbox'] });
  const page = context.pages()[0];
  await api('PUT', '/v1/users/app', { name: 'App' });
  await page.goto((await api('POST', '/v1/users/app/invitations')).url);
  await page.locator('form[action="/join"] button').click();
  await page.waitForURL('**/devices?done=welcome');
  const cdp = await context.newCDPSession(page);
  const { errors, data } = await cdp.send('Page.getAppManifest');
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  for (const e of [...errors, ...installabilityErrors]) wrong.push(`the page cannot be installed: ${JSON.stringify(e)}`);
  const { icons, start_url: start, scope } = JSON.parse(data);
  for (const { src, sizes, type } of icons) {
    const icon = await page.evaluate(async (src) => {
      const type = (await fetch(src)).headers.get('Content-Type');
      const image = Object.assign(new Image(), { src });
      await image.decode();
      return { type, size: `${image.naturalWidth}x${image.naturalHeight}` };
    }, src);
    if (icon.type !== type || (sizes !== 'any' && icon.size !== sizes)) wrong.push(`the icon ${src} is ${JSON.stringify(icon)}, want ${type}, ${sizes}`);
  }
  const worker = await page.evaluate(async () => {
    await navigator.serviceWorker.register('/sw.js');
    const { scope, active } = await navigator.serviceWorker.ready;
    return [new URL(scope).pathname, new URL(active.scriptURL).pathname].join();
  });
  if (worker !== `${scope},/sw.js`) wrong.push(`the service worker is ${worker}`);
  const opened = await page.goto(new URL(start, world.url).href);
  if (opened.status() !== 200 || new URL(page.url()).pathname !== start) wrong.push(`the app opens at ${page.url()}: ${opened.status()}`);
  await page.waitForSelector('#live.open');
  await context.close();
}

async function devices(v, phone, w) {
  const device = await api('POST', `/v1/users/${w.id}/devices`, { app: 'corp', platform: 'webpush', subscription: await phone.open(), name: 'desk' });
  await go(v, '/devices');
  await v.page.locator('#allow').click();
  await v.page.waitForFunction(() => document.getElementById('push-note').textContent);
  await words(v, '#push-note', w.denied);
  await look(v, 'devices');
  const card = v.page.locator(`[data-device="${device.id}"]`);
  const name = `<i>서재</i> ${w.id}`;
  await card.locator('input[name=name]').fill(name);
  await card.locator('input[name=name]').press('Enter');
  await landed(v, '/devices?done=named');
  await words(v, '.done', w.named);
  if (await card.locator('strong').textContent() !== name) wrong.push('the name of the device is not what was typed');
  await card.locator('form[action$="/test"] button').click();
  await landed(v, '/devices?done=tested');
  await words(v, '.done', w.tested);
  await phone.next('a test', (m) => m.notification?.title === w.test);
  return device;
}

async function tell(w, title, more = {}) {
  return (await api('POST', '/v1/notifications', { to: { users: [w.id] }, title, body: 'body', ...more })).id;
}

const row = (v, id) => v.page.locator(`li[data-id="${id}"]`);
const unread = (v, id) => v.page.locator(`li.unread[data-id="${id}"]`);
const read = (v, id) => v.page.locator(`li[data-id="${id}"]:not(.unread)`);

// inbox: live on two browsers, by day, read on one and cleared on the other and on the device, searched.
async function inbox(a, b, phone, w) {
  for (const v of [a, b]) {
    await go(v, '/');
    await v.page.waitForSelector('#live.open');
  }
  const title = `<b>점심</b> & ${w.id}`;
  const one = await tell(w, title, { urgent: true });
  for (const v of [a, b]) {
    await unread(v, one).waitFor();
    await words(v, `li[data-id="${one}"] .title`, title);
    await words(v, '#days h2', w.today);
  }
  await look(a, 'inbox');
  await row(a, one).locator('button').click();
  await read(b, one).waitFor();
  await phone.next('what was read', (m) => m.data?.read === one);
  const more = [await tell(w, 'two'), await tell(w, 'three')];
  for (const id of more) await unread(b, id).waitFor();
  await go(b, '/'); // the form holds what the page was served with
  await b.page.locator('#read-all button').click();
  for (const id of more) await read(a, id).waitFor();
  await words(a, '#unread', '0');
  await a.page.fill('#q', '점');
  await a.page.keyboard.press('Enter');
  await a.page.waitForURL('**/?q=**');
  await read(a, one).waitFor();
  if (await a.page.locator('li[data-id]').count() !== 1) wrong.push(`the search finds ${await a.page.locator('li[data-id]').count()}`);
  await a.page.fill('#q', '없는 말');
  await a.page.keyboard.press('Enter');
  await words(a, '.empty', w.none);
  await look(a, 'nothing found');
  await go(a, '/?before=x', 400);
  await words(a, problem, w.error);
  await look(a, 'error');
}

// tabs: of seven inboxes that one browser has open, only the one that is looked at follows: a browser makes six connections
// to a host. Headless Chromium looks at all of its pages, so that they are told which of them is in front.
async function tabs(v, w) {
  await go(v, '/preferences');
  const front = (page, on) => page.evaluate((on) => {
    globalThis.inFront = on;
    document.dispatchEvent(new Event('visibilitychange'));
  }, on);
  const tab = async (context) => {
    const page = await context.newPage();
    await page.addInitScript(() => {
      globalThis.inFront = true;
      Object.defineProperty(document, 'visibilityState', { get: () => (globalThis.inFront ? 'visible' : 'hidden') });
    });
    await page.goto(`${world.url}/`);
    await page.waitForSelector('#live.open');
    return page;
  };
  const open = [];
  while (open.length < 7) {
    if (open.length) await front(open.at(-1), false);
    open.push(await tab(v.context));
  }
  const row = `li.unread[data-id="${await tell(w, 'seven')}"]`;
  await open.at(-1).waitForSelector(row);
  await go(v, '/devices');
  if (await open[0].locator(row).count()) wrong.push(`${w.id}: an inbox in the background follows`);
  await front(open.at(-1), false);
  await front(open[0], true);
  await open[0].waitForSelector(row);
  for (const page of open) await page.close();
  // On another day its headings would be wrong: it is served anew. A clock that is set is the whole context's.
  const other = await v.context.browser().newContext({ locale: v.lang, storageState: await v.context.storageState() });
  await other.clock.install();
  const page = await tab(other);
  await page.evaluate(() => { globalThis.yesterday = true; });
  await front(page, false);
  await other.clock.fastForward(24 * 3600 * 1000);
  const served = page.waitForEvent('load');
  await front(page, true);
  await served;
  await page.waitForFunction(() => !globalThis.yesterday);
  await other.close();
}

// prefer fills in the whole form, what is left out as for a person without wishes, and sends it.
async function prefer(v, p) {
  await go(v, '/preferences');
  const form = v.page.locator('form.stack');
  for (const name of ['from', 'to', 'zone', 'bundle', 'liveFirst']) await form.locator(`input[name=${name}]`).fill(String(p[name] ?? (name === 'bundle' || name === 'liveFirst' ? 0 : '')));
  for (const name of ['holdUrgent', 'keepRead']) await form.locator(`input[name=${name}]`).setChecked(Boolean(p[name]));
  for (const name of ['privacy', 'language']) await form.locator(`select[name=${name}]`).selectOption(p[name] ?? '');
  for (const day of await form.locator('input[name=day]').all()) await day.setChecked(!p.days || p.days.includes(await day.getAttribute('value')));
  const rows = await form.locator('.choice').all();
  for (const [i, line] of rows.entries()) {
    const c = (p.choices ?? [])[i] ?? {};
    for (const name of ['type', 'source', 'say']) await line.locator(`select[name=${name}]`).selectOption(c[name] ?? '');
    for (const name of ['folder', 'calendar', 'topic']) await line.locator(`input[name=${name}]`).fill(c[name] ?? '');
  }
  if (!(await form.locator('textarea').isVisible())) await form.locator('summary').click();
  await form.locator('textarea').fill(p.rule ?? '');
  await form.locator(':scope > p button').focus();
  await v.page.keyboard.press('Enter');
}

async function wish(v, w, p) {
  await prefer(v, p);
  await landed(v, '/preferences?done=saved');
  await words(v, '.done', w.saved);
  return api('GET', `/v1/users/${w.id}`); // still there
}

// becomes waits until a notice's delivery has a state for a reason.
async function becomes(what, id, state, reason) {
  let seen;
  await until(`${what}: ${state} ${reason}`, async () => {
    const { deliveries } = await api('GET', `/v1/notifications/${id}/deliveries`);
    seen = deliveries[0];
    return seen && seen.state === state && (seen.reason ?? '').startsWith(reason);
  }).catch((e) => wrong.push(`${e.message}; it is ${JSON.stringify(seen)}`));
}

async function mail(w, from, subject) {
  const before = new Set((await api('GET', `/v1/notifications?user=${w.id}`)).notifications.map((n) => n.id));
  await fetch(`${world.around}/mail`, { method: 'POST', body: JSON.stringify({ To: `${w.id}@example.com`, From: from, Subject: subject }) });
  const found = await until('the mail', async () => (await api('GET', `/v1/notifications?user=${w.id}`)).notifications.find((n) => n.event && !before.has(n.id)));
  return found.id;
}

// preferences: each is saved, shown again, and kept by the hub.
async function preferences(v, page, phone, w) {
  await api('PUT', `/v1/topics/canteen-${w.id}/members/${w.id}`);
  const all = { from: '22:00', to: '07:00', zone: 'Asia/Seoul', days: ['mon', 'fri'], holdUrgent: true, bundle: 30, liveFirst: 5, privacy: 'sender', language: 'en', keepRead: true,
    choices: [{ type: 'mail.received', source: 'mail', folder: 'News', say: 'inbox' }, { calendar: '팀', say: 'urgent' }, { topic: `canteen-${w.id}`, say: 'tell' }], rule: 'hour > 30 ? "inbox" : ""' };
  await wish(v, w, all);
  await look(v, 'preferences, saved');
  await go(v, '/preferences');
  const stored = await v.page.evaluate(() => {
    const form = document.querySelector('form.stack');
    const value = (name) => form.querySelector(`[name=${name}]`).value;
    return {
      from: value('from'), to: value('to'), zone: value('zone'), days: [...form.querySelectorAll('[name=day]:checked')].map((e) => e.value), holdUrgent: form.holdUrgent.checked,
      bundle: Number(value('bundle')), liveFirst: Number(value('liveFirst')), privacy: value('privacy'), language: value('language'), keepRead: form.keepRead.checked,
      choices: [...form.querySelectorAll('.choice')].map((line) => Object.fromEntries([...line.querySelectorAll('select, input')].map((e) => [e.name, e.value]).filter(([, value]) => value))).filter((c) => c.say), rule: value('rule'),
    };
  });
  if (JSON.stringify(stored) !== JSON.stringify(all)) wrong.push(`saved and shown again, the preferences are ${JSON.stringify(stored)}`);
  await look(v, 'preferences');

  await prefer(v, { rule: 'mail.nothing(' });
  await words(v, problem, w.bad);
  await words(v, `${problem} li`, 'rule');
  if (await v.page.locator('textarea').inputValue() !== 'mail.nothing(') wrong.push('what was typed is gone');
  await look(v, 'wrong rule');

  await wish(v, w, { choices: [{ topic: `canteen-${w.id}`, say: 'inbox' }, { source: 'mail', say: 'inbox' }] });
  await becomes('a topic that is only kept', await tell(w, 'lunch', { to: { topics: [`canteen-${w.id}`] } }), 'suppressed', 'only kept in the inbox');
  await becomes('a source that is only kept', await mail(w, 'news@example.com', 'news'), 'suppressed', 'only kept in the inbox');
  await becomes('another notice', await tell(w, 'other'), 'accepted', '');
  const night = { from: '00:00', to: '00:00', zone: 'Asia/Seoul' };
  await wish(v, w, night);
  await becomes('quiet hours', await tell(w, 'quiet'), 'pending', 'quiet hours until 00:00');
  await becomes('an urgent one', await tell(w, 'loud', { urgent: true }), 'accepted', '');
  await wish(v, w, { ...night, holdUrgent: true });
  await becomes('an urgent one that waits', await tell(w, 'loud', { urgent: true }), 'pending', 'quiet hours until 00:00');
  await wish(v, w, { ...night, rule: 'notice.title endsWith "!" ? "urgent" : "inbox"' });
  await becomes('what the rule calls urgent', await tell(w, 'now!'), 'accepted', '');
  await becomes('what the rule keeps', await tell(w, 'later'), 'suppressed', 'only kept in the inbox');
  await wish(v, w, { privacy: 'none', language: w.language });
  await becomes('a mail', await mail(w, 'Boss <boss@example.com>', 'salary'), 'accepted', '');
  const shown = await phone.next('of a mail without content', (m) => m.notification?.title === w.mail);
  if (shown.notification.body) wrong.push(`the lock screen shows ${shown.notification.body}`);
  await wish(v, w, { bundle: 600 });
  await becomes('a mail behind the one that was told just now', await mail(w, 'b@example.com', 'second'), 'pending', 'waits to be told together');
  await wish(v, w, { liveFirst: 600 });
  const first = await tell(w, 'on the page');
  await unread(page, first).waitFor();
  await becomes('what an open page has', first, 'pending', 'an open page has it first');
  await wish(v, w, { keepRead: true });
  const kept = await tell(w, 'read and kept');
  await row(page, kept).locator('button').click();
  await read(page, kept).waitFor();
  const { notifications } = await api('GET', `/v1/notifications?user=${w.id}`);
  if (notifications[0].id !== kept) wrong.push('the devices are told what was read, against the wish');
  await wish(v, w, {});
  return phone.shown();
}

// resume: the hub is killed and comes back; what was told meanwhile is on the open pages, once.
async function resume(walks) {
  const pages = walks.flatMap(({ pages, w }) => pages.map((v) => [v, w]));
  for (const [v] of pages) {
    await go(v, '/');
    await v.page.waitForSelector('#live.open');
    v.down = true;
  }
  await fetch(`${world.around}/restart`, { method: 'POST' });
  await until('the hub', () => fetch(`${world.url}/readyz`).then((res) => res.ok, () => false));
  const told = new Map();
  for (const { w } of walks) told.set(w, await tell(w, 'after the break'));
  for (const [v, w] of pages) {
    const id = told.get(w);
    await unread(v, id).waitFor();
    await v.page.waitForSelector('#live.open');
    if (await row(v, id).count() !== 1) wrong.push('what was told in the break is there twice');
    v.down = false;
  }
}

// leave: another language, the device removed, signed out.
async function leave(v, device, w) {
  await go(v, '/');
  await words(v, 'h1', w.inbox);
  await v.page.locator('form[action="/language"] button').click();
  await v.page.waitForLoadState();
  await words(v, 'h1', w.turned);
  await v.page.locator('form[action="/language"] button').click();
  await words(v, 'h1', w.inbox);
  await go(v, '/devices');
  await v.page.locator(`[data-device="${device.id}"] form[action$="/remove"] button`).click();
  await landed(v, '/devices?done=removed');
  await words(v, '.done', w.removed);
  await words(v, '#h-devices + ul .empty', w.nothing);
  await v.page.locator('form[action="/signout"] button').click();
  await landed(v, '/signin');
  await v.page.goto(`${world.url}/`);
  await landed(v, '/signin');
}

async function walk(browser, lang) {
  const w = texts[lang];
  const phone = new Phone();
  const hand = await visitor(browser, 'hand', lang, sizes.phone);
  const desk = await visitor(browser, 'desk', lang, sizes.wide);
  const third = await visitor(browser, 'third', lang, sizes.wide);
  try {
    await byPassword(desk, w);
    await byInvitation(hand, third, w);
    await bySSO(third, w);
    await sessions(hand, third, w);
    const device = await devices(hand, phone, w);
    await inbox(hand, desk, phone, w);
    await tabs(desk, w);
    await go(desk, '/');
    await desk.page.waitForSelector('#live.open');
    await preferences(hand, desk, phone, w);
    return { w, pages: [hand, desk], device };
  } finally {
    phone.close();
  }
}

const browser = await chromium.launch({ executablePath: world.chromium, args: ['--no-sandbox'] });
try {
  await install();
  const walks = await Promise.all(['en-US', 'ko-KR'].map((lang) => walk(browser, lang)));
  await resume(walks);
  for (const { w, pages: [hand], device } of walks) await leave(hand, device, w);
} catch (e) {
  wrong.push(`the walk ended: ${e.stack}`);
}
await browser.close();
finish();
