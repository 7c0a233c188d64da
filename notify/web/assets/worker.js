// The service worker of the people's page: shows what the hub pushes (a declarative push message, W3C Push API), takes
// away what was read elsewhere, and tells the hub that it arrived and that it was opened.
'use strict';

self.addEventListener('install', (e) => e.waitUntil(self.skipWaiting()));
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));

function read(data) {
  try {
    return data.json();
  } catch {
    return {}; // not the hub's: a push must still show something
  }
}

const deliveryOf = (data) => data && data.allim && data.allim.delivery;

// A receipt that gets lost costs the hub its knowledge, not the person the notice.
async function receipt(delivery, state) {
  if (!delivery) return;
  await fetch('/v1/receipts', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ delivery, state }) }).catch(() => {});
}

async function tell(message) {
  for (const page of await self.clients.matchAll({ type: 'window' })) page.postMessage(message);
}

async function clear(data) {
  const tags = new Set((data.readTags || '').split(','));
  for (const n of await self.registration.getNotifications()) if (tags.has(n.tag)) n.close();
  await tell({ read: (data.read || '').split(',') });
}

async function received(data) {
  const message = read(data);
  const n = message.notification;
  if (!n) {
    if (message.data && message.data.read) await clear(message.data);
    await receipt(deliveryOf(message.data), 'received');
    return;
  }
  await self.registration.showNotification(n.title, {
    body: n.body, lang: n.lang, dir: n.dir, tag: n.tag, image: n.image, silent: n.silent, timestamp: n.timestamp,
    renotify: Boolean(n.renotify && n.tag), requireInteraction: n.requireInteraction,
    icon: '/assets/icon-192.png', // browsers show no SVG there
    data: { navigate: n.navigate, delivery: deliveryOf(n.data) },
  });
  await receipt(deliveryOf(n.data), 'received');
}

async function opened(data) {
  await receipt(data.delivery, 'opened');
  const home = new URL('/', self.location.origin).href;
  const to = data.navigate && data.navigate !== 'about:blank' ? new URL(data.navigate, home).href : home;
  for (const page of await self.clients.matchAll({ type: 'window' })) {
    if (to.startsWith(home)) return page.focus();
  }
  return self.clients.openWindow(to);
}

self.addEventListener('push', (e) => e.waitUntil(received(e.data)));
self.addEventListener('notificationclick', (e) => {
  e.notification.close();
  e.waitUntil(opened(e.notification.data || {}));
});

// renew tells the hub this browser's new address in place of the one that its device has (W3C Push API, section 11.3). The
// pages keep which device that is. What cannot be done here, as when the session has ended, an open page does, or the next.
async function renew(given) {
  const cache = await caches.open('allim');
  const device = await (await cache.match('/device'))?.json();
  if (!device) return;
  let subscription = given;
  if (!subscription) {
    const key = await (await fetch(`/v1/apps/${encodeURIComponent(device.app)}/webpush-key`, { headers: { Accept: 'application/json' } })).json();
    subscription = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key.publicKey });
  }
  const res = await fetch(`/v1/me/devices/${device.id}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ subscription }) });
  if (res.ok) await cache.put('/device', Response.json({ ...device, endpoint: subscription.endpoint }));
}

self.addEventListener('pushsubscriptionchange', (e) => e.waitUntil(renew(e.newSubscription).catch(() => {}).then(() => tell({ resubscribe: true }))));
