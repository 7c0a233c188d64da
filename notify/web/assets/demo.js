// The demo's page: it follows the person's inbox by Server-Sent Events (as any client of the hub can) and the demo's own
// feed of mails and pushes. Texts from mails are only ever set as text, never as markup.
'use strict';

const page = document.body.dataset;
const keep = 20; // rows a list shows
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const counts = { mail: 0, push: 0, live: 0 };

function show(list, entry) {
  const ol = document.getElementById(list);
  for (const empty of ol.querySelectorAll('.empty')) empty.remove();
  for (const old of ol.children) {
    if (entry.key && old.dataset.key === entry.key) old.remove(); // a later one with the same key replaces it
  }
  const row = document.getElementById('row').content.cloneNode(true).firstElementChild;
  row.dataset.key = entry.key || '';
  row.querySelector('.title').textContent = entry.title || '';
  row.querySelector('.body').textContent = entry.body || '';
  const at = row.querySelector('time');
  at.dateTime = entry.at;
  at.textContent = clock.format(new Date(entry.at));
  const via = [entry.device, entry.via].filter(Boolean).join(' · ');
  if (via) {
    row.querySelector('.via').textContent = via;
    row.querySelector('.latency').textContent = `${Math.max(1, Math.round(entry.latency || 0))} ms`;
  } else {
    row.querySelector('.foot').remove();
  }
  if (Date.now() - new Date(entry.at) < 3000) row.classList.add('fresh');
  ol.prepend(row);
  while (ol.children.length > keep) ol.lastElementChild.remove();
  document.getElementById('n-' + list).textContent = String(++counts[list]);
}

function state(name, text) {
  const s = document.getElementById('state');
  s.className = name;
  s.textContent = text;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function json(url) {
  const res = await fetch(url, { headers: { Accept: 'application/json' } });
  if (!res.ok) throw new Error(`${url}: ${res.status}`);
  return res.json();
}

// The demo's feed: a request is held until something happens.
async function followFeed() {
  for (let after = 0, failed = 0; ;) {
    try {
      for (const e of await json(`${page.feed}?after=${after}`)) {
        show(e.kind, e);
        after = e.n;
      }
      failed = 0;
    } catch {
      if (++failed > 20) return;
      await pause(Math.min(500 * 2 ** failed, 10000) * Math.random());
    }
  }
}

// The inbox: what is there first, then live from exactly there on.
let source, watchdog;

function showItem(i) {
  if (!i.silent) show('live', { key: i.collapseKey, at: i.createdAt, title: i.title, body: i.body });
}

async function load() {
  const list = document.getElementById('live');
  for (const old of [...list.children]) if (!old.classList.contains('empty')) old.remove();
  counts.live = 0;
  for (let after = ''; ;) {
    const got = await json('/v1/me/inbox?limit=100' + (after && `&cursor=${encodeURIComponent(after)}`));
    got.items.forEach(showItem);
    after = got.next;
    if (got.items.length < 100) return after;
  }
}

function alive() { // the hub pings every 20 seconds: a connection that is silent for longer is dead
  clearTimeout(watchdog);
  watchdog = setTimeout(() => { source.close(); state('broken', page.broken); followInbox(1); }, 50000);
}

async function followInbox(failed) {
  if (failed) await pause(Math.min(1000 * 2 ** failed, 20000) * (0.5 + Math.random() / 2));
  let from;
  try {
    if ((await json('/v1/me')).id !== page.user) { state('broken', page.other); return; }
    from = await load();
  } catch {
    state('broken', failed > 6 ? page.stopped : page.broken);
    return followInbox((failed || 0) + 1);
  }
  source = new EventSource('/v1/me/stream?after=' + encodeURIComponent(from));
  source.addEventListener('open', () => { failed = 0; state('open', page.open); alive(); });
  source.addEventListener('ping', alive);
  source.addEventListener('notification', (e) => { alive(); showItem(JSON.parse(e.data)); });
  source.addEventListener('resync', () => { source.close(); followInbox(0); });
  source.addEventListener('error', () => {
    state('broken', page.broken);
    if (source.readyState === EventSource.CLOSED) { // refused: a browser does not try again by itself
      clearTimeout(watchdog);
      followInbox((failed || 0) + 1);
    }
  });
}

followFeed();
followInbox(0);
