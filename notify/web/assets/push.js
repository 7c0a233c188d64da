// Notices on this browser: asks for permission, subscribes with the hub's public key, and registers the subscription as a
// device of the signed-in person.
'use strict';

const push = {
  button: document.getElementById('allow'),
  note: document.getElementById('allow-note'),
  words: document.getElementById('allow').dataset,

  say(text, state) {
    push.note.textContent = text;
    push.button.dataset.state = state;
    push.button.hidden = state === 'on' || state === 'no';
  },

  async call(path, body) {
    const res = await fetch(path, {
      method: body ? 'POST' : 'GET',
      headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const answer = await res.json();
    if (!res.ok) throw new Error(answer.detail || String(res.status));
    return answer;
  },

  bytes(base64url) {
    const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(text, (c) => c.charCodeAt(0));
  },

  sameKey(subscription, key) {
    const used = subscription.options.applicationServerKey;
    return Boolean(used) && new Uint8Array(used).every((b, i) => b === key[i]);
  },

  // A subscription is bound to the key that it was made with: one of another hub is replaced.
  async subscribe() {
    const registration = await navigator.serviceWorker.register('/demo/sw.js', { scope: '/demo/' });
    await navigator.serviceWorker.ready;
    const key = push.bytes((await push.call(`/v1/apps/${push.words.app}/webpush-key`)).publicKey);
    const old = await registration.pushManager.getSubscription();
    if (old && push.sameKey(old, key)) return old;
    if (old) await old.unsubscribe();
    return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  },

  async register() {
    const subscription = await push.subscribe();
    await push.call('/v1/me/devices', {
      app: push.words.app, platform: 'webpush', subscription: subscription.toJSON(), name: push.words.name,
    });
    push.say(push.words.on, 'on');
  },

  async allow() {
    push.button.disabled = true;
    try {
      if (await Notification.requestPermission() === 'granted') await push.register();
      else push.say(push.words.denied, 'denied');
    } catch (e) {
      push.say(`${push.words.failed} ${e.message}`, 'failed');
    }
    push.button.disabled = false;
  },

  begin() {
    if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) {
      push.say(push.words.none, 'no');
      return;
    }
    push.button.addEventListener('click', push.allow);
    navigator.serviceWorker.addEventListener('message', (e) => { if (e.data.resubscribe) push.allow(); });
    push.button.dataset.state = 'ready';
  },
};

push.begin();
