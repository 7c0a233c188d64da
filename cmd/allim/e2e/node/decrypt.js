// Decrypts Web Push messages with npm's http_ece, an implementation of RFC 8188 and RFC 8291 that is not ours.
// Standard input: a JSON array of {body, privateKey, auth}, each base64url. Standard output: a JSON array of texts.
'use strict';

const crypto = require('crypto');
const ece = require('http_ece');

let input = '';
process.stdin.on('data', (part) => { input += part; });
process.stdin.on('end', () => {
  const texts = JSON.parse(input).map((m) => {
    const key = crypto.createECDH('prime256v1');
    key.setPrivateKey(Buffer.from(m.privateKey, 'base64url'));
    return ece.decrypt(Buffer.from(m.body, 'base64url'), { version: 'aes128gcm', privateKey: key, authSecret: m.auth }).toString();
  });
  process.stdout.write(JSON.stringify(texts));
});
