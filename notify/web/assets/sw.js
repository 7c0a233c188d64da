// The service worker of the hub's pages: shows what the hub pushes (a declarative push message, W3C Push API, which
// browsers that know the format show by themselves), and tells the hub that it arrived and that it was opened.
'use strict';

const home = new URL('.', self.registration.scope).href;

self.addEventListener('install', (e) => e.waitUntil(self.skipWaiting()));
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));

function read(data) {
  try {
    return data.json();
  } catch {
    return {}; // not the hub's: a push must still show something
  }
}

function deliveryOf(data) {
  return data && data.allim && data.allim.delivery;
}

// A receipt that gets lost costs the hub its knowledge, not the person the notice.
async function receipt(delivery, state) {
  if (!delivery) return;
  await fetch('/v1/receipts', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ delivery, state }),
  }).catch(() => {});
}

async function received(data) {
  const message = read(data);
  const n = message.notification;
  if (!n) { // silent: its data is for the page alone
    for (const page of await self.clients.matchAll()) page.postMessage({ silent: message.data || {} });
    await receipt(deliveryOf(message.data), 'received');
    return;
  }
  await self.registration.showNotification(n.title, {
    body: n.body, lang: n.lang, dir: n.dir, tag: n.tag, image: n.image, silent: n.silent, timestamp: n.timestamp,
    renotify: Boolean(n.renotify && n.tag), requireInteraction: n.requireInteraction,
    icon: '/demo/assets/icon-192.png', // browsers show no SVG there
    data: { navigate: n.navigate, delivery: deliveryOf(n.data) },
  });
  for (const page of await self.clients.matchAll()) page.postMessage({ shown: n.title });
  await receipt(deliveryOf(n.data), 'received');
}

async function opened(data) {
  await receipt(data.delivery, 'opened');
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
// The push service gave the browser a new address: the page registers it when it is next opened, and now if one is.
self.addEventListener('pushsubscriptionchange', (e) => e.waitUntil((async () => {
  for (const page of await self.clients.matchAll()) page.postMessage({ resubscribe: true });
})()));
