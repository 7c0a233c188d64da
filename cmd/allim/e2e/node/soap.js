// An unmodified soap (npm) against /soap: argv holds the hub's address, a key that may send and one of an administrator.
// It reads the WSDL and prints what each call gave, in SOAP 1.1 and 1.2, with the key as a bearer, in Basic and in WS-Security.
const soap = require('soap');
const [url, send, admin] = process.argv.slice(2);

const notification = (title) => ({
  to: { identities: { identity: [{ attributes: { kind: 'employee' }, $value: 'E1001' }] } },
  title, body: 'by npm soap', data: { entry: [{ attributes: { key: 'order' }, $value: '4711' }] }, priority: 'high', ttl: 3600,
});

// ask gives the answer of a call, or the fault; both have the messages that went over the wire.
async function ask(client, operation, args) {
  try {
    const [answer, , , request] = await client[operation + 'Async'](args);
    return { answer, asked: request, said: client.lastResponse };
  } catch (error) {
    const envelope = (error.root && error.root.Envelope) || {};
    return { fault: envelope.Body && envelope.Body.Fault, status: error.response && error.response.status, said: client.lastResponse, error: String(error) };
  }
}

async function run(options, security, title) {
  const client = await soap.createClientAsync(url + '/soap?wsdl', options);
  client.setSecurity(security);
  const sent = await ask(client, 'send', { idempotencyKey: title, notification: notification(title) });
  const again = await ask(client, 'send', { idempotencyKey: title, notification: notification(title) });
  const many = await ask(client, 'sendMany', { notifications: { notification: [notification(title + ' a'), notification(title + ' b')] } });
  const status = await ask(client, 'getStatus', { id: sent.answer && sent.answer.notification.id });
  const nobody = await ask(client, 'send', { notification: { to: { users: { user: ['kim', 'nobody'] } }, title } });
  const refused = await ask(client, 'registerDevice', { user: 'kim', device: { app: 'corp', platform: 'apns', token: 'ab'.repeat(32) } });
  client.setSecurity(new soap.BearerSecurity(admin));
  const device = await ask(client, 'registerDevice', { user: 'kim', device: { app: 'corp', platform: 'apns', token: 'cd'.repeat(32), name: title } });
  client.setSecurity(new soap.BearerSecurity('wrong'));
  const wrongKey = await ask(client, 'getStatus', { id: 'x' });
  client.setSecurity(new soap.BearerSecurity(send));
  client.addSoapHeader('<t:Tx xmlns:t="urn:t" soap:mustUnderstand="1">5</t:Tx>');
  const notUnderstood = await ask(client, 'getStatus', { id: 'x' });
  return { operations: client.describe(), sent, again, many, status, nobody, refused, device, wrongKey, notUnderstood };
}

(async () => {
  console.log(JSON.stringify({
    v11: await run({}, new soap.BearerSecurity(send), 'Order 1.1'),
    v12: await run({ forceSoap12Headers: true }, new soap.BasicAuthSecurity('erp', send), 'Order 1.2'),
    wsse: await run({}, new soap.WSSecurity('erp', send, { hasNonce: true, mustUnderstand: true }), 'Order wsse'),
  }));
})().catch((error) => { console.error(error); process.exit(1); });
