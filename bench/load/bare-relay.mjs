// bare-relay: the least an SMPP relay can do on Node and still be one. The ceiling that the project is held against.
// submit_sm in -> id assigned, submit_sm_resp out, submit_sm forwarded to the carrier; its receipt comes back with the
// id rewritten. One thread, no durability, no routing, no accounts, no checks.   node bare-relay.mjs PORT UPSTREAM_PORT
import net from 'node:net';
const [port, up] = process.argv.slice(2).map(Number);
const BINDS = 2;
const esmes = new Set();
const byUp = new Map();
let next = 1;
class Out {
  constructor(s) {
    this.s = s;
    this.b = Buffer.allocUnsafe(1 << 17);
    this.n = 0;
    this.q = false;
  }
  room(k) {
    if (this.n + k > this.b.length) this.flush();
    if (!this.q) {
      this.q = true;
      setImmediate(() => this.flush());
    }
    const o = this.n;
    this.n += k;
    return o;
  }
  flush() {
    this.q = false;
    if (this.n) {
      this.s.write(this.b.subarray(0, this.n));
      this.b = Buffer.allocUnsafe(1 << 17);
      this.n = 0;
    }
  }
}
function frames(s, on) {
  let rest = null;
  s.setNoDelay(true);
  s.on('error', () => s.destroy());
  s.on('data', d => {
    let b = rest ? Buffer.concat([rest, d]) : d,
      o = 0;
    while (b.length - o >= 16) {
      const l = b.readUInt32BE(o);
      if (b.length - o < l) break;
      on(b, o, l);
      o += l;
    }
    rest = o < b.length ? b.subarray(o) : null;
  });
}
const cz = (b, p) => b.indexOf(0, p) + 1;
const carriers = [];
for (let i = 0; i < BINDS; i++) {
  const s = net.connect(up, '127.0.0.1');
  const c = { s, out: new Out(s), seq: 1, wait: new Map() };
  carriers.push(c);
  s.on('connect', () => {
    const body = Buffer.from('r\0r\0\0\x34\0\0\0', 'latin1');
    const h = Buffer.alloc(16);
    h.writeUInt32BE(16 + body.length, 0);
    h.writeUInt32BE(9, 4);
    h.writeUInt32BE(c.seq++, 12);
    s.write(Buffer.concat([h, body]));
  });
  frames(s, (b, o, l) => {
    const cmd = b.readUInt32BE(o + 4),
      seq = b.readUInt32BE(o + 12);
    if (cmd === 0x80000004) {
      const e = c.wait.get(seq);
      c.wait.delete(seq);
      if (e) byUp.set(b.latin1Slice(o + 16, o + l - 1), e);
    } else if (cmd === 5) {
      const r = c.out.room(17);
      c.out.b.writeUInt32BE(17, r);
      c.out.b.writeUInt32BE(0x80000005, r + 4);
      c.out.b.writeUInt32BE(0, r + 8);
      c.out.b.writeUInt32BE(seq, r + 12);
      c.out.b[r + 16] = 0;
      let p = cz(b, o + 16) + 2;
      p = cz(b, p) + 2;
      p = cz(b, p) + 3;
      p = cz(b, p);
      p = cz(b, p) + 5;
      const t = b.latin1Slice(p, o + l);
      const sp = t.indexOf(' ');
      const e = byUp.get(t.slice(3, sp));
      if (!e) return;
      byUp.delete(t.slice(3, sp));
      const nt = 'id:' + e.id + t.slice(sp),
        n = p - o + nt.length,
        w = e.x.out.room(n),
        ob = e.x.out.b;
      b.copy(ob, w, o, p);
      ob.writeUInt32BE(n, w);
      ob.writeUInt32BE(e.x.seq++, w + 12);
      ob[w + (p - o) - 1] = nt.length;
      ob.latin1Write(nt, w + (p - o));
    }
  });
}
net
  .createServer(s => {
    const x = { s, out: new Out(s), seq: 1 };
    let rr = 0;
    frames(s, (b, o, l) => {
      const cmd = b.readUInt32BE(o + 4),
        seq = b.readUInt32BE(o + 12);
      if (cmd === 4) {
        const id = String(next++),
          n = 17 + id.length,
          w = x.out.room(n),
          ob = x.out.b;
        ob.writeUInt32BE(n, w);
        ob.writeUInt32BE(0x80000004, w + 4);
        ob.writeUInt32BE(0, w + 8);
        ob.writeUInt32BE(seq, w + 12);
        ob.latin1Write(id, w + 16);
        ob[w + n - 1] = 0;
        const c = carriers[rr++ % BINDS],
          f = c.out.room(l);
        b.copy(c.out.b, f, o, o + l);
        const q = c.seq++;
        c.out.b.writeUInt32BE(q, f + 12);
        c.wait.set(q, { id, x });
      } else if (cmd === 9) {
        const w = x.out.room(18);
        x.out.b.writeUInt32BE(18, w);
        x.out.b.writeUInt32BE(0x80000009, w + 4);
        x.out.b.writeUInt32BE(0, w + 8);
        x.out.b.writeUInt32BE(seq, w + 12);
        x.out.b.latin1Write('R\0', w + 16);
      }
    });
  })
  .listen(port, '127.0.0.1');
