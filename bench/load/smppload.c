/* smppload: an independent SMPP 3.4 load generator and carrier in one epoll loop.
 *
 *   ESME side:    opens --binds transceivers to --server, keeps --window submit_sm outstanding on each.
 *   carrier side: listens on --upstream PORT, accepts any bind, answers every submit_sm, and (with --dlr)
 *                 sends one delivery receipt for it. Every message carries its own number in its text, so
 *                 losses and duplicates are counted exactly.
 * Prints one JSON object. Nothing here is shared with the system under test.
 *   cc -O2 -o smppload smppload.c
 *
 * This is the project's own generator, kept in the repository as it is; one option is added here: --seconds N offers
 * messages for N seconds instead of up to --count (which stays the most that are offered), then waits for what is under way.
 * With --exact it ends by itself only when each message acknowledged is delivered, and told of: without it, deliveries and
 * receipts of messages whose acknowledgement was lost with a connection are taken for others'.
 *
 * Whoever is unbound sends nothing new, waits for the answers to what it has sent (3 s), answers the unbind and hangs up.
 *
 * For several nodes, and lines that fall silent:
 *   --host A,B:P,...     the ESMEs are spread over these; with --reconnect one that loses its node goes to the next
 *   --stall S            an ESME that waits for an answer gives its connection up when nothing has come for S seconds
 *   --listen ADDRESS     where the carrier listens (127.0.0.1)
 *   --max-sessions N     the carrier answers further binds with ESME_RALYBND
 *   --carrier-stall S    the carrier asks by enquire_link after S/2 seconds of silence, and ends the session after S
 *   --carrier-unbinds S  each carrier session is unbound after S seconds (0: never)
 *   --repeat-receipts    a receipt that was refused, or not answered on a session that has ended, is sent again on another,
 *                        as carriers do
 *   --lose-every N, --double-every N   what a checker must notice: one of N messages is answered but not counted; is counted
 *                        twice
 *   --events FD          JSON lines on this descriptor: carrier sessions bound and ended, messages that came twice, and
 *                        every 100 ms what was counted so far
 *   --ledger FILE        messages from another --source are left out; a line for each message at the end: number, A(cknowledged) R(efused) L(ost answer), sent, acked at,
 *                        message_id, times it came, first at, its receipts, first at; times in microseconds from the start
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ESME, LISTEN, CARRIER };
typedef struct conn {
  int fd, kind, bound, want_out, dead;
  uint8_t *in; size_t inlen, incap;
  uint8_t *out; size_t outlen, outoff, outcap;
  int outstanding; uint32_t seq;
  uint32_t *slot;            /* ESME: seq % cap -> message index + 1. Carrier: -> place of an unanswered receipt + 1 */
  uint64_t retry_at;
  int server;                /* ESME: the place in --host that it goes to */
  uint32_t unbind; uint64_t unbound_at; /* the other side's unbind to be answered + 1, and when it came */
  uint64_t heard, asked, since; /* the last octets came; enquire_link was sent; bound since */
  long no, submits; char peer[32]; /* carrier: number of the session, what came on it, who it is */
} conn;

static const char *host = "127.0.0.1", *sysid = "load", *passwd = "load", *prefix = "4477", *source = "ACME";
static int port = 2775, upstream = 0, nbinds = 2, window_ = 100, want_dlr = 0, textlen = 100, min_up = 1, reconnect = 0, exact = 0, spread = 100000000;
static long count = 100000; static double rate = 0, timeout_s = 60, linger_s = 5, offer_s = 0; static int fail_mod = 0;
static uint64_t *t_send, *t_ack, *t_sink; static uint8_t *acked, *sunk, *receipted; static char (*ids)[24];
static long sent, nacked, nrej, nsunk, ndup, ndlr, ndlrdup, ndlrunknown, nlost_unacked, ncarrier_up, nproto_err, ndisc, nbadtext;
/* Options of several nodes, and what they count. */
static struct { char host[64]; int port; } servers[16]; static int nservers;
static const char *listen_addr = "127.0.0.1", *ledger = 0;
static double stall_s = 0, carrier_stall_s = 0, carrier_unbinds_s = 0; static int repeat_receipts = 0, max_sessions = 0, events_fd = -1;
static long lose_every = 0, double_every = 0, nsessions_max, nsessions, nbindsrefused, ndlrwrong, ndlrrepeated; static uint64_t tstart;
static uint8_t *sinks, *receipts, *refused; static uint64_t *t_dlr;
static conn **cars; static long ncars, carcap;
static long rejby[4096]; static int ep; static uint64_t t0, t_lastack, t_lastsink, t_lastdlr; static volatile int stop_;
#define SLOTS 65536
static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec; }
static uint32_t g32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static void p32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }
/* id -> index hash */
static uint32_t *hidx; static size_t hcap;
static uint64_t hs(const char *s) { uint64_t h = 1469598103934665603ull; while (*s) h = (h ^ (uint8_t)*s++) * 1099511628211ull; return h; }
static void hput(uint32_t i) { size_t k = hs(ids[i]) & (hcap - 1); while (hidx[k]) k = (k + 1) & (hcap - 1); hidx[k] = i + 1; }
static long hget(const char *s) { size_t k = hs(s) & (hcap - 1); while (hidx[k]) { if (!strcmp(ids[hidx[k] - 1], s)) return hidx[k] - 1; k = (k + 1) & (hcap - 1); } return -1; }
/* receipts seen before their ack */
static char (*early)[24]; static long nearly, earlycap;

static uint8_t *room(conn *c, size_t n) {
  if (c->outoff && c->outoff == c->outlen) c->outoff = c->outlen = 0;
  if (c->outlen + n > c->outcap) { c->outcap = (c->outlen + n) * 2; c->out = realloc(c->out, c->outcap); }
  uint8_t *p = c->out + c->outlen; c->outlen += n; return p;
}
static void flush_(conn *c) {
  while (c->outoff < c->outlen) {
    ssize_t w = send(c->fd, c->out + c->outoff, c->outlen - c->outoff, MSG_NOSIGNAL);
    if (w < 0) { if (errno == EAGAIN) break; c->dead = 1; return; }
    c->outoff += w;
  }
  if (c->outoff == c->outlen) c->outoff = c->outlen = 0;
  int want = c->outlen > 0;
  if (want != c->want_out) { struct epoll_event e = {.events = EPOLLIN | (want ? EPOLLOUT : 0), .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); c->want_out = want; }
}
static void head(uint8_t *p, uint32_t len, uint32_t cmd, uint32_t st, uint32_t seq) { p32(p, len); p32(p + 4, cmd); p32(p + 8, st); p32(p + 12, seq); }
static void simple(conn *c, uint32_t cmd, uint32_t st, uint32_t seq) { head(room(c, 16), 16, cmd, st, seq); }
static void bind_(conn *c) {
  uint8_t b[128]; size_t n = 16; n += sprintf((char *)b + n, "%s", sysid) + 1; n += sprintf((char *)b + n, "%s", passwd) + 1; b[n++] = 0; b[n++] = 0x34; b[n++] = 0; b[n++] = 0; b[n++] = 0;
  head(b, n, 9, 0, ++c->seq); memcpy(room(c, n), b, n);
}
static void submit(conn *c) {
  uint8_t b[512]; size_t n = 16; long i = sent++;
  b[n++] = 0; b[n++] = 5; b[n++] = 0; n += sprintf((char *)b + n, "%s", source) + 1;
  b[n++] = 1; b[n++] = 1; n += sprintf((char *)b + n, "%s%08ld", prefix, i % spread) + 1;
  b[n++] = 0; b[n++] = 0; b[n++] = 0; b[n++] = 0; b[n++] = 0; b[n++] = want_dlr ? 1 : 0; b[n++] = 0; b[n++] = 0; b[n++] = 0;
  b[n++] = textlen; int k = sprintf((char *)b + n, "M%010ld ", i); memset(b + n + k, 'x', textlen > k ? textlen - k : 0); n += textlen;
  uint32_t s = ++c->seq; if (s >= 0x7fffffff) c->seq = s = 1;
  head(b, n, 4, 0, s); memcpy(room(c, n), b, n);
  c->slot[s % SLOTS] = i + 1; c->outstanding++; t_send[i] = now();
}
static void event(const char *format, ...) {
  if (events_fd < 0) return;
  va_list a; va_start(a, format); vdprintf(events_fd, format, a); va_end(a);
}
static double ms(uint64_t t) { return t > tstart ? (t - tstart) / 1e6 : 0; }
/* Receipts under way to the nodes, with --repeat-receipts: kept until they are answered. */
typedef struct { char id[24], src[32], dst[32]; int used; uint64_t due; } pending;
static pending *pend; static uint32_t npend, pendcap, *backlog; static long nbacklog, backlogcap;
static void put_back(uint32_t place, uint64_t due) {
  if (nbacklog == backlogcap) { backlogcap = backlogcap ? backlogcap * 2 : 1024; backlog = realloc(backlog, backlogcap * 4); }
  pend[place].due = due; backlog[nbacklog++] = place;
}
static uint32_t keep_receipt(const uint8_t *src, const uint8_t *dst, const char *id) {
  static uint32_t next; uint32_t tried = 0; while (npend && tried < npend && pend[next % npend].used) next++, tried++;
  if (!npend || tried == npend) { if (npend == pendcap) { pendcap = pendcap ? pendcap * 2 : 4096; pend = realloc(pend, pendcap * sizeof *pend); memset(pend + npend, 0, (pendcap - npend) * sizeof *pend); } next = npend; npend = pendcap; }
  pending *p = &pend[next % npend]; p->used = 1; snprintf(p->id, 24, "%s", id); snprintf(p->src, 32, "%s", src); snprintf(p->dst, 32, "%s", dst);
  return next % npend;
}
static void receipt(conn *c, const uint8_t *src, const uint8_t *dst, const char *id, int ok) {
  uint8_t b[512]; size_t n = 16; b[n++] = 0; b[n++] = 1; b[n++] = 1; n += sprintf((char *)b + n, "%s", dst) + 1; b[n++] = 5; b[n++] = 0; n += sprintf((char *)b + n, "%s", src) + 1;
  b[n++] = 4; for (int i = 0; i < 8; i++) b[n++] = 0; /* esm_class=4; pid prio sched val rd rep dcs def */
  size_t lp = n++; int k = sprintf((char *)b + n, "id:%s sub:001 dlvrd:%03d submit date:2611211200 done date:2611211200 stat:%s err:000 text:", id, ok, ok ? "DELIVRD" : "UNDELIV");
  b[lp] = k; n += k; head(b, n, 5, 0, ++c->seq); memcpy(room(c, n), b, n);
}
static void send_receipt(conn *c, uint32_t place) {
  pending *p = &pend[place]; receipt(c, (uint8_t *)p->src, (uint8_t *)p->dst, p->id, 1); c->slot[c->seq % SLOTS] = place + 1; c->outstanding++;
}
/* A receipt has its message's number for a sender. */
static void check_number(long i, const uint8_t *from) {
  size_t l = strlen((const char *)from); if (l < 8 || atol((const char *)from + l - 8) != i % spread) ndlrwrong++;
}
static void count_receipt(long i) { if (!receipts[i]) t_dlr[i] = now(); if (receipts[i] < 255) receipts[i]++; }
static void mark_receipt(const char *id, const uint8_t *from) {
  long i = hget(id); if (i < 0) { if (nearly == earlycap) { earlycap = earlycap ? earlycap * 2 : 1024; early = realloc(early, earlycap * 24); } strncpy(early[nearly++], id, 23); return; }
  check_number(i, from); count_receipt(i);
  if (receipted[i]) ndlrdup++; else { receipted[i] = 1; ndlr++; t_lastdlr = now(); }
}
/* It has been unbound: it goes when all it has sent is answered, or has had time enough. */
static void leave(conn *c, uint64_t t) {
  if (!c->unbind || (c->outstanding > 0 && t < c->unbound_at + 3000000000ull)) return;
  simple(c, 0x80000006, 0, c->unbind - 1); c->unbind = 0; c->dead = 1;
}
static void pdu(conn *c, const uint8_t *p, uint32_t len) {
  uint32_t cmd = g32(p + 4), st = g32(p + 8), seq = g32(p + 12);
  if (cmd == 0x15) { simple(c, 0x80000015, 0, seq); return; }
  if (cmd == 0x80000015 || cmd == 0x80000006) return;
  if (cmd == 6) { c->unbind = seq + 1; c->unbound_at = now(); leave(c, c->unbound_at); return; }
  if (c->kind == ESME) {
    if (cmd == 0x80000009) { if (st) { nbindsrefused++; fprintf(stderr, "bind refused: status 0x%x\n", st); c->dead = 1; c->bound = 0; } else c->bound = 1; return; }
    if (cmd == 0x80000004) {
      uint32_t i = c->slot[seq % SLOTS]; if (!i) { nproto_err++; return; } i--; c->slot[seq % SLOTS] = 0; c->outstanding--; leave(c, 0);
      if (st) { nrej++; rejby[st & 4095]++; refused[i] = 1; return; }
      t_ack[i] = t_lastack = now(); acked[i] = 1; nacked++; if (len > 16) { strncpy(ids[i], (const char *)p + 16, 23); hput(i); }
      return;
    }
    if (cmd == 5) { /* deliver_sm: a receipt */
      const uint8_t *q = p + 16, *e = p + len; q = memchr(q, 0, e - q) + 1; q += 2; const uint8_t *from = q; q = (uint8_t *)memchr(q, 0, e - q) + 1; q += 2; q = (uint8_t *)memchr(q, 0, e - q) + 1;
      int esm = q[0]; q += 3; q = (uint8_t *)memchr(q, 0, e - q) + 1; q = (uint8_t *)memchr(q, 0, e - q) + 1; q += 4; int l = *q++;
      if (esm & 0x3c) { char t[256]; memcpy(t, q, l); t[l] = 0; char *d = strstr(t, "id:"); if (d) { d += 3; char *sp = strchr(d, ' '); if (sp) *sp = 0; mark_receipt(d, from); } else ndlrunknown++; }
      uint8_t *r = room(c, 17); head(r, 17, 0x80000005, 0, seq); r[16] = 0; return;
    }
    if (cmd == 0x80000000) { nproto_err++; return; }
    return;
  }
  if (c->kind == CARRIER) {
    if ((cmd == 1 || cmd == 2 || cmd == 9) && max_sessions && nsessions >= max_sessions) { simple(c, cmd | 0x80000000, 5, seq); event("{\"t\":%.1f,\"e\":\"refused\",\"peer\":\"%s\"}\n", ms(now()), c->peer); return; } /* ESME_RALYBND */
    if (cmd == 1 || cmd == 2 || cmd == 9) { uint8_t *r = room(c, 24); head(r, 24, cmd | 0x80000000, 0, seq); memcpy(r + 16, "CARRIER", 8); c->bound = 1; ncarrier_up++; c->since = now();
      if (++nsessions > nsessions_max) nsessions_max = nsessions;
      event("{\"t\":%.1f,\"e\":\"bound\",\"session\":%ld,\"peer\":\"%s\",\"sessions\":%ld}\n", ms(c->since), c->no, c->peer, nsessions);
      return; }
    if (cmd == 0x80000005) {
      uint32_t *slot = &c->slot[seq % SLOTS]; if (!repeat_receipts || !*slot) return;
      if (st) put_back(*slot - 1, now() + 1000000000); else pend[*slot - 1].used = 0;
      *slot = 0; c->outstanding--; leave(c, 0); return;
    }
    if (cmd == 4) {
      const uint8_t *q = p + 16, *e = p + len; q = memchr(q, 0, e - q) + 1; q += 2; const uint8_t *src = q; q = (uint8_t *)memchr(q, 0, e - q) + 1; q += 2; const uint8_t *dst = q; q = (uint8_t *)memchr(q, 0, e - q) + 1;
      q += 3; q = (uint8_t *)memchr(q, 0, e - q) + 1; q = (uint8_t *)memchr(q, 0, e - q) + 1; int rd = q[0]; q += 4; int l = *q++;
      int foreign = ledger && strcmp((const char *)src, source); /* of a run before this one: an accepted message whose answer was lost */
      long i = -1; if (!foreign && l >= 11 && q[0] == 'M') i = atol((const char *)q + 1); if (!foreign && (i < 0 || i >= sent || l != textlen)) { nbadtext++; i = -1; }
      static char xs[256]; if (!xs[0]) memset(xs, 'x', 255); if (i >= 0 && l > 12 && memcmp(q + 12, xs, l - 12)) { nbadtext++; i = -1; }
      c->submits++;
      int lie = i >= 0 && lose_every && i % lose_every == lose_every - 1;
      if (lie) i = -1;
      if (i >= 0 && double_every && i % double_every == double_every - 1 && !sinks[i]) { sinks[i]++; sunk[i] = 1; nsunk++; t_sink[i] = t_lastsink = now(); }
      if (i >= 0 && sinks[i] < 255) sinks[i]++;
      if (i >= 0 && sunk[i] && ndup < 10000) event("{\"t\":%.1f,\"e\":\"twice\",\"message\":%ld,\"session\":%ld,\"after\":%.1f}\n", ms(now()), i, c->no, (now() - t_sink[i]) / 1e6);
      if (fail_mod && i >= 0 && i % fail_mod == 0 && !sunk[i] && !(t_sink[i])) { t_sink[i] = 1; simple(c, 0x80000004, 0x58, seq); return; } /* ESME_RTHROTTLED once */
      if (i >= 0) { if (sunk[i]) ndup++; else { sunk[i] = 1; nsunk++; t_sink[i] = t_lastsink = now(); } }
      char id[24]; static long cid; sprintf(id, "%08lX", ++cid); size_t L = 16 + strlen(id) + 1; uint8_t *r = room(c, L); head(r, L, 0x80000004, 0, seq); strcpy((char *)r + 16, id);
      if (rd & 1) { static char s2[32], d2[32]; strncpy(s2, (const char *)src, 31); strncpy(d2, (const char *)dst, 31); if (repeat_receipts) send_receipt(c, keep_receipt((uint8_t *)s2, (uint8_t *)d2, id)); else receipt(c, (uint8_t *)s2, (uint8_t *)d2, id, 1); }
      return;
    }
    return;
  }
}
static void readable(conn *c) {
  for (;;) {
    if (c->incap - c->inlen < 65536) { c->incap = c->inlen + 131072; c->in = realloc(c->in, c->incap); }
    ssize_t r = recv(c->fd, c->in + c->inlen, c->incap - c->inlen - 1, 0);
    if (r == 0) { c->dead = 1; break; }
    if (r < 0) { if (errno != EAGAIN) c->dead = 1; break; }
    c->inlen += r; c->heard = now(); c->asked = 0; size_t o = 0;
    while (c->inlen - o >= 16) { uint32_t l = g32(c->in + o); if (l < 16 || l > 65536) { nproto_err++; c->dead = 1; break; } if (c->inlen - o < l) break; uint8_t sv = c->in[o + l]; pdu(c, c->in + o, l); c->in[o + l] = sv; o += l; }
    memmove(c->in, c->in + o, c->inlen - o); c->inlen -= o;
    if (r < 65536) break;
  }
}
static void nb(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }
static int dial(conn *c) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(servers[c->server].port)}; inet_pton(AF_INET, servers[c->server].host, &a.sin_addr);
  c->fd = socket(AF_INET, SOCK_STREAM, 0); nb(c->fd); if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) { close(c->fd); c->fd = -1; c->server = (c->server + 1) % nservers; return -1; }
  c->kind = ESME; c->heard = now(); c->bound = c->dead = c->want_out = c->outstanding = 0; c->inlen = c->outlen = c->outoff = 0; c->unbind = 0; if (!c->slot) c->slot = malloc(SLOTS * 4); memset(c->slot, 0, SLOTS * 4);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e); bind_(c); flush_(c); return 0;
}
/* A connection has ended, whoever ended it. */
static void ended(conn *c) {
  flush_(c); close(c->fd); c->fd = -1; if (c->bound || c->kind == CARRIER) ndisc++;
  if (c->kind == ESME) { nlost_unacked += c->outstanding; c->outstanding = 0; c->bound = 0; c->retry_at = now() + 200000000; c->server = (c->server + 1) % nservers; return; }
  ncarrier_up -= c->bound; for (long i = 0; i < ncars; i++) if (cars[i] == c) { cars[i] = cars[--ncars]; break; }
  if (!c->bound) return;
  nsessions--; event("{\"t\":%.1f,\"e\":\"ended\",\"session\":%ld,\"peer\":\"%s\",\"submits\":%ld,\"sessions\":%ld}\n", ms(now()), c->no, c->peer, c->submits, nsessions);
  if (c->outstanding) for (int i = 0; i < SLOTS; i++) if (c->slot[i]) { put_back(c->slot[i] - 1, now()); ndlrrepeated++; }
  free(c->slot); c->slot = 0; c->bound = 0;
}
/* Silent lines, and receipts that go again. */
static void look_after(conn *esmes, uint64_t t) {
  for (int i = 0; i < nbinds; i++) { conn *c = &esmes[i]; if (c->fd >= 0 && c->unbind) { leave(c, t); if (c->dead) ended(c); } }
  if (stall_s > 0) for (int i = 0; i < nbinds; i++) { conn *c = &esmes[i]; if (c->fd >= 0 && (!c->bound || c->outstanding) && t > c->heard + (uint64_t)(stall_s * 1e9)) ended(c); }
  for (long i = ncars - 1; i >= 0; i--) {
    conn *c = cars[i]; if (!c->bound) continue;
    if (c->unbind) { leave(c, t); if (c->dead) { ended(c); continue; } }
    if (carrier_stall_s > 0 && t > c->heard + (uint64_t)(carrier_stall_s * 1e9)) { ended(c); continue; }
    if (carrier_stall_s > 0 && !c->asked && t > c->heard + (uint64_t)(carrier_stall_s * 5e8)) { simple(c, 0x15, 0, ++c->seq); c->asked = t; flush_(c); }
    if (carrier_unbinds_s > 0 && t > c->since + (uint64_t)(carrier_unbinds_s * 1e9)) { simple(c, 6, 0, ++c->seq); c->since = t; flush_(c); }
  }
  static uint64_t turn; long left = 0;
  for (long i = 0; i < nbacklog; i++) {
    conn *to = 0; for (long j = 0; j < ncars && !to && pend[backlog[i]].due <= t; j++) { conn *c = cars[turn++ % ncars]; if (c->bound && !c->unbind && c->outstanding < SLOTS / 2) to = c; }
    if (to) { send_receipt(to, backlog[i]); flush_(to); } else backlog[left++] = backlog[i];
  }
  nbacklog = left;
}
static void tell(conn *esmes, uint64_t t) {
  int up = 0; for (int i = 0; i < nbinds; i++) up += esmes[i].fd >= 0 && esmes[i].bound;
  char text[8192]; int n = snprintf(text, 512, "{\"t\":%.1f,\"e\":\"counts\",\"esmes\":%d,\"sent\":%ld,\"acked\":%ld,\"rejected\":%ld,\"delivered\":%ld,\"duplicates\":%ld,\"dlr\":%ld,\"sessions\":[", ms(t), up, sent, nacked, nrej, nsunk, ndup, ndlr);
  int any = 0; for (long i = 0; i < ncars && n < 8000; i++) if (cars[i]->bound) n += snprintf(text + n, 160, "%s[%ld,\"%s\",%ld,%d]", any++ ? "," : "", cars[i]->no, cars[i]->peer, cars[i]->submits, cars[i]->outstanding);
  event("%s]}\n", text);
}
static uint64_t us(uint64_t t) { return t > tstart ? (t - tstart) / 1000 : 0; }
static void write_ledger(void) {
  FILE *f = fopen(ledger, "w"); if (!f) { perror(ledger); return; }
  for (long i = 0; i < sent; i++) fprintf(f, "%ld %c %lu %lu %s %d %lu %d %lu\n", i, acked[i] ? 'A' : refused[i] ? 'R' : 'L', us(t_send[i]), us(t_ack[i]), ids[i][0] ? ids[i] : "-", sinks[i], sunk[i] ? us(t_sink[i]) : 0, receipts[i], us(t_dlr[i]));
  fclose(f);
}
/* A,B:P,...: the places ESMEs go to. */
static void read_hosts(void) {
  char *all = strdup(host); for (char *h = strtok(all, ","); h && nservers < 16; h = strtok(0, ",")) { char *c = strchr(h, ':'); servers[nservers].port = c ? atoi(c + 1) : port; if (c) *c = 0; snprintf(servers[nservers++].host, 64, "%s", h); }
}
static int cmp(const void *a, const void *b) { uint64_t x = *(uint64_t *)a, y = *(uint64_t *)b; return x < y ? -1 : x > y; }
static void pct(const char *name, uint64_t *to, uint8_t *has) {
  uint64_t *v = malloc(count * 8 + 8); long n = 0; for (long i = 0; i < count; i++) if (has[i] && to[i] > t_send[i] && t_send[i]) v[n++] = to[i] - t_send[i];
  qsort(v, n, 8, cmp); printf("\"%s\":{\"n\":%ld,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, n, n ? v[n / 2] / 1e6 : 0, n ? v[(long)(n * .99)] / 1e6 : 0, n ? v[n - 1] / 1e6 : 0); free(v);
}
static void onsig(int s) { (void)s; stop_ = 1; }
int main(int argc, char **argv) {
  static struct option o[] = {{"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"upstream", 1, 0, 'u'}, {"binds", 1, 0, 'b'}, {"window", 1, 0, 'w'}, {"count", 1, 0, 'n'}, {"system-id", 1, 0, 's'}, {"password", 1, 0, 'P'}, {"dlr", 0, 0, 'd'}, {"text", 1, 0, 't'}, {"rate", 1, 0, 'r'}, {"timeout", 1, 0, 'T'}, {"linger", 1, 0, 'L'}, {"prefix", 1, 0, 'x'}, {"source", 1, 0, 'S'}, {"min-upstream", 1, 0, 'm'}, {"reconnect", 0, 0, 'R'}, {"fail-once-every", 1, 0, 'f'}, {"spread", 1, 0, 'k'}, {"seconds", 1, 0, 'o'}, {"exact", 0, 0, 'e'},
    {"stall", 1, 0, 'A'}, {"listen", 1, 0, 'B'}, {"max-sessions", 1, 0, 'C'}, {"carrier-stall", 1, 0, 'D'}, {"repeat-receipts", 0, 0, 'E'}, {"lose-every", 1, 0, 'F'}, {"double-every", 1, 0, 'G'}, {"events", 1, 0, 'H'}, {"ledger", 1, 0, 'I'}, {"carrier-unbinds", 1, 0, 'J'}, {0}};
  int k; while ((k = getopt_long(argc, argv, "", o, 0)) >= 0) switch (k) { case 'h': host = optarg; break; case 'p': port = atoi(optarg); break; case 'u': upstream = atoi(optarg); break; case 'b': nbinds = atoi(optarg); break; case 'w': window_ = atoi(optarg); break; case 'n': count = atol(optarg); break; case 's': sysid = optarg; break; case 'P': passwd = optarg; break; case 'd': want_dlr = 1; break; case 't': textlen = atoi(optarg); break; case 'r': rate = atof(optarg); break; case 'T': timeout_s = atof(optarg); break; case 'L': linger_s = atof(optarg); break; case 'x': prefix = optarg; break; case 'S': source = optarg; break; case 'm': min_up = atoi(optarg); break; case 'R': reconnect = 1; break; case 'f': fail_mod = atoi(optarg); break; case 'k': spread = atoi(optarg); break; case 'o': offer_s = atof(optarg); break; case 'e': exact = 1; break;
    case 'A': stall_s = atof(optarg); break; case 'B': listen_addr = optarg; break; case 'C': max_sessions = atoi(optarg); break; case 'D': carrier_stall_s = atof(optarg); break; case 'E': repeat_receipts = 1; break; case 'F': lose_every = atol(optarg); break; case 'G': double_every = atol(optarg); break; case 'H': events_fd = atoi(optarg); break; case 'I': ledger = optarg; break; case 'J': carrier_unbinds_s = atof(optarg); break;
    default: return 2; }
  signal(SIGINT, onsig); signal(SIGTERM, onsig); signal(SIGPIPE, SIG_IGN); setvbuf(stderr, 0, _IONBF, 0);
  t_send = calloc(count, 8); t_ack = calloc(count, 8); t_sink = calloc(count, 8); acked = calloc(count, 1); sunk = calloc(count, 1); receipted = calloc(count, 1); ids = calloc(count, 24); sinks = calloc(count, 1); receipts = calloc(count, 1); refused = calloc(count, 1); t_dlr = calloc(count, 8); read_hosts(); uint64_t told = 0, looked = 0;
  for (hcap = 1; hcap < (size_t)count * 2 + 16; hcap <<= 1); hidx = calloc(hcap, 4);
  ep = epoll_create1(0); conn lis = {.kind = LISTEN, .fd = -1}; tstart = now(); uint64_t tend = tstart + (uint64_t)(timeout_s * 1e9);
  if (upstream) { struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(upstream)}; inet_pton(AF_INET, listen_addr, &a.sin_addr); lis.fd = socket(AF_INET, SOCK_STREAM, 0); int one = 1; setsockopt(lis.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); if (bind(lis.fd, (void *)&a, sizeof a) || listen(lis.fd, 128)) { perror("listen"); return 2; } nb(lis.fd); struct epoll_event e = {.events = EPOLLIN, .data.ptr = &lis}; epoll_ctl(ep, EPOLL_CTL_ADD, lis.fd, &e); }
  conn *cs = calloc(nbinds, sizeof *cs); for (int i = 0; i < nbinds; i++) { cs[i].fd = -1; cs[i].server = i % nservers; } int dialled = 0; uint64_t done_at = 0;
  struct epoll_event ev[256];
  while (!stop_ && now() < tend) {
    uint64_t t = now();
    if (!dialled && (!upstream || ncarrier_up >= min_up)) { int ok = 1; for (int i = 0; i < nbinds; i++) if (dial(&cs[i])) { ok = 0; cs[i].dead = 0; cs[i].retry_at = t + 200000000; } (void)ok; dialled = 1; }
    int up = 0; if (dialled) for (int i = 0; i < nbinds; i++) { conn *c = &cs[i]; if (c->fd < 0 && reconnect && t > c->retry_at) { if (dial(c)) c->retry_at = t + 200000000; } if (c->fd >= 0 && c->bound) up++; }
    if (up && !t0) t0 = t;
    if (t0 && offer_s > 0 && (t - t0) / 1e9 > offer_s && sent < count) count = sent;
    if (t0) { long allow = rate > 0 ? (long)((t - t0) / 1e9 * rate) + 1 : count; static int first; first = (first + 1) % nbinds; for (int i = 0; i < nbinds; i++) { conn *c = &cs[(first + i) % nbinds]; if (c->fd < 0 || !c->bound || c->unbind) continue; int burst = 0; while (c->outstanding < window_ && sent < count && sent < allow && burst++ < window_) submit(c); if (c->outlen) flush_(c); } }
    if (dialled && t > looked + 10000000) { look_after(cs, t); looked = t; }
    if (events_fd >= 0 && t > told + 100000000) { tell(cs, t); told = t; }
    int n = epoll_wait(ep, ev, 256, rate > 0 || !dialled ? 1 : 10);
    for (int i = 0; i < n; i++) {
      conn *c = ev[i].data.ptr;
      if (c->kind == LISTEN) { int f; struct sockaddr_in pa; socklen_t pl = sizeof pa; while ((f = accept(c->fd, (void *)&pa, &pl)) >= 0) { nb(f); conn *x = calloc(1, sizeof *x); x->fd = f; x->kind = CARRIER; x->slot = calloc(SLOTS, 4); x->heard = now(); static long made; x->no = ++made;
        snprintf(x->peer, 32, "%s:%d", inet_ntoa(pa.sin_addr), ntohs(pa.sin_port)); if (ncars == carcap) { carcap = carcap ? carcap * 2 : 64; cars = realloc(cars, carcap * sizeof *cars); } cars[ncars++] = x; struct epoll_event e = {.events = EPOLLIN, .data.ptr = x}; epoll_ctl(ep, EPOLL_CTL_ADD, f, &e); } continue; }
      if (c->fd < 0) continue;
      if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
      if (c->outlen > c->outoff) flush_(c);
      if (c->dead) { ended(c); if (c->kind == ESME && !reconnect) { int any = 0; for (int j = 0; j < nbinds; j++) any |= cs[j].fd >= 0; if (!any) stop_ = 1; } }
    }
    long settled = nacked + nrej + nlost_unacked; int all = sent == count && settled >= count && (!upstream || nsunk >= nacked) && (!want_dlr || ndlr + nearly >= nacked);
    if (all && exact) { for (long i = 0; i < count && all; i++) if (acked[i] && ((upstream && !sunk[i]) || (want_dlr && !receipted[i]))) all = 0; for (long i = 0; i < nearly && !all; i++) { long j = hget(early[i]); if (j >= 0) { if (!receipted[j]) { receipted[j] = 1; ndlr++; t_lastdlr = now(); } else ndlrdup++; count_receipt(j); memmove(early[i], early[--nearly], sizeof early[0]); i--; } } }
    if (all) break;
    if (sent == count && settled >= count) { uint64_t last = t_lastsink > t_lastdlr ? t_lastsink : t_lastdlr; if (t_lastack > last) last = t_lastack; if (!done_at) done_at = now(); if (now() - last > (uint64_t)(linger_s * 1e9) && now() - done_at > (uint64_t)(linger_s * 1e9)) break; }
  }
  for (long i = 0; i < nearly; i++) { long j = hget(early[i]); if (j >= 0) count_receipt(j); if (j < 0) ndlrunknown++; else if (receipted[j]) ndlrdup++; else { receipted[j] = 1; ndlr++; } }
  if (ledger) write_ledger();
  long lost = 0, lostdlr = 0, lastlost = -1; for (long i = 0; i < count; i++) { if (acked[i] && upstream && !sunk[i]) { lost++; lastlost = i; } if (acked[i] && want_dlr && !receipted[i]) lostdlr++; }
  double e = t0 ? (t_lastack - t0) / 1e9 : 0, es = t_lastsink > t0 ? (t_lastsink - t0) / 1e9 : 0, ed = t_lastdlr > t0 ? (t_lastdlr - t0) / 1e9 : 0;
  printf("{\"sent\":%ld,\"acked\":%ld,\"rejected\":%ld,\"unacked_lost_conn\":%ld,\"delivered\":%ld,\"duplicates\":%ld,\"acked_not_delivered\":%ld,\"last_lost\":%ld,\"dlr\":%ld,\"dlr_dup\":%ld,\"dlr_unknown\":%ld,\"acked_no_dlr\":%ld,\"bad_text\":%ld,\"proto_errors\":%ld,\"disconnects\":%ld,\"dlr_wrong\":%ld,\"dlr_repeated\":%ld,\"sessions_max\":%ld,\"binds_refused\":%ld,\"started_ns\":%lu,", sent, nacked, nrej, nlost_unacked, nsunk, ndup, lost, lastlost, ndlr, ndlrdup, ndlrunknown, lostdlr, nbadtext, nproto_err, ndisc, ndlrwrong, ndlrrepeated, nsessions_max, nbindsrefused, tstart);
  pct("ack_ms", t_ack, acked); pct("sink_ms", t_sink, sunk);
  printf("\"rej\":{"); int f = 1; for (int i = 0; i < 4096; i++) if (rejby[i]) { printf("%s\"0x%x\":%ld", f ? "" : ",", i, rejby[i]); f = 0; } printf("},");
  printf("\"ack_per_s\":%.0f,\"sink_per_s\":%.0f,\"dlr_per_s\":%.0f,\"secs\":%.3f}\n", e ? nacked / e : 0, es ? nsunk / es : 0, ed ? ndlr / ed : 0, (now() - tstart) / 1e9);
  return 0;
}
