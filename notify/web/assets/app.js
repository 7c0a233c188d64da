// The pages work without it, except for what only a browser can do: an invitation's secret, Web Push, and the live inbox.
// Texts from notices are only ever set as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);

async function api(method, path, body) {
  const res = await fetch(path, {
    method, headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) }, body: body && JSON.stringify(body),
  });
  const answer = res.status === 204 ? {} : await res.json();
  if (!res.ok) throw new Error(answer.detail || String(res.status));
  return answer;
}

// --- an invitation: the secret stands behind #, so that it is in no log, and leaves the address bar at once.
if ($('invitation') && location.hash.length > 1) {
  $('invitation').value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, '', location.pathname);
}

// --- notices on this browser
const push = {
  box: $('push'),
  able: 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window,
  user: document.body.dataset.user,
  kept: 'allim-device-' + document.body.dataset.user, // where this browser remembers which device it is
  say(text, on) { $('push-note').textContent = text; $('allow').hidden = on; push.box.dataset.state = on ? 'on' : 'off'; },
  bytes(base64url) { return Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)); },
  // keep remembers the device for the service worker, too, which may be given another subscription while no page is open.
  // A browser that keeps nothing (a private window) has it until it is closed.
  async keep(device) {
    localStorage.setItem(push.kept, device.id);
    await caches.open('allim').then((cache) => cache.put('/device', Response.json(device))).catch(() => {});
  },
  async forget() {
    localStorage.removeItem(push.kept);
    await caches.open('allim').then((cache) => cache.delete('/device')).catch(() => {});
  },
  // known is what this browser is registered as, if by the one who is signed in; kept before there was a cache, it is the id.
  async known() {
    const kept = await (await (await caches.open('allim')).match('/device'))?.json();
    const id = localStorage.getItem(push.kept);
    return kept ? kept.user === push.user && kept : id && { id };
  },
  // renew tells the hub the address that the push service gave this browser in place of the one that the device has.
  async renew() {
    const device = push.user && Notification.permission === 'granted' && await push.known();
    if (!device) return;
    const registration = await navigator.serviceWorker.getRegistration('/');
    const present = await registration?.pushManager.getSubscription();
    if (present && present.endpoint === device.endpoint) return;
    const { app } = device.app ? device : (await api('GET', '/v1/me/devices')).devices.find((d) => d.id === device.id) || {};
    if (!app) return push.forget(); // it was removed
    const subscription = (present || await push.subscribe(app)).toJSON();
    const res = await fetch(`/v1/me/devices/${device.id}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ subscription }) });
    if (res.status === 404) await push.forget();
    if (res.ok) await push.keep({ id: device.id, user: push.user, app, endpoint: subscription.endpoint });
  },
  async subscribe(app) {
    const registration = await navigator.serviceWorker.register('/sw.js');
    await navigator.serviceWorker.ready;
    const key = push.bytes((await api('GET', `/v1/apps/${encodeURIComponent(app)}/webpush-key`)).publicKey);
    const old = await registration.pushManager.getSubscription();
    const used = old && old.options.applicationServerKey;
    if (used && new Uint8Array(used).every((b, i) => b === key[i])) return old;
    if (old) await old.unsubscribe(); // bound to the key of another hub
    return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  },
  async allow() {
    const words = push.box.dataset;
    $('allow').disabled = true;
    try {
      if (await Notification.requestPermission() !== 'granted') push.say(words.denied, false);
      else {
        const subscription = (await push.subscribe(words.app)).toJSON();
        const device = await api('POST', '/v1/me/devices', { app: words.app, platform: 'webpush', subscription, name: words.name });
        await push.keep({ id: device.id, user: push.user, app: words.app, endpoint: subscription.endpoint });
        location.assign('/devices?done=allowed'); // with the device in its list
      }
    } catch (e) {
      push.say(`${words.failed} ${e.message}`, false);
    }
    $('allow').disabled = false;
  },
  begin() {
    if (!push.able) {
      push.say(push.box.dataset.none, true);
      return;
    }
    $('allow').addEventListener('click', push.allow);
    push.box.dataset.state = 'ready';
    const card = document.querySelector(`[data-device="${CSS.escape(localStorage.getItem(push.kept) || '')}"]`);
    if (card && Notification.permission === 'granted') push.mine(card);
  },
  // mine shows which device is this browser. Removed here, it also gives its subscription up.
  mine(card) {
    push.say(push.box.dataset.on, true);
    card.querySelector('.here').hidden = false;
    card.querySelector('form[action$="/remove"]').addEventListener('submit', async (e) => {
      e.preventDefault();
      await push.forget();
      const registration = await navigator.serviceWorker.getRegistration('/');
      const subscription = await registration?.pushManager.getSubscription().catch(() => null);
      await subscription?.unsubscribe().catch(() => {}); // the hub forgets it in any case
      e.target.submit();
    });
  },
};
if (push.box) push.begin();
if (push.able) {
  const renew = () => push.renew().catch(() => {}); // the next page that is opened tries again
  navigator.serviceWorker.addEventListener('message', (e) => { if (e.data.resubscribe) renew(); });
  renew();
}

// --- the inbox, live
const inbox = {
  state: $('live'),
  clock: new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: $('days')?.dataset.zone }),
  // day is the date where the person is; the page's headings hold for the day on which it was served.
  day: () => new Intl.DateTimeFormat('en', { dateStyle: 'short', timeZone: $('days')?.dataset.zone }).format(new Date()),
  rows: () => [...document.querySelectorAll('#days li[data-id]')],
  count(by) {
    const n = Math.max(0, Number($('unread').textContent) + by);
    $('unread').textContent = String(n);
    $('read-all').querySelector('button').disabled = n === 0;
  },
  // read shows items as read that were read here or elsewhere.
  read(ids) {
    for (const row of inbox.rows()) {
      if (!ids.includes(row.dataset.id) || !row.classList.contains('unread')) continue;
      row.classList.remove('unread', 'fresh');
      row.querySelector('.mark')?.remove();
      inbox.count(-1);
    }
    for (const hidden of $('read-all').querySelectorAll('input')) if (ids.includes(hidden.value)) hidden.remove();
  },
  async mark(ids) {
    await api('POST', '/v1/me/marks', { ids, read: true });
    inbox.read(ids);
  },
  today() {
    const first = document.querySelector('#days section');
    const words = $('days').dataset;
    if (first && first.querySelector('h2').textContent === words.today) return first.querySelector('ol');
    const section = document.createElement('section');
    section.className = 'day';
    section.setAttribute('aria-label', words.today);
    const h = document.createElement('h2');
    h.textContent = words.today;
    const ol = document.createElement('ol');
    ol.className = 'items';
    section.append(h, ol);
    document.querySelector('#days .empty')?.remove();
    $('days').prepend(section);
    return ol;
  },
  add(item) {
    if (inbox.day() !== inbox.served) return location.reload();
    if (inbox.rows().some((row) => row.dataset.id === item.id)) return;
    const row = $('item').content.cloneNode(true).firstElementChild;
    row.dataset.id = item.id;
    const title = row.querySelector('.title');
    if (item.url) {
      const a = document.createElement('a');
      a.href = /^https?:/.test(item.url) ? item.url : '#';
      a.rel = 'noreferrer noopener';
      a.target = '_blank';
      a.textContent = item.title || '';
      title.append(a);
    } else title.textContent = item.title || '';
    if (item.urgent) {
      const tag = document.createElement('span');
      tag.className = 'tag urgent';
      tag.textContent = $('days').dataset.urgent;
      title.after(tag);
    }
    row.querySelector('.body').textContent = item.body || '';
    row.querySelector('.foot span').textContent = (item.data && item.data.source) || '';
    const at = row.querySelector('time');
    at.dateTime = item.createdAt;
    at.textContent = inbox.clock.format(new Date(item.createdAt));
    const button = document.createElement('button');
    button.className = 'plain mark';
    button.textContent = $('days').dataset.read;
    row.querySelector('.foot').append(button);
    inbox.today().prepend(row);
    inbox.count(1);
    api('POST', '/v1/me/marks', { ids: [item.id] }).catch(() => {}); // it was shown
  },
  say(open) {
    const words = inbox.state.dataset;
    inbox.state.textContent = open ? words.open : words.broken;
    inbox.state.className = open ? 'live open' : 'live broken';
  },
  // EventSource resumes by itself with the last id; one that was refused for good is opened again from there. What was read
  // elsewhere comes along, after a break perhaps once more.
  follow() {
    const source = inbox.source = new EventSource(`/v1/me/stream?after=${encodeURIComponent(inbox.cursor)}&marks=${inbox.seen}&locale=${document.documentElement.lang}`);
    source.addEventListener('ready', () => inbox.say(true));
    source.addEventListener('notification', (e) => {
      inbox.cursor = e.lastEventId;
      if (inbox.newest) inbox.add(JSON.parse(e.data));
    });
    source.addEventListener('read', (e) => {
      const news = JSON.parse(e.data);
      inbox.seen = news.next;
      inbox.read(news.ids);
    });
    source.addEventListener('resync', () => location.reload());
    source.onerror = () => {
      inbox.say(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (inbox.source === source) inbox.follow(); }, 5000);
    };
  },
  // look follows while the page is looked at, and goes on from there when it is again. A page in the background would show
  // nothing, but count as open (live first), and hold one of the six connections that browsers make to a host over HTTP/1.1.
  look() {
    const looked = document.visibilityState === 'visible';
    if (looked === Boolean(inbox.source)) return;
    if (!looked) {
      inbox.source.close();
      inbox.source = null;
      return;
    }
    if (inbox.day() !== inbox.served) return location.reload();
    inbox.follow();
    const shown = inbox.rows().filter((row) => row.classList.contains('unread')).map((row) => row.dataset.id);
    if (shown.length) api('POST', '/v1/me/marks', { ids: shown }).catch(() => {});
  },
  begin() {
    inbox.served = inbox.day();
    inbox.cursor = inbox.state.dataset.cursor;
    inbox.seen = inbox.state.dataset.marks;
    $('days').addEventListener('click', (e) => {
      const button = e.target.closest('.mark, .mark button');
      const link = e.target.closest('.title a');
      if (!button && !link) return;
      if (button) e.preventDefault();
      inbox.mark([e.target.closest('li').dataset.id]).catch(() => location.reload());
    });
    navigator.serviceWorker?.addEventListener('message', (e) => { if (e.data.read) inbox.read(e.data.read); });
    const asked = new URLSearchParams(location.search);
    inbox.newest = !asked.get('q') && !asked.get('before');
    document.addEventListener('visibilitychange', inbox.look);
    inbox.look();
  },
};
if (inbox.state) inbox.begin();

// --- the console: a page that says so is shown anew while it is looked at.
const again = document.querySelector('[data-again]');
if (again) setInterval(async () => {
  if (document.visibilityState !== 'visible' || again.contains(document.activeElement)) return;
  const res = await fetch(location.href).catch(() => null);
  if (!res || !res.ok || res.redirected) return;
  const fresh = new DOMParser().parseFromString(await res.text(), 'text/html').querySelector('[data-again]');
  if (fresh) again.replaceChildren(...fresh.childNodes);
}, Number(again.dataset.again) * 1000);
