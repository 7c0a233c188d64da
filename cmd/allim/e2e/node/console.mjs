// Does everything that the console can do, in Chromium, in English and in Korean, and looks at what came of it: on the page
// and by the API. Reads {url, key, chromium, shots, every, around} from standard input; what is wrong is printed, one line
// each, and makes the exit status 1.
import { chromium } from 'playwright-core';
import { api, finish, go, landed, look, sizes, until, visitor, world, wrong } from './browse.mjs';

const texts = {
  'en-US': {
    id: 'e', calm: 'What needs you', down: 'Nothing listens at that address and port.', soon: 'ends soon', none: 'Nothing.', role: 'The role is changed.',
    self: 'You cannot take your own role.', tested: 'A test is on its way.', removed: 'The device is removed.', merged: 'They are one person now.', confirm: 'Nothing was erased.',
    erased: "The person's data is erased.", sum: '60 new, 0 changed, 1 wrong', imported: 'Done.', added: 'The account is added.', works: 'works.', refused: 'The server refuses the user or the password.',
    gone: 'The account is removed.', reach: 'People it reaches: 1; their devices: 1.', would: 'People it would reach', second: 'A second person must approve it.', payload: 'What the platform gets',
    waits: 'waits for approval', done: 'done', cancelled: 'cancelled', paused: 'paused', sending: 'sending', rate: 'a second', replayed: 'It is tried again.', revoked: 'The key is revoked.',
    forbidden: 'Your role does not allow this.', unknown: 'There is no such',
  },
  'ko-KR': {
    id: 'k', calm: '확인할 일', down: '해당 주소와 포트에서 응답하는 서버가 없습니다.', soon: '곧 만료', none: '없음', role: '역할을 바꿨습니다.',
    self: '자신의 역할은 내릴 수 없습니다.', tested: '시험 알림을 보냈습니다.', removed: '기기를 삭제했습니다.', merged: '한 사람으로 합쳤습니다.', confirm: '삭제하지 않았습니다.',
    erased: '데이터를 삭제했습니다.', sum: '추가 60, 변경 0, 오류 1', imported: '완료.', added: '계정을 추가했습니다.', works: '로그인이 됩니다.', refused: '서버가 사용자 이름이나 비밀번호를 거부했습니다.',
    gone: '계정을 삭제했습니다.', reach: '1명의 기기 1대로 전달합니다.', would: '로 전달합니다.', second: '다른 사람의 승인이 필요합니다.', payload: '플랫폼이 받는 내용',
    waits: '승인 대기', done: '완료', cancelled: '취소됨', paused: '일시 중지', sending: '보내는 중', rate: '초당', replayed: '다시 시도합니다.', revoked: '키를 폐기했습니다.',
    forbidden: '이 작업을 할 권한이 없습니다.', unknown: '그런',
  },
};
const problem = '[role=alert]', said = '[role=status].done';
const form = (action) => `form[action="${action}"]`;
const press = (v, action, name = '') => v.page.locator(`${form(action)} button${name}`).first().click();

// says waits until what a selector finds says something: a page may come to itself, and is the old one for a moment.
async function says(v, selector, text) {
  const there = v.page.locator(selector).filter({ hasText: text }).first();
  await there.waitFor({ state: 'attached', timeout: 30000 }).catch(async () => {
    wrong.push(`${v.where} (${v.lang}): ${selector} does not say ${text}: ${JSON.stringify(await v.page.locator(selector).allTextContents().catch(() => 'nothing'))}`);
  });
}

// same expects a value.
function same(v, what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) wrong.push(`${v.where} (${v.lang}): ${what} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

// status asks the API, and gives only the answer's status.
const status = async (method, path, key = world.key) => (await fetch(world.url + path, { method, headers: { Authorization: `Bearer ${key}` } })).status;

// person makes somebody with phones.
let phones = 0;
async function person(id, name, more = {}, devices = 0) {
  await api('PUT', `/v1/users/${id}`, { name, ...more });
  return Promise.all(Array.from({ length: devices }, async (_, i) => {
    const token = (++phones).toString(16).padStart(64, '0');
    return { ...(await api('POST', `/v1/users/${id}/devices`, { app: 'corp', platform: 'apns', token, name: `phone ${i}` })), token }; // the answer shows only its end
  }));
}

// signedIn is somebody's browser, let in by an invitation.
async function signedIn(browser, id, lang, link) {
  const v = await visitor(browser, id, lang, sizes.wide);
  await v.page.goto(link ?? (await api('POST', `/v1/users/${id}/invitations`)).url);
  await press(v, '/join');
  await landed(v, '/devices?done=welcome');
  return v;
}

// again opens the page once more until it says something: what comes from a server outside has no other signal.
async function again(v, path, text) {
  v.where = path;
  await until(`${path} to say ${text}`, async () => {
    await v.page.goto(world.url + path);
    return (await v.page.locator('main').textContent()).includes(text);
  });
}

// overview: alarms first, in plain words; charts split with a legend; live while it is open.
async function overview(v, w) {
  await again(v, '/admin', w.soon);
  await says(v, 'main section h2', w.calm);
  await again(v, '/admin/sources?source=down', w.down);
  // A clock that is set is the whole context's, and slows axe-core down.
  const other = await v.context.browser().newContext({ locale: v.lang, storageState: await v.context.storageState() });
  const live = await other.newPage();
  await live.clock.install();
  await live.goto(`${world.url}/admin`);
  const people = live.locator('.figure b').first();
  const before = await people.textContent();
  await person(`late-${w.id}`, 'Late');
  await live.clock.fastForward(16000);
  await until('the overview to count the new person by itself', async () => (await people.textContent()) !== before);
  same(v, 'charts', await live.locator('figure.chart').count(), 5);
  await other.close();
}

// find finds people by everything that is known of them, and topics.
async function find(v, w) {
  const search = async (what) => {
    await go(v, '/admin/users');
    await v.page.fill('input[name=q]', what);
    await v.page.keyboard.press('Enter');
    await v.page.waitForURL((url) => url.pathname !== '/admin/users' || url.search !== '');
    await v.page.waitForLoadState();
  };
  const id = `min-${w.id}`, number = w.id === 'e' ? '1' : '2';
  const [phone] = await person(id, `민수 ${w.id}`, { identities: [{ kind: 'email', value: `${id}@example.com` }, { kind: 'phone', value: `+82102345678${number}` }, { kind: 'mac', value: `00:1b:63:84:45:e${number}` }] }, 1);
  await api('PUT', `/v1/topics/team-${w.id}/members/${id}`);
  for (const what of [id.slice(0, 5), `민수 ${w.id}`, `${id}@`]) {
    await search(what);
    same(v, `found by ${what}`, await v.page.locator(`a[href="/admin/users/${id}"]`).count(), 1);
  }
  for (const what of [`010-2345-678${number}`, `00-1B-63-84-45-E${number}`, phone.id, phone.token]) {
    await search(what);
    await landed(v, `/admin/users/${id}`);
  }
  await says(v, 'main', `team-${w.id}`);
  await search(`team-${w.id}`);
  await v.page.locator(`a[href="/admin/topics/team-${w.id}"]`).click();
  await landed(v, `/admin/topics/team-${w.id}`);
  await v.page.locator(`a[href="/admin/users/${id}"]`).click();
  await landed(v, `/admin/users/${id}`);
  await go(v, '/admin/topics');
  await v.page.fill('input[name=q]', `team-${w.id}`);
  await v.page.keyboard.press('Enter');
  await v.page.waitForURL('**/admin/topics?q=**');
  same(v, 'topics found', await v.page.locator('tbody tr').count(), 1);
  await search('nobody at all');
  await says(v, 'tbody', w.none);
}

// importing shows what would change, changes nothing, then does it; the new ones fill more than a page.
async function importing(v, w) {
  const rows = Array.from({ length: 60 }, (_, i) => `imp-${w.id}-${String(i).padStart(2, '0')},가져온 ${i},imp${i}-${w.id}@example.com`);
  await go(v, '/admin/import');
  await v.page.setInputFiles('input[type=file]', { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(`id,name,email\n${rows.join('\n')}\nbad id,x,y\n`) });
  await press(v, '/admin/import');
  await says(v, said, w.sum);
  same(v, 'somebody of a preview', await status('GET', `/v1/users/imp-${w.id}-00`), 404);
  await look(v, 'import, previewed');
  await press(v, '/admin/import', '[name=apply]');
  await says(v, said, w.imported);
  same(v, 'the name of somebody imported', (await api('GET', `/v1/users/imp-${w.id}-59`)).name, '가져온 59');
  await go(v, `/admin/users?q=imp-${w.id}`);
  same(v, 'people on a page', await v.page.locator('tbody tr').count(), 50);
  await v.page.locator('p > a.button').click();
  await v.page.waitForURL('**&after=**');
  same(v, 'people on the next page', await v.page.locator('tbody tr').count(), 10);
}

// people are given roles and invitations, merged and erased.
async function people(v, browser, w) {
  const staff = `staff-${w.id}`, page = `/admin/users/${staff}`;
  await person(staff, 'Staff');
  await go(v, page);
  await v.page.selectOption('select[name=role]', 'auditor');
  await press(v, `${page}/role`);
  await says(v, said, w.role);
  await press(v, `${page}/invite`);
  await v.page.locator('img.qr').waitFor();
  await look(v, 'invited');
  const link = await v.page.locator('code.secret').textContent();
  const auditor = await signedIn(browser, staff, v.lang, link);
  await go(auditor, '/admin');
  await go(auditor, '/admin/send', 403);
  await says(auditor, problem, w.forbidden);
  await go(auditor, page);
  same(auditor, 'what an auditor can press on a person', await auditor.page.locator('main button').count(), 0);
  await auditor.context.close();
  await go(v, '/admin/users/boss');
  await v.page.selectOption('select[name=role]', 'person');
  await press(v, '/admin/users/boss/role');
  await says(v, problem, w.self);

  await person(`one-${w.id}`, 'One', { identities: [{ kind: 'email', value: `one-${w.id}@example.com` }] }, 1);
  await person(`two-${w.id}`, 'Two');
  await go(v, `/admin/users/one-${w.id}`);
  await v.page.fill('input[name=into]', `two-${w.id}`);
  await press(v, `/admin/users/one-${w.id}/merge`);
  await says(v, said, w.merged);
  same(v, 'who was merged', await status('GET', `/v1/users/one-${w.id}`), 404);
  same(v, 'whose the device is', (await api('GET', `/v1/users/two-${w.id}/devices`)).devices.length, 1);

  await v.page.fill('input[name=confirm]', 'somebody else');
  await press(v, `/admin/users/two-${w.id}/erase`);
  await says(v, problem, w.confirm);
  same(v, 'who was not erased', await status('GET', `/v1/users/two-${w.id}`), 200);
  await go(v, `/admin/users/two-${w.id}`);
  await v.page.fill('input[name=confirm]', `two-${w.id}`);
  await press(v, `/admin/users/two-${w.id}/erase`);
  await says(v, said, w.erased);
  same(v, 'who was erased', await status('GET', `/v1/users/two-${w.id}`), 404);
}

// devices get a test, which arrives and can be traced, and are removed.
async function devices(v, w) {
  const id = `min-${w.id}`, [device] = (await api('GET', `/v1/users/${id}/devices`)).devices;
  await go(v, `/admin/users/${id}`);
  await press(v, `/admin/devices/${device.id}/test`);
  await v.page.waitForURL('**/admin/notifications/**');
  await says(v, said, w.tested);
  const sent = v.page.url().match(/notifications\/([^?]+)/)[1];
  await until('the test to arrive', async () => (await api('GET', `/v1/notifications/${sent}`)).counts.accepted === 1);
  await go(v, `/admin/users/${id}`);
  await v.page.locator(`a[href="/admin/trace?id=${sent}"]`).click();
  await v.page.waitForURL('**/admin/trace?id=**');
  await says(v, 'tbody', 'accepted');
  await go(v, `/admin/users/${id}`);
  await press(v, `/admin/devices/${device.id}/remove`);
  await says(v, said, w.removed);
  same(v, 'the device that was removed', await status('GET', `/v1/devices/${device.id}`), 404);
  await go(v, '/admin/trace?id=nothing', 404);
}

// sources: accounts are added, their logins tried, and removed.
async function sources(v, w) {
  for (const [login, password, text] of [[`box-${w.id}`, 'right-word', w.works], [`closed-${w.id}`, 'wrong-word', w.refused]]) {
    await go(v, '/admin/sources?source=mail');
    const f = form('/admin/accounts');
    await v.page.fill(`${f} input[name=login]`, login);
    await v.page.fill(`${f} input[name=password]`, password);
    await v.page.fill(`${f} input[name=users]`, 'boss');
    await press(v, '/admin/accounts');
    await says(v, said, w.added);
    const account = (await api('GET', '/v1/accounts?source=mail')).accounts.find((a) => a.login === login);
    await press(v, `/admin/accounts/${account.id}/check`);
    await says(v, 'main [role=status]', text);
    if ((await v.page.content()).includes(password)) wrong.push(`${v.where}: the page shows a password`);
    await look(v, `login tried, ${password}`);
    await go(v, '/admin/sources?source=mail');
    await press(v, `/admin/accounts/${account.id}/remove`);
    await says(v, said, w.gone);
    same(v, 'the account that was removed', await status('GET', `/v1/accounts/${account.id}`), 404);
  }
}

// tab goes by keyboard to what a selector finds.
async function tab(v, selector) {
  for (let i = 0; i < 80; i++) {
    if (await v.page.evaluate((s) => document.activeElement.matches(s), selector)) return;
    await v.page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not come to ${selector}`);
}

// sending to a person, all by keyboard: seen first, as each platform gets it; then it arrives.
async function sending(v, w) {
  const id = `reader-${w.id}`, title = `<img src=x onerror=alert(1)> ${w.id} 점심`;
  await person(id, 'Reader', {}, 1);
  await go(v, '/admin/send');
  await tab(v, 'textarea[name=users]');
  await v.page.keyboard.type(id);
  await tab(v, 'input[name=title]');
  await v.page.keyboard.type(title);
  await tab(v, 'textarea[name=body]');
  await v.page.keyboard.type('12시 <b>식당</b>');
  await tab(v, `${form('/admin/send')} p button`);
  await v.page.keyboard.press('Enter');
  await v.page.locator('.preview').waitFor();
  await says(v, said, w.reach);
  const cards = v.page.locator('.preview .card');
  same(v, 'platforms shown', await cards.count(), 4);
  for (let i = 0; i < await cards.count(); i++) {
    const card = cards.nth(i);
    if (!(await card.locator('strong').textContent()).includes(title)) wrong.push(`preview ${i} (${v.lang}) does not show the title`);
    await card.locator('summary').click();
    if (!(await card.locator('pre').textContent()).includes('점심')) wrong.push(`preview ${i} (${v.lang}) does not show what the platform gets`);
  }
  await says(v, '.preview', '"aps"');
  await says(v, '.preview', '<toast');
  await look(v, 'send, previewed');
  await tab(v, 'button[name=go]');
  await v.page.keyboard.press('Enter');
  await v.page.waitForURL('**/admin/notifications/**');
  const sent = v.page.url().match(/notifications\/([^?]+)/)[1];
  await until('the notice to arrive', async () => (await api('GET', `/v1/notifications/${sent}`)).counts.accepted === 1);
  await go(v, `/admin/notifications/${sent}`);
  await says(v, 'h1', title);
  await says(v, 'main .tag', w.done);
  await look(v, 'sent');
  await go(v, '/admin/send');
  await v.page.fill('textarea[name=users]', 'nobody-at-all');
  await v.page.fill('input[name=title]', 'x');
  await press(v, '/admin/send');
  await says(v, problem, 'nobody-at-all');
}

// later sends to a topic, at a time that is to come: it waits, and can be cancelled.
async function later(v, w) {
  const topic = `later-${w.id}`, id = `reader-${w.id}`;
  await api('PUT', `/v1/topics/${topic}/members/${id}`);
  await go(v, '/admin/send');
  await v.page.fill('input[name=topics]', topic);
  await v.page.fill('input[name=title]', `Tomorrow ${w.id}`);
  const at = new Date(Date.now() + 86400e3).toISOString().slice(0, 16);
  await v.page.fill('input[name=at]', at);
  await press(v, '/admin/send');
  await says(v, said, w.reach);
  await press(v, '/admin/send', '[name=go]');
  await v.page.waitForURL('**/admin/notifications/**');
  const page = new URL(v.page.url()).pathname;
  const sent = await api('GET', `/v1${page.replace('/admin', '')}`);
  same(v, 'its state', sent.state, 'scheduled');
  same(v, 'whom it is for', JSON.stringify(sent.to), JSON.stringify({ topics: [topic] }));
  same(v, 'the hours until then', Math.abs(Date.parse(sent.sendAt) - Date.parse(at + 'Z')) < 15 * 3600e3, true); // in the person's zone
  await press(v, `${page}/cancel`);
  await until('it to be cancelled', async () => (await api('GET', `/v1${page.replace('/admin', '')}`)).state === 'cancelled');
}

// broadcast hands something in for everybody and gives its page.
async function broadcast(v, w, title) {
  await go(v, '/admin/send');
  await v.page.locator('input[name=all]').check();
  await v.page.fill('input[name=title]', title);
  await press(v, '/admin/send');
  await says(v, said, w.second);
  await press(v, '/admin/send', '[name=go]');
  await v.page.waitForURL('**/admin/notifications/**');
  return new URL(v.page.url()).pathname;
}

// approval: what goes to everybody waits for a second person, who approves or refuses it; the first one cannot.
async function approval(boss, oper, w) {
  const state = async (page) => (await api('GET', `/v1${page.replace('/admin', '')}`)).state;
  const first = await broadcast(oper, w, `To all ${w.id}`);
  await says(oper, 'main .tag', w.waits);
  same(oper, 'the approval that its sender sees', await oper.page.locator(form(`${first}/approve`)).count(), 0);
  same(oper, 'its state', await state(first), 'awaitingApproval');
  await go(boss, '/admin');
  await boss.page.locator(`a[href="${first}"]`).click();
  await landed(boss, first);
  await says(boss, said, w.would);
  await says(boss, '.preview', w.payload);
  await look(boss, 'to be approved');
  await press(boss, `${first}/approve`);
  await until('the broadcast to go out', async () => (await state(first)) === 'done');
  const second = await broadcast(oper, w, `No ${w.id}`);
  await go(boss, second);
  await press(boss, `${second}/refuse`);
  await says(boss, 'main .tag', w.cancelled);
  same(boss, 'its state', await state(second), 'cancelled');
  const third = await broadcast(oper, w, `Withdrawn ${w.id}`);
  await go(oper, third);
  await press(oper, `${third}/cancel`);
  await says(oper, 'main .tag', w.cancelled);
  same(oper, 'its state', await state(third), 'cancelled');
}

// progress: a slow notification is watched, paused, resumed and cancelled.
async function progress(v, w) {
  const topic = `slow-${w.id}`, id = `crowd-${w.id}`;
  await person(id, 'Crowd', {}, 200); // minutes of sending: it is under way as long as it is looked at
  await api('PUT', `/v1/topics/${topic}/members/${id}`);
  const sent = await api('POST', '/v1/notifications', { to: { topics: [topic] }, title: `Slow ${w.id}`, rate: 1, ttl: 3600 });
  const page = `/admin/notifications/${sent.id}`, now = async () => api('GET', `/v1/notifications/${sent.id}`);
  await until('the first of them to arrive', async () => (await now()).counts.accepted > 0);
  await again(v, page, w.rate);
  await says(v, 'main .tag', w.sending);
  await press(v, `${page}/pause`);
  await says(v, 'main .tag', w.paused);
  same(v, 'its state', (await now()).state, 'paused');
  await look(v, 'paused');
  await press(v, `${page}/resume`);
  await says(v, 'main .tag', w.sending);
  same(v, 'its state', (await now()).state, 'sending');
  await press(v, `${page}/cancel`);
  await says(v, 'main .tag', w.cancelled);
  const { state, counts } = await now();
  same(v, 'its state', [state, counts.pending], ['cancelled', 0]);
  await go(v, '/admin/notifications');
  await v.page.selectOption('select[name=state]', 'cancelled');
  await press(v, '/admin/notifications');
  await v.page.waitForURL('**/admin/notifications?state=cancelled');
  await says(v, 'tbody', `Slow ${w.id}`);
  same(v, 'states of the history', [...new Set(await v.page.locator('tbody .tag').allTextContents())], [w.cancelled]);
}

// dead letters are shown with the platform's word, and tried again.
async function dead(v, w) {
  const id = `unlucky-${w.id}`, [phone] = await person(id, 'Unlucky', {}, 1);
  await fetch(`${world.around}/fail?token=${phone.token}`, { method: 'POST' });
  const sent = await api('POST', '/v1/notifications', { to: { users: [id] }, title: 'too much' });
  await until('the delivery to be given up', async () => (await api('GET', `/v1/notifications/${sent.id}`)).counts.failed === 1);
  await go(v, '/admin/dead');
  const row = v.page.locator('tbody tr', { hasText: id });
  if (!(await row.textContent()).includes('PayloadTooLarge')) wrong.push(`the dead letter (${v.lang}) does not say why`);
  await look(v, 'given up');
  await row.locator('button').click();
  await says(v, said, w.replayed);
  await until('the delivery to arrive after all', async () => (await api('GET', `/v1/notifications/${sent.id}`)).counts.accepted === 1);
  await go(v, '/admin/dead');
  same(v, 'rows of the one that arrived', await row.count(), 0);
}

// keys are made, work, and end; staff and credentials' expiry stand beside them; all acts are in the trail.
async function keys(v, w) {
  const name = `erp-${w.id}`;
  await go(v, '/admin/keys');
  for (const scope of ['send', 'read']) await v.page.locator(`input[name=scope][value=${scope}]`).check();
  await v.page.fill('input[name=name]', name);
  await press(v, '/admin/keys');
  const secret = await v.page.locator('code.secret').textContent();
  await look(v, 'key made');
  same(v, 'what the new key may read', await status('GET', '/v1/users', secret), 200);
  same(v, 'what it may not make', await status('POST', '/v1/keys', secret), 403);
  await go(v, '/admin/keys');
  if ((await v.page.content()).includes(secret)) wrong.push('the keys page shows a secret a second time');
  await v.page.locator('tr', { hasText: name }).locator('button').click();
  await says(v, said, w.revoked);
  same(v, 'what the revoked key may read', await status('GET', '/v1/users', secret), 401);
  await says(v, 'section[aria-labelledby=h-roles]', 'oper');
  await says(v, 'section[aria-labelledby=h-exp]', 'corp/wns');
}

async function audit(v) {
  const acts = new Set();
  await go(v, '/admin/audit');
  for (;;) {
    for (const act of await v.page.locator('tbody tr').evaluateAll((rows) => rows.map((r) => `${r.cells[1].textContent} ${r.cells[2].textContent}`))) acts.add(act);
    const next = v.page.locator('p > a.button');
    if (!await next.count()) break;
    const here = v.page.url();
    await next.click();
    await v.page.waitForURL((url) => url.href !== here);
  }
  for (const act of ['user:boss user.role', 'user:boss user.invite', 'user:boss user.import', 'user:boss user.merge', 'user:boss user.erase', 'user:boss device.test', 'user:boss device.remove', 'user:boss account.add',
    'user:boss account.check', 'user:boss account.remove', 'user:boss notification.send', 'user:oper notification.send', 'user:boss notification.steer', 'user:oper notification.steer', 'user:boss delivery.replay',
    'user:boss key.create', 'user:boss key.revoke']) {
    if (!acts.has(act)) wrong.push(`the audit trail (${v.lang}) has no ${act}`);
  }
}

// pages: every page as it is now, in every light and size.
async function pages(v, w) {
  const { notifications } = await api('GET', '/v1/notifications?limit=1');
  const id = notifications[0].id;
  for (const path of ['/admin', '/admin/users', `/admin/users?q=${encodeURIComponent('민')}`, '/admin/users/boss', `/admin/users/crowd-${w.id}`, '/admin/topics', `/admin/topics/team-${w.id}`, '/admin/sources', '/admin/sources?source=down',
    '/admin/send', '/admin/notifications', `/admin/notifications/${id}`, '/admin/dead', '/admin/trace', `/admin/trace?id=${id}`, '/admin/keys', '/admin/audit', '/admin/import']) {
    await go(v, path);
    await look(v, path);
  }
  await go(v, '/admin/users/nobody-at-all', 404);
  await says(v, problem, w.unknown);
  await look(v, 'nobody');
}

async function walk(browser, lang) {
  const w = texts[lang];
  const boss = await signedIn(browser, 'boss', lang), oper = await signedIn(browser, 'oper', lang);
  for (const [name, part] of Object.entries({ overview, find, importing, people: (v) => people(v, browser, w), devices, sources, sending, later, approval: (v) => approval(v, oper, w), progress, dead, keys, audit })) {
    try {
      await part(boss, w);
    } catch (e) {
      wrong.push(`${name} (${lang}) ended at ${boss.where}: ${e.stack}`);
    }
  }
  await oper.context.close();
  return [boss, w];
}

const browser = await chromium.launch({ executablePath: world.chromium, args: ['--no-sandbox'] });
try {
  const walked = [];
  for (const lang of Object.keys(texts)) walked.push(await walk(browser, lang));
  await Promise.all(walked.map(([boss, w]) => pages(boss, w))); // they only look: at once, for axe-core takes its time
} catch (e) {
  wrong.push(`the walk ended: ${e.stack}`);
}
await browser.close();
finish();
