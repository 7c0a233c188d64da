// An unmodified node-gcm against /compat/gcm/send: argv holds the hub's address and a key. It prints what the library
// gave for each call.
const gcm = require('node-gcm');
const [url, key] = process.argv.slice(2);

const send = (sender, message, to) => new Promise((done) => {
  sender.send(message, to, { retries: 0 }, (error, answer) => done({ error: error || null, answer: answer || null }));
});

(async () => {
  const sender = new gcm.Sender(key, { uri: url + '/compat/gcm/send' });
  const message = new gcm.Message({
    collapseKey: 'order', priority: 'high', timeToLive: 3600, data: { order: '4711', amount: 12 },
    notification: { title: 'Order 4711', body: 'was approved by node-gcm', icon: 'ic_launcher' },
  });
  console.log(JSON.stringify({
    one: await send(sender, message, 'OLD-1'),
    many: await send(sender, message, { registrationTokens: ['OLD-1', 'NOBODY', 'OLD-1b'] }),
    dry: await send(sender, new gcm.Message({ dryRun: true, data: { a: 'b' } }), 'OLD-1'),
    big: await send(sender, new gcm.Message({ data: { a: 'x'.repeat(5000) } }), 'OLD-1'),
    wrongKey: await send(new gcm.Sender('wrong', { uri: url + '/compat/gcm/send' }), message, 'OLD-1'),
  }));
})();
