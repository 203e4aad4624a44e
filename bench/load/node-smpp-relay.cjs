// The same relay as bare-relay.mjs, written on the npm package `smpp` the way its README shows. PORT UPSTREAM_PORT
const smpp = require('smpp');
const [port, up] = process.argv.slice(2).map(Number);
let next = 1,
  rr = 0;
const byUp = new Map();
const carriers = [];
for (let i = 0; i < 2; i++) {
  const c = smpp.connect({ url: `smpp://127.0.0.1:${up}`, auto_enquire_link_period: 10000 }, () => {
    c.bind_transceiver({ system_id: 'r', password: 'r' }, () => {});
  });
  c.on('deliver_sm', p => {
    c.send(p.response());
    const t = String(p.short_message.message ?? p.short_message);
    const sp = t.indexOf(' ');
    const e = byUp.get(t.slice(3, sp));
    if (e) {
      byUp.delete(t.slice(3, sp));
      e.s.deliver_sm({
        source_addr: p.source_addr,
        destination_addr: p.destination_addr,
        esm_class: 4,
        short_message: 'id:' + e.id + t.slice(sp),
      });
    }
  });
  carriers.push(c);
}
smpp
  .createServer(s => {
    s.on('error', () => {});
    s.on('bind_transceiver', p => s.send(p.response({ system_id: 'R' })));
    s.on('submit_sm', p => {
      const id = String(next++);
      s.send(p.response({ message_id: id }));
      carriers[rr++ % 2].submit_sm(
        {
          source_addr_ton: p.source_addr_ton,
          source_addr: p.source_addr,
          dest_addr_ton: p.dest_addr_ton,
          dest_addr_npi: p.dest_addr_npi,
          destination_addr: p.destination_addr,
          registered_delivery: p.registered_delivery,
          short_message: p.short_message,
        },
        r => {
          byUp.set(r.message_id, { s, id });
        },
      );
    });
  })
  .listen(port, '127.0.0.1');
