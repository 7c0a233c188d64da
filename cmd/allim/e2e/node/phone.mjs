// A browser's push service and what a browser that subscribed to it is told: the messages are decrypted by npm's http_ece.
import crypto from 'node:crypto';
import http from 'node:http';
import ece from 'http_ece';
import { until } from './browse.mjs';

export class Phone {
  told = []; // messages, decrypted
  constructor() {
    this.keys = crypto.createECDH('prime256v1');
    this.keys.generateKeys();
    this.auth = crypto.randomBytes(16).toString('base64url');
    this.server = http.createServer((req, res) => {
      const parts = [];
      req.on('data', (part) => parts.push(part));
      req.on('end', () => {
        this.told.push(JSON.parse(ece.decrypt(Buffer.concat(parts), { version: 'aes128gcm', privateKey: this.keys, authSecret: this.auth }).toString()));
        res.writeHead(201).end();
      });
    });
  }
  async open() {
    await new Promise((ready) => this.server.listen(0, '127.0.0.1', ready));
    return {
      endpoint: `http://127.0.0.1:${this.server.address().port}/push/${crypto.randomUUID()}`,
      keys: { p256dh: this.keys.getPublicKey('base64url'), auth: this.auth },
    };
  }
  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
  // next waits for the next message that fits.
  async next(what, fits) {
    return until(`the device to be told ${what}`, () => this.told.find(fits));
  }
  // shown is what the device showed.
  shown() { return this.told.filter((m) => m.notification).map((m) => m.notification); }
}
