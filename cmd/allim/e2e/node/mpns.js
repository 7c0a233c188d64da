// An unmodified mpns against /compat/mpns: argv holds the hub's address and a key. It prints what the library gave for
// each call.
const mpns = require('mpns');
const [url, key] = process.argv.slice(2);

const at = (channel) => url + '/compat/mpns/' + channel + '?key=' + key;
const call = (send) => new Promise((done) => send((error, answer) => done({ error: error || null, answer: answer || null })));

(async () => {
  console.log(JSON.stringify({
    toast: await call((done) => mpns.sendToast(at('01.00/AAFRQo'), 'Order 4712', 'was approved by mpns', done)),
    tile: await call((done) => mpns.sendTile(at('01.00/AAFRQo'), { title: 'Orders', count: 7 }, done)),
    raw: await call((done) => mpns.sendRaw(at('01.00/AAFRQo'), 'order 4711', done)),
    unknown: await call((done) => mpns.sendToast(at('nobody'), 'a', 'b', done)),
    wrongKey: await call((done) => mpns.sendToast(url + '/compat/mpns/01.00/AAFRQo?key=wrong', 'a', 'b', done)),
  }));
})();
