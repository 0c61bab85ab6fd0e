/*
 * mqttload - MQTT 3.1.1 load generator and latency meter.
 *
 * One thread, one epoll set, no dependency but OpenSSL.  See README.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

/* ---------------------------------------------------------------- util */

#define NSEC      1000000000ull
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static _Noreturn void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("mqttload: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}

static void *xcalloc(size_t n, size_t sz)
{
    void *p = calloc(n ? n : 1, sz);
    if (!p) die("out of memory");
    return p;
}

static void *xrealloc(void *p, size_t n)
{
    void *grown = realloc(p, n);
    if (!grown) die("out of memory");
    return grown;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* ----------------------------------------------------------- histogram */

/* Log-linear: 64 linear steps per power of two, so at most 1.6 % error. */
#define H_SUB     64
#define H_BUCKETS (H_SUB * 40)

struct hist {
    uint64_t n, sum, max, min;
    uint64_t b[H_BUCKETS];
};

static void hist_reset(struct hist *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

static unsigned hist_index(uint64_t v)
{
    if (v < H_SUB) return (unsigned)v;
    unsigned e = 63u - (unsigned)__builtin_clzll(v); /* v in [2^e, 2^(e+1)), e >= 6 */
    unsigned i = (e - 5) * H_SUB + (unsigned)((v >> (e - 6)) - H_SUB);
    return MIN(i, (unsigned)H_BUCKETS - 1);
}

static uint64_t hist_upper(unsigned i)
{
    if (i < H_SUB) return i;
    unsigned e = i / H_SUB + 5;
    return ((uint64_t)(i % H_SUB + H_SUB + 1) << (e - 6)) - 1;
}

static void hist_add(struct hist *h, uint64_t v)
{
    h->b[hist_index(v)]++;
    h->n++;
    h->sum += v;
    if (v > h->max) h->max = v;
    if (v < h->min) h->min = v;
}

static double hist_pct_us(const struct hist *h, double p)
{
    if (!h->n) return 0;
    uint64_t want = (uint64_t)(p * (double)h->n + 0.5), acc = 0;
    if (want < 1) want = 1;
    for (unsigned i = 0; i < H_BUCKETS; i++) {
        acc += h->b[i];
        if (acc >= want) return (double)MIN(hist_upper(i), h->max) / 1e3;
    }
    return (double)h->max / 1e3;
}

static void hist_json(FILE *f, const char *name, const struct hist *h)
{
    fprintf(f, ",\"%s\":{\"n\":%" PRIu64, name, h->n);
    if (h->n)
        fprintf(f,
                ",\"min\":%.1f,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
                "\"max\":%.1f",
                (double)h->min / 1e3, (double)h->sum / (double)h->n / 1e3, hist_pct_us(h, .50),
                hist_pct_us(h, .90), hist_pct_us(h, .99), hist_pct_us(h, .999),
                (double)h->max / 1e3);
    fputc('}', f);
}

/* ------------------------------------------------------------- options */

enum mode { MODE_PUB, MODE_CONNECT, MODE_IDLE };

static struct {
    enum mode mode;
    const char *label;
    const char *host;
    int port;
    unsigned src_ips;
    /* publishers */
    unsigned pubs, index_base, subscriptions;
    int qos;
    unsigned size, window, batch;
    double rate; /* messages/s, all publishers together; 0: as fast as possible */
    double warmup, duration;
    uint64_t messages;
    const char *client_id, *username, *password, *topic;
    bool retain, persistent;
    unsigned keepalive;
    /* subscribers */
    unsigned subs;
    const char *sub_client_id, *sub_username, *sub_password, *sub_topic;
    int sub_qos;
    double sub_wait;
    /* connecting */
    unsigned parallel;
    double conn_rate, conn_timeout, hold;
    /* TLS */
    bool tls, resume, verify, ws;
    const char *ca, *cert, *key, *sni, *ciphers, *tls_version, *groups;
    /* Azure style */
    const char *azure_host, *sas_key, *sas_csv, *sas_emit, *api_version, *topic_props;
    long sas_ttl;
    /* measuring */
    int pids[16], npids;
    const char *acked_log, *json_out;
    int pin;
    bool check, quiet;
} o = {
    .mode = MODE_PUB,
    .label = "",
    .host = "127.0.0.1",
    .port = 1883,
    .src_ips = 1,
    .pubs = 1,
    .size = 256,
    .window = 16,
    .batch = 1,
    .warmup = 1,
    .duration = 5,
    .client_id = "load-%d",
    .topic = "load/%c/events",
    .keepalive = 120,
    .sub_client_id = "sub-%d",
    .sub_topic = "load/+/events",
    .sub_wait = 10,
    .parallel = 64,
    .conn_timeout = 60,
    .hold = 5,
    .api_version = "2021-04-12",
    .topic_props = "$.ct=application%2Fjson&$.ce=utf-8",
    .sas_ttl = 86400,
    .pin = -1,
};

/* ------------------------------------------------------- process usage */

static double g_tick;

static double pid_cpu(int pid)
{
    char path[64], buf[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    size_t n = fread(buf, 1, sizeof buf - 1, f);
    fclose(f);
    buf[n] = 0;
    char *p = strrchr(buf, ')');
    unsigned long ut, st;
    if (!p || sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) != 2)
        return -1;
    return (double)(ut + st) / g_tick;
}

static double server_cpu(void)
{
    double s = 0;
    for (int i = 0; i < o.npids; i++) {
        double c = pid_cpu(o.pids[i]);
        if (c > 0) s += c;
    }
    return s;
}

static long proc_field_kb(const char *path, const char *name)
{
    FILE *f = fopen(path, "r");
    char line[256];
    long v = -1;
    size_t n = strlen(name);
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, n) && line[n] == ':') {
            v = atol(line + n + 1);
            break;
        }
    fclose(f);
    return v;
}

static long server_rss_kb(void)
{
    long s = 0;
    for (int i = 0; i < o.npids; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/status", o.pids[i]);
        long v = proc_field_kb(path, "VmRSS");
        if (v > 0) s += v;
    }
    return s;
}

/* Kernel memory that grows with sockets: slab plus TCP buffer pages. */
static long kernel_kb(void)
{
    long slab = proc_field_kb("/proc/meminfo", "Slab"), mem = 0;
    FILE *f = fopen("/proc/net/sockstat", "r");
    char line[256];
    if (f) {
        while (fgets(line, sizeof line, f)) {
            char *p = strstr(line, "TCP:");
            if (p && (p = strstr(line, " mem ")))
                mem = atol(p + 5) * (sysconf(_SC_PAGESIZE) / 1024);
        }
        fclose(f);
    }
    return slab + mem;
}

/* CPU seconds the whole machine has spent, and those stolen from it. */
static double machine_cpu(double *steal)
{
    unsigned long long u = 0, n = 0, sy = 0, id, io, irq = 0, si = 0, st = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f) {
        if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &u, &n, &sy, &id, &io, &irq,
                   &si, &st) != 8)
            u = n = sy = irq = si = st = 0;
        fclose(f);
    }
    *steal = (double)st / g_tick;
    return (double)(u + n + sy + irq + si) / g_tick;
}

static double self_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
           ((double)r.ru_utime.tv_usec + (double)r.ru_stime.tv_usec) / 1e6;
}

/* ----------------------------------------------------------- SAS tokens */

static size_t b64_decode(const char *s, unsigned char *out, size_t cap)
{
    size_t len = strlen(s), pad = 0;
    while (pad < len && s[len - 1 - pad] == '=') pad++;
    if (len % 4 || len / 4 * 3 > cap) die("bad base64 key '%s'", s);
    int n = EVP_DecodeBlock(out, (const unsigned char *)s, (int)len);
    if (n < 0) die("bad base64 key '%s'", s);
    return (size_t)n - pad;
}

static void url_encode(char *dst, size_t cap, const char *s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (; *s && n + 4 < cap; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '-' || c == '_' || c == '.' || c == '~') {
            dst[n++] = (char)c;
        } else {
            dst[n++] = '%';
            dst[n++] = hex[c >> 4];
            dst[n++] = hex[c & 15];
        }
    }
    dst[n] = 0;
}

static void hmac_b64(const char *key_b64, const char *msg, char *out /* >= 48 */)
{
    unsigned char key[256], md[32];
    unsigned mdlen = sizeof md;
    size_t klen = b64_decode(key_b64, key, sizeof key);
    if (!HMAC(EVP_sha256(), key, (int)klen, (const unsigned char *)msg, strlen(msg), md, &mdlen))
        die("HMAC failed");
    EVP_EncodeBlock((unsigned char *)out, md, 32);
}

static char *sas_token(const char *host, const char *device, const char *key_b64, long ttl)
{
    static long expiry;
    char res[512], enc[1024], msg[1100], sig[64], sigenc[256], *tok = NULL;
    if (!expiry) expiry = (long)time(NULL) + ttl;
    snprintf(res, sizeof res, "%s/devices/%s", host, device);
    url_encode(enc, sizeof enc, res);
    snprintf(msg, sizeof msg, "%s\n%ld", enc, expiry);
    hmac_b64(key_b64, msg, sig);
    url_encode(sigenc, sizeof sigenc, sig);
    if (asprintf(&tok, "SharedAccessSignature sr=%s&sig=%s&se=%ld", enc, sigenc, expiry) < 0)
        die("out of memory");
    return tok;
}

struct csv_row {
    char *id, *key;
};
static struct csv_row *csv;
static unsigned csv_n;

static void csv_load(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    unsigned cap = 0;
    if (!f) die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        char *comma = strchr(line, ',');
        if (!comma || line[0] == '#') continue;
        *comma = 0;
        if (csv_n == cap) csv = xrealloc(csv, (cap = cap ? cap * 2 : 1024) * sizeof *csv);
        csv[csv_n].id = strdup(line);
        csv[csv_n++].key = strdup(comma + 1);
    }
    fclose(f);
    if (!csv_n) die("%s: no id,key rows", path);
}

/* %d index, %0Nd zero padded index, %c client id, %h --azure host, %% */
static char *expand(const char *tpl, unsigned index, const char *client, const char *host)
{
    char buf[2048];
    size_t n = 0;
    if (!tpl) return NULL;
    for (const char *p = tpl; *p; p++) {
        if (n + 600 > sizeof buf) die("template too long: %s", tpl);
        if (*p != '%') {
            buf[n++] = *p;
            continue;
        }
        p++;
        if (*p == 'd') {
            n += (size_t)sprintf(buf + n, "%u", index);
        } else if (*p == '0' && p[1] >= '1' && p[1] <= '9' && p[2] == 'd') {
            n += (size_t)sprintf(buf + n, "%0*u", p[1] - '0', index);
            p += 2;
        } else if (*p == 'c' && client) {
            n += (size_t)snprintf(buf + n, 512, "%s", client);
        } else if (*p == 'h' && host) {
            n += (size_t)snprintf(buf + n, 512, "%s", host);
        } else {
            buf[n++] = '%';
            if (*p != '%') p--;
        }
    }
    buf[n] = 0;
    return strdup(buf);
}

/* --------------------------------------------------------- connections */

enum state { ST_NONE, ST_TCP, ST_TLS, ST_UPGRADE, ST_CONNACK, ST_SUBACK, ST_UP, ST_DEAD };

struct slot {
    uint64_t t0;
    uint16_t pid;
}; /* pid 0: free */

struct conn {
    int fd;
    enum state st;
    bool is_sub, blocked, queued, pong;
    unsigned idx;
    uint16_t next_pid;
    unsigned inflight;
    struct slot *slots;
    uint64_t sent, acked; /* messages, whole life */
    uint64_t due;         /* rate mode: may be sent */
    uint64_t sched_seq;   /* rate mode: number within phase */
    uint64_t t_start, t_last;
    SSL *ssl;
    SSL_SESSION *sess;
    char *out;
    size_t out_len, out_off, out_cap;
    char *left; /* partial packet */
    size_t left_len, left_cap;
    unsigned char ws_head[10]; /* --ws: of the frame that is being read */
    unsigned ws_head_len;
    uint64_t ws_left; /* of its payload */
    char *client, *user, *pass, *topic;
    size_t topic_len;
};

static struct conn *conns;
static unsigned nconns;
static int ep;
static SSL_CTX *ctx;
static unsigned slot_mask;
static struct conn **ready; /* ring of connections that may send */
static unsigned ready_head, ready_n;
static volatile sig_atomic_t stop_sig;

static struct {
    uint64_t sent, acked, received, bytes_in;
    uint64_t connected, conn_failed, closed, proto_err, dup_or_gap;
    unsigned connecting, up_pubs, up_subs;
} c;
static struct hist h_ack, h_e2e, h_conn;
static bool measuring, sending;
static uint64_t rt_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
static uint64_t *last_seq; /* --check: per publisher */

static FILE *out;
static char first_error[256];
static void note_error(const char *fmt, ...)
{
    va_list ap;
    if (first_error[0]) return;
    va_start(ap, fmt);
    vsnprintf(first_error, sizeof first_error, fmt, ap);
    va_end(ap);
    for (char *p = first_error; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) *p = '\'';
}

static void conn_close(struct conn *k, bool failed)
{
    if (k->st == ST_NONE || k->st == ST_DEAD) return;
    if (k->st < ST_UP) {
        c.connecting--;
        if (failed) c.conn_failed++;
    } else {
        if (k->is_sub)
            c.up_subs--;
        else
            c.up_pubs--;
        if (failed) c.closed++;
    }
    if (k->ssl) {
        if (!failed) {
            SSL_set_quiet_shutdown(k->ssl, 0);
            SSL_shutdown(k->ssl);
        }
        SSL_free(k->ssl);
        k->ssl = NULL;
        ERR_clear_error();
    }
    close(k->fd);
    k->fd = -1;
    k->st = ST_DEAD;
    k->out_len = k->out_off = k->left_len = 0;
    k->ws_head_len = 0;
    k->ws_left = 0;
    k->blocked = false;
}

static void conn_fail(struct conn *k, const char *what)
{
    note_error("%s (client %s, state %d)", what, k->client, k->st);
    conn_close(k, true);
}

/* Returns bytes taken, 0 if it would block, -1 if the connection is gone. */
static ssize_t raw_write(struct conn *k, const char *p, size_t n)
{
    if (k->ssl) {
        int r = SSL_write(k->ssl, p, (int)MIN(n, (size_t)1 << 30));
        if (r > 0) return r;
        int e = SSL_get_error(k->ssl, r);
        if (e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ) return 0;
        return -1;
    }
    ssize_t r = send(k->fd, p, n, MSG_NOSIGNAL);
    if (r >= 0) return r;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

static void conn_write(struct conn *k, const char *p, size_t n)
{
    if (k->st == ST_DEAD) return;
    k->t_last = now_ns();
    if (!k->blocked) {
        while (n) {
            ssize_t r = raw_write(k, p, n);
            if (r < 0) {
                conn_fail(k, "write failed");
                return;
            }
            if (r == 0) {
                k->blocked = true;
                break;
            }
            p += r;
            n -= (size_t)r;
        }
    }
    if (n) {
        if (k->out_len + n > k->out_cap) {
            k->out_cap = (k->out_len + n) * 2;
            k->out = xrealloc(k->out, k->out_cap);
        }
        memcpy(k->out + k->out_len, p, n);
        k->out_len += n;
    }
}

/* ------------------------------------------------- WebSocket: RFC 6455 */

/* Packets: with --ws in one binary frame, masked as from a client. */
static void mqtt_write(struct conn *k, const char *p, size_t n)
{
    static char *frame;
    static size_t cap;
    static uint32_t key = 0x9e3779b9;
    if (!o.ws) {
        conn_write(k, p, n);
        return;
    }
    if (n + 14 > cap) frame = xrealloc(frame, cap = (n + 14) * 2);
    size_t h = 2;
    frame[0] = (char)0x82;
    if (n < 126) {
        frame[1] = (char)(0x80 | n);
    } else if (n < 65536) {
        frame[1] = (char)(0x80 | 126);
        frame[h++] = (char)(n >> 8);
        frame[h++] = (char)n;
    } else {
        frame[1] = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8) frame[h++] = (char)((uint64_t)n >> shift);
    }
    key = key * 1664525 + 1013904223;
    memcpy(frame + h, &key, 4);
    const char *m = frame + h;
    char *to = frame + h + 4;
    for (size_t i = 0; i < n; i++) to[i] = (char)(p[i] ^ m[i & 3]);
    conn_write(k, frame, h + 4 + n);
}

static void send_upgrade(struct conn *k)
{
    char text[400];
    k->st = ST_UPGRADE;
    int n = snprintf(text, sizeof text,
                     "GET /$iothub/websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: bXF0dGxvYWQgLS13cy4uLg==\r\n"
                     "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
                     o.sni ? o.sni : o.host);
    conn_write(k, text, (size_t)n);
}

static unsigned ws_head_size(const struct conn *k)
{
    if (k->ws_head_len < 2) return 2;
    unsigned len = k->ws_head[1];
    return len < 126 ? 2 : len == 126 ? 4 : 10;
}

static uint64_t ws_payload(const struct conn *k)
{
    unsigned size = ws_head_size(k);
    if (size == 2) return k->ws_head[1];
    uint64_t len = 0;
    for (unsigned i = 2; i < size; i++) len = len << 8 | k->ws_head[i];
    return len;
}

/* Takes the heads of frames out of what was read; returns what is left, or -1 on a frame that is not
 * binary. */
static ssize_t ws_strip(struct conn *k, char *p, size_t n)
{
    size_t from = 0, to = 0;
    while (from < n) {
        if (k->ws_left) {
            size_t len = MIN(n - from, k->ws_left);
            memmove(p + to, p + from, len);
            from += len;
            to += len;
            k->ws_left -= len;
            continue;
        }
        k->ws_head[k->ws_head_len++] = (unsigned char)p[from++];
        if (k->ws_head_len < ws_head_size(k)) continue;
        if (k->ws_head[0] != 0x82) return -1;
        k->ws_left = ws_payload(k);
        k->ws_head_len = 0;
    }
    return (ssize_t)to;
}

static void make_ready(struct conn *k)
{
    if (!k->queued && k->st == ST_UP && !k->is_sub) {
        k->queued = true;
        ready[(ready_head + ready_n++) % nconns] = k;
    }
}

static void conn_flush(struct conn *k)
{
    while (k->out_off < k->out_len) {
        ssize_t r = raw_write(k, k->out + k->out_off, k->out_len - k->out_off);
        if (r < 0) {
            conn_fail(k, "write failed");
            return;
        }
        if (r == 0) {
            k->blocked = true;
            return;
        }
        k->out_off += (size_t)r;
    }
    k->out_off = k->out_len = 0;
    if (k->blocked) {
        k->blocked = false;
        if (sending) make_ready(k);
    }
}

/* ------------------------------------------------------------- packets */

static size_t put_len(char *p, size_t n)
{
    size_t i = 0;
    do {
        p[i] = (char)(n & 127);
        if (n >>= 7) p[i] |= (char)128;
        i++;
    } while (n);
    return i;
}

static size_t put_str(char *p, const char *s)
{
    size_t n = strlen(s);
    p[0] = (char)(n >> 8);
    p[1] = (char)n;
    memcpy(p + 2, s, n);
    return n + 2;
}

static void send_connect(struct conn *k)
{
    char body[4096], hdr[8];
    size_t n = 0;
    if (strlen(k->client) + (k->user ? strlen(k->user) : 0) + (k->pass ? strlen(k->pass) : 0) >
        3500)
        die("CONNECT too long");
    n += put_str(body, "MQTT");
    body[n++] = 4;
    body[n++] = (char)((o.persistent ? 0 : 2) | (k->user ? 0x80 : 0) | (k->pass ? 0x40 : 0));
    body[n++] = (char)(o.keepalive >> 8);
    body[n++] = (char)o.keepalive;
    n += put_str(body + n, k->client);
    if (k->user) n += put_str(body + n, k->user);
    if (k->pass) n += put_str(body + n, k->pass);
    hdr[0] = 0x10;
    size_t h = 1 + put_len(hdr + 1, n);
    char pkt[4200];
    memcpy(pkt, hdr, h);
    memcpy(pkt + h, body, n);
    k->st = ST_CONNACK;
    mqtt_write(k, pkt, h + n);
}

struct filter {
    const char *text; /* a template */
    int qos;
};

/* All that a device of Azure's SDKs listens to. The C SDK asks for desired properties again when it
 * has the first twin. */
static const struct filter azure_filters[] = {
    {"devices/%c/messages/devicebound/#", 1}, /* the only one that QoS 1 is asked for */
    {"$iothub/twin/res/#", 0},
    {"$iothub/twin/PATCH/properties/desired/#", 0},
    {"$iothub/methods/POST/#", 0},
    {"$iothub/twin/PATCH/properties/desired/#", 0}, /* once more */
};

/* As many, as long and none of them shared, for a broker that knows nothing of Azure's. */
static const struct filter plain_filters[] = {
    {"load/%c/messages/devicebound/#", 1},
    {"load/%c/twin/res/#", 0},
    {"load/%c/twin/properties/desired/#", 0},
    {"load/%c/methods/POST/#", 0},
    {"load/%c/inputs/#", 0},
};

#define SUBSCRIPTIONS_MAX (sizeof azure_filters / sizeof *azure_filters)
_Static_assert(sizeof plain_filters == sizeof azure_filters, "as many of either kind");

static void send_subscribe(struct conn *k, const struct filter *filters, size_t count)
{
    char body[4096], pkt[4104];
    size_t n = 0;
    body[n++] = 0;
    body[n++] = 1;
    for (size_t i = 0; i < count; i++) {
        char *text = expand(filters[i].text, k->idx + o.index_base, k->client, o.azure_host);
        if (n + strlen(text) + 3 > sizeof body) die("SUBSCRIBE too long");
        n += put_str(body + n, text);
        body[n++] = (char)filters[i].qos;
        free(text);
    }
    pkt[0] = (char)0x82;
    size_t h = 1 + put_len(pkt + 1, n);
    memcpy(pkt + h, body, n);
    k->st = ST_SUBACK;
    mqtt_write(k, pkt, h + n);
}

static void subscribe(struct conn *k)
{
    if (k->is_sub)
        send_subscribe(k, &(struct filter){o.sub_topic, o.sub_qos}, 1);
    else
        send_subscribe(k, o.azure_host ? azure_filters : plain_filters, o.subscriptions);
}

/* Two bytes of the id, then a byte for each filter. */
static bool all_granted(const char *p, size_t n)
{
    for (size_t i = 2; i < n; i++)
        if ((unsigned char)p[i] == 0x80) return false;
    return n >= 3;
}

static char *payload;
static size_t pl_ts, pl_dev, pl_seq; /* offsets of the variable digits, 0: none */
#define TS_DIGITS  19
#define DEV_DIGITS 7
#define SEQ_DIGITS 10

static void put_digits(char *p, uint64_t v, int n)
{
    while (n--) {
        p[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

static uint64_t get_digits(const char *p, int n)
{
    uint64_t v = 0;
    while (n--) {
        if (*p < '0' || *p > '9') return 0;
        v = v * 10 + (uint64_t)(*p++ - '0');
    }
    return v;
}

static void payload_init(void)
{
    payload = xcalloc(o.size + 512, 1);
    int n = sprintf(payload,
                    "{\"ts\":%0*d,\"dev\":\"%0*d\",\"seq\":\"%0*d\",\"temperature\":21.37,"
                    "\"humidity\":48.25,\"pressure\":1013.2,\"status\":\"ok\",\"pad\":\"",
                    TS_DIGITS, 0, DEV_DIGITS, 0, SEQ_DIGITS, 0);
    if ((unsigned)n + 2 <= o.size) {
        pl_ts = 6;
        pl_dev = 6 + TS_DIGITS + 8;
        pl_seq = pl_dev + DEV_DIGITS + 9;
        for (unsigned i = (unsigned)n; i < o.size - 2; i++)
            payload[i] = (char)('a' + (i * 7 + i / 26) % 26);
        memcpy(payload + o.size - 2, "\"}", 2);
    } else {
        memset(payload, 'x', o.size);
    }
}

static char *sendbuf;
static size_t sendbuf_cap;

/* Appends one PUBLISH to the send buffer at off; returns the new offset. */
static size_t add_publish(struct conn *k, size_t off, uint64_t t0)
{
    size_t rem = 2 + k->topic_len + (o.qos ? 2 : 0) + o.size;
    if (off + rem + 8 > sendbuf_cap) sendbuf = xrealloc(sendbuf, sendbuf_cap = (off + rem + 8) * 2);
    char *p = sendbuf + off;
    *p++ = (char)(0x30 | o.qos << 1 | (o.retain ? 1 : 0));
    p += put_len(p, rem);
    *p++ = (char)(k->topic_len >> 8);
    *p++ = (char)k->topic_len;
    memcpy(p, k->topic, k->topic_len);
    p += k->topic_len;
    if (o.qos) {
        uint16_t pid = k->next_pid;
        struct slot *s = &k->slots[pid & slot_mask];
        s->pid = pid;
        s->t0 = t0;
        k->next_pid = pid == 65535 ? 1 : (uint16_t)(pid + 1);
        k->inflight++;
        *p++ = (char)(pid >> 8);
        *p++ = (char)pid;
    }
    memcpy(p, payload, o.size);
    if (pl_ts) {
        put_digits(p + pl_ts, t0 + rt_offset, TS_DIGITS);
        put_digits(p + pl_dev, k->idx, DEV_DIGITS);
        put_digits(p + pl_seq, k->sent, SEQ_DIGITS);
    }
    k->sent++;
    c.sent++;
    return (size_t)(p - sendbuf) + o.size;
}

static bool may_send(const struct conn *k)
{
    if (k->blocked || k->st != ST_UP) return false;
    if (!o.qos) return true;
    return k->inflight < o.window && !k->slots[k->next_pid & slot_mask].pid;
}

static uint64_t phase_start, phase_limit, phase_sent; /* limit: messages, 0 none */
static double slot_ns;                                /* rate mode: time between messages */

/* Sends what the connection may send now.  Returns true if it could send more. */
static bool pump(struct conn *k)
{
    size_t off = 0;
    unsigned n = 0, max = o.qos ? o.window : o.batch;
    bool more = false;
    uint64_t t = now_ns();
    while (may_send(k)) {
        uint64_t t0 = t;
        if (phase_limit && phase_sent >= phase_limit) break;
        if (n == max) {
            more = true;
            break;
        }
        if (o.rate > 0) {
            if (!k->due) break;
            /* from the time it was to be sent, so that a stall counts */
            t0 = phase_start + (uint64_t)((double)(k->sched_seq * o.pubs + (k->idx)) * slot_ns);
            k->due--;
            k->sched_seq++;
        }
        off = add_publish(k, off, t0);
        phase_sent++;
        n++;
    }
    if (off) mqtt_write(k, sendbuf, off);
    return more && !k->blocked && k->st == ST_UP;
}

static void on_publish(struct conn *k, const char *p, size_t n, int qos)
{
    if (n < 2) {
        c.proto_err++;
        return;
    }
    size_t tl = (size_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
    size_t h = 2 + tl + (qos ? 2 : 0);
    if (h > n) {
        c.proto_err++;
        return;
    }
    c.received++;
    if (qos == 1 && o.ws) {
        char ack[4] = {0x40, 2, p[2 + tl], p[3 + tl]};
        mqtt_write(k, ack, 4);
    } else if (qos == 1) {
        char ack[4] = {0x40, 2, p[2 + tl], p[3 + tl]};
        /* sent by conn_read(), all acks of one read together */
        if (k->out_len + 4 > k->out_cap)
            k->out = xrealloc(k->out, k->out_cap = (k->out_cap ? k->out_cap * 2 : 4096));
        memcpy(k->out + k->out_len, ack, 4);
        k->out_len += 4;
    }
    const char *b = p + h;
    if (pl_ts && n - h == o.size && !memcmp(b, "{\"ts\":", 6)) {
        uint64_t ts = get_digits(b + pl_ts, TS_DIGITS);
        uint64_t t = now_ns() + rt_offset;
        if (measuring && ts && t >= ts) hist_add(&h_e2e, t - ts);
        if (o.check) {
            uint64_t d = get_digits(b + pl_dev, DEV_DIGITS), s = get_digits(b + pl_seq, SEQ_DIGITS);
            if (d < o.pubs) {
                uint64_t *ls = &last_seq[(size_t)k->idx * o.pubs + d];
                if (s != *ls) c.dup_or_gap++;
                *ls = s + 1;
            }
        }
    }
}

static void conn_up(struct conn *k)
{
    k->st = ST_UP;
    c.connecting--;
    c.connected++;
    if (k->is_sub)
        c.up_subs++;
    else
        c.up_pubs++;
    hist_add(&h_conn, now_ns() - k->t_start);
    if (k->ssl && o.resume) {
        SSL_SESSION *s = SSL_get1_session(k->ssl);
        SSL_SESSION_free(k->sess);
        k->sess = s;
    }
}

static void on_packet(struct conn *k, unsigned char h, const char *p, size_t n)
{
    switch (h >> 4) {
    case 2:
        if (k->st != ST_CONNACK || n < 2) {
            c.proto_err++;
        } else if (p[1]) {
            char m[64];
            snprintf(m, sizeof m, "CONNACK code %d", p[1]);
            conn_fail(k, m);
        } else if (k->is_sub || o.subscriptions) {
            subscribe(k);
        } else {
            conn_up(k);
        }
        break;
    case 9:
        if (k->st == ST_SUBACK && all_granted(p, n))
            conn_up(k);
        else
            conn_fail(k, "SUBSCRIBE refused");
        break;
    case 3: on_publish(k, p, n, h >> 1 & 3); break;
    case 4: {
        if (n < 2) {
            c.proto_err++;
            break;
        }
        uint16_t pid = (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
        struct slot *s = k->slots ? &k->slots[pid & slot_mask] : NULL;
        if (!s || s->pid != pid || !pid) {
            c.proto_err++;
            note_error("PUBACK for unknown id %u", pid);
            break;
        }
        if (measuring) {
            uint64_t t = now_ns();
            hist_add(&h_ack, t > s->t0 ? t - s->t0 : 0);
        }
        s->pid = 0;
        k->inflight--;
        k->acked++;
        c.acked++;
        if (sending) make_ready(k);
        break;
    }
    case 13: k->pong = true; break;
    default: c.proto_err++; note_error("unexpected packet type %d", h >> 4);
    }
}

/* Eats whole packets; returns the bytes eaten. */
static size_t parse(struct conn *k, const char *p, size_t n)
{
    size_t off = 0;
    while (n - off >= 2 && k->st != ST_DEAD) {
        size_t len = 0, i = 1;
        unsigned shift = 0;
        for (;; i++) {
            if (i > 4) {
                conn_fail(k, "bad length");
                return n;
            }
            if (off + i >= n) return off;
            len |= (size_t)(p[off + i] & 127) << shift;
            shift += 7;
            if (!(p[off + i] & 128)) break;
        }
        i++;
        if (n - off - i < len) return off;
        on_packet(k, (unsigned char)p[off], p + off + i, len);
        off += i + len;
    }
    return off;
}

static char rbuf[1024 * 1024];

static void begin_mqtt(struct conn *k)
{
    if (o.ws)
        send_upgrade(k);
    else
        send_connect(k);
}

/* Nothing follows the answer: the server waits for us. */
static size_t on_upgrade_answer(struct conn *k, const char *p, size_t n)
{
    if (n < 4 || memcmp(p + n - 4, "\r\n\r\n", 4) != 0) return 0;
    if (memcmp(p, "HTTP/1.1 101 ", 13) != 0)
        conn_fail(k, "the upgrade was refused");
    else
        send_connect(k);
    return n;
}

static void conn_read(struct conn *k)
{
    for (;;) {
        size_t have = k->left_len;
        if (have > sizeof rbuf / 2) {
            conn_fail(k, "packet too large");
            return;
        }
        if (have) memcpy(rbuf, k->left, have);
        k->left_len = 0;
        size_t room = k->ssl ? 16384 : sizeof rbuf - have;
        ssize_t r;
        bool again = false;
        if (k->ssl) {
            r = SSL_read(k->ssl, rbuf + have, (int)room);
            if (r <= 0) {
                int e = SSL_get_error(k->ssl, (int)r);
                if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
                    r = 0;
                    again = true;
                } else {
                    r = -1;
                }
            }
        } else {
            r = recv(k->fd, rbuf + have, room, 0);
            if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
                r = 0;
                again = true;
            } else if (r == 0) {
                r = -1;
            }
        }
        if (r < 0) {
            conn_fail(k, k->st < ST_UP ? "closed by server while connecting" : "closed by server");
            return;
        }
        c.bytes_in += (uint64_t)r;
        bool full = (size_t)r == room;
        if (k->st > ST_UPGRADE && o.ws && (r = ws_strip(k, rbuf + have, (size_t)r)) < 0) {
            conn_fail(k, "a frame that is not binary");
            return;
        }
        size_t total = have + (size_t)r;
        size_t used = again && !r           ? 0
                      : k->st == ST_UPGRADE ? on_upgrade_answer(k, rbuf, total)
                                            : parse(k, rbuf, total);
        if (k->st == ST_DEAD) return;
        if (used < total) {
            size_t rest = total - used;
            if (rest > k->left_cap) k->left = xrealloc(k->left, k->left_cap = rest * 2);
            memmove(k->left, rbuf + used, rest);
            k->left_len = rest;
        }
        if (k->is_sub && k->out_len > k->out_off && !k->blocked) conn_flush(k);
        if (k->st == ST_DEAD || again || (!k->ssl && !full)) return;
    }
}

static void tls_step(struct conn *k)
{
    int r = SSL_do_handshake(k->ssl);
    if (r == 1) {
        begin_mqtt(k);
        return;
    }
    int e = SSL_get_error(k->ssl, r);
    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) {
        char m[200];
        unsigned long er = ERR_get_error();
        snprintf(m, sizeof m, "TLS handshake failed: %s",
                 er ? ERR_reason_error_string(er) : "closed");
        conn_fail(k, m);
    }
}

static struct sockaddr_in server_addr;
static uint64_t conn_serial;

static void conn_start(struct conn *k)
{
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0) die("socket: %s (raise ulimit -n?)", strerror(errno));
    int one = 1;
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (o.mode == MODE_PUB) {
        int sz = 64 * 1024; /* bounds what a slow server lets pile up */
        setsockopt(k->fd, SOL_SOCKET, SO_SNDBUF, &sz, sizeof sz);
    }
    if (o.src_ips > 1) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        a.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(conn_serial++ % o.src_ips));
        setsockopt(k->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(k->fd, (struct sockaddr *)&a, sizeof a)) die("bind: %s", strerror(errno));
    }
    k->t_start = k->t_last = now_ns();
    k->st = ST_TCP;
    k->blocked = false;
    c.connecting++;
    if (connect(k->fd, (struct sockaddr *)&server_addr, sizeof server_addr) &&
        errno != EINPROGRESS) {
        conn_fail(k, strerror(errno));
        return;
    }
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = k};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, k->fd, &ev)) die("epoll_ctl: %s", strerror(errno));
}

static void on_event(struct conn *k, uint32_t ev)
{
    if (k->st == ST_DEAD || k->st == ST_NONE) return;
    if (k->st == ST_TCP) {
        int err = 0;
        socklen_t l = sizeof err;
        if (!(ev & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
        getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &err, &l);
        if (err) {
            conn_fail(k, strerror(err));
            return;
        }
        if (o.tls) {
            k->ssl = SSL_new(ctx);
            SSL_set_fd(k->ssl, k->fd);
            SSL_set_connect_state(k->ssl);
            if (o.sni) SSL_set_tlsext_host_name(k->ssl, o.sni);
            if (k->sess) SSL_set_session(k->ssl, k->sess);
            if (o.cert) {
                char *cf = expand(o.cert, k->idx + o.index_base, k->client, o.azure_host);
                char *kf =
                    expand(o.key ? o.key : o.cert, k->idx + o.index_base, k->client, o.azure_host);
                if (SSL_use_certificate_file(k->ssl, cf, SSL_FILETYPE_PEM) != 1 ||
                    SSL_use_PrivateKey_file(k->ssl, kf, SSL_FILETYPE_PEM) != 1)
                    die("cannot load client certificate %s / key %s", cf, kf);
                free(cf);
                free(kf);
            }
            k->st = ST_TLS;
        } else {
            begin_mqtt(k);
        }
    }
    if (k->st == ST_TLS) {
        tls_step(k);
        if (k->st == ST_TLS || k->st == ST_DEAD) return;
    }
    if (ev & EPOLLOUT && k->st != ST_DEAD) conn_flush(k);
    if (ev & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && k->st != ST_DEAD) conn_read(k);
}

static void poll_once(uint64_t wait_ns)
{
    struct epoll_event ev[512];
    struct timespec ts = {(time_t)(wait_ns / NSEC), (long)(wait_ns % NSEC)};
    int n = epoll_pwait2(ep, ev, 512, &ts, NULL);
    for (int i = 0; i < n; i++) on_event(ev[i].data.ptr, ev[i].events);
}

/* Keeps quiet connections alive; cheap enough once a second. */
static void keepalive_sweep(void)
{
    static uint64_t last;
    uint64_t t = now_ns();
    if (!o.keepalive || t - last < NSEC) return;
    last = t;
    for (unsigned i = 0; i < nconns; i++) {
        struct conn *k = &conns[i];
        if (k->st == ST_UP && t - k->t_last > (uint64_t)o.keepalive * NSEC * 3 / 4)
            mqtt_write(k, "\xc0\x00", 2);
    }
}

/* Opens conns[from..to) with bounded parallelism and waits until all are up or failed. */
static double open_range(unsigned from, unsigned to)
{
    uint64_t t0 = now_ns(), deadline = t0 + (uint64_t)(o.conn_timeout * 1e9);
    unsigned next = from;
    while ((next < to || c.connecting) && !stop_sig) {
        uint64_t t = now_ns();
        while (next < to && c.connecting < o.parallel &&
               (o.conn_rate <= 0 || (double)(next - from) / o.conn_rate * 1e9 <= (double)(t - t0)))
            conn_start(&conns[next++]);
        poll_once(o.conn_rate > 0 ? NSEC / 1000 : NSEC / 10);
        keepalive_sweep();
        if (now_ns() > deadline) {
            note_error("timed out while connecting");
            break;
        }
    }
    return (double)(now_ns() - t0) / 1e9;
}

/* --------------------------------------------------------- publish mode */

struct snap {
    uint64_t t, sent, acked, received;
    double cpu, self, all, steal;
};

static struct snap snap(void)
{
    struct snap s = {now_ns(), c.sent, c.acked, c.received, server_cpu(), self_cpu(), 0, 0};
    s.all = machine_cpu(&s.steal);
    return s;
}

/* What the rest of the machine took away: a run with much of it tells little but CPU seconds. */
static void json_noise(const struct snap *a, const struct snap *b)
{
    double secs = (double)(b->t - a->t) / 1e9;
    double other = (b->all - a->all) - (b->cpu - a->cpu) - (b->self - a->self);
    fprintf(out, ",\"gen_cores\":%.2f,\"other_cores\":%.2f,\"steal_cores\":%.3f",
            (b->self - a->self) / secs, other > 0 ? other / secs : 0, (b->steal - a->steal) / secs);
}

/*
 * A barrier: every publisher waits for its acknowledgements and for the answer to a PINGREQ, so that
 * nothing which was sent is still in a socket buffer.  Then subscribers get what is on its way.
 */
static bool barrier(uint64_t expect_received)
{
    uint64_t deadline = now_ns() + 60 * NSEC;
    bool ok = true;
    for (unsigned i = 0; i < nconns; i++) {
        struct conn *k = &conns[i];
        k->pong = false;
        if (!k->is_sub && k->st == ST_UP) mqtt_write(k, "\xc0\x00", 2);
    }
    for (unsigned i = o.subs; i < nconns; i++) {
        struct conn *k = &conns[i];
        while (k->st == ST_UP && (!k->pong || k->inflight) && !stop_sig) {
            poll_once(NSEC / 20);
            if (now_ns() > deadline) {
                note_error("barrier timed out: %u unacknowledged on %s", k->inflight, k->client);
                return false;
            }
        }
    }
    uint64_t last = c.received, tl = now_ns();
    while (o.subs && c.received < expect_received && !stop_sig) {
        poll_once(NSEC / 20);
        if (c.received != last) {
            last = c.received;
            tl = now_ns();
        } else if (now_ns() - tl > (uint64_t)(o.sub_wait * 1e9)) {
            note_error("subscribers got %" PRIu64 " of %" PRIu64, c.received, expect_received);
            ok = false;
            break;
        }
    }
    return ok;
}

static uint64_t recv_per_msg(void)
{
    return strstr(o.sub_topic, "$share/") ? 1 : o.subs;
}

static void phase(double seconds, uint64_t messages)
{
    uint64_t k = 0, next_note = 0;
    phase_start = now_ns();
    phase_limit = messages;
    phase_sent = 0;
    sending = true;
    uint64_t end = messages ? UINT64_MAX : phase_start + (uint64_t)(seconds * 1e9);
    for (unsigned i = o.subs; i < nconns; i++) {
        conns[i].due = conns[i].sched_seq = 0;
        if (o.rate <= 0) make_ready(&conns[i]);
    }
    while (!stop_sig && c.up_pubs) {
        uint64_t t = now_ns();
        if (t >= end || (messages && phase_sent >= messages)) break;
        uint64_t wait = NSEC / 100;
        if (o.rate > 0) {
            /* message number k belongs to publisher k mod pubs */
            while ((double)k * slot_ns <= (double)(t - phase_start)) {
                struct conn *cn = &conns[o.subs + k % o.pubs];
                cn->due++;
                make_ready(cn);
                k++;
            }
            if (!ready_n) {
                uint64_t due = phase_start + (uint64_t)((double)k * slot_ns);
                t = now_ns();
                wait = due > t ? MIN(due - t, NSEC / 100) : 0;
            }
        }
        poll_once(ready_n ? 0 : wait);
        for (unsigned n = ready_n; n; n--) {
            struct conn *cn = ready[ready_head];
            ready_head = (ready_head + 1) % nconns;
            ready_n--;
            cn->queued = false;
            if (pump(cn)) make_ready(cn);
        }
        keepalive_sweep();
        if (!o.quiet && t > next_note) {
            if (next_note)
                fprintf(stderr, "  %.1fs sent %" PRIu64 " acked %" PRIu64 " received %" PRIu64 "\n",
                        (double)(t - phase_start) / 1e9, c.sent, c.acked, c.received);
            next_note = t + NSEC;
        }
    }
    sending = false;
    while (ready_n) {
        ready[ready_head]->queued = false;
        ready_head = (ready_head + 1) % nconns;
        ready_n--;
    }
}

static void json_head(const char *mode)
{
    fprintf(out, "{\"label\":\"%s\",\"mode\":\"%s\",\"host\":\"%s\",\"port\":%d,\"tls\":%d",
            o.label, mode, o.host, o.port, o.tls);
    if (o.tls)
        for (unsigned i = 0; i < nconns; i++)
            if (conns[i].ssl) {
                fprintf(out, ",\"tls_version\":\"%s\",\"cipher\":\"%s\"",
                        SSL_get_version(conns[i].ssl), SSL_get_cipher_name(conns[i].ssl));
                break;
            }
}

static void json_tail(void)
{
    fprintf(out,
            ",\"conn_failed\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"proto_err\":%" PRIu64
            ",\"first_error\":\"%s\"}\n",
            c.conn_failed, c.closed, c.proto_err, first_error);
    fflush(out);
}

static int run_pub(void)
{
    long rss0 = server_rss_kb();
    double tc = open_range(0, o.subs);
    tc += open_range(o.subs, nconns);
    if (c.up_subs != o.subs || c.up_pubs != o.pubs)
        fprintf(stderr, "mqttload: only %u/%u subscribers and %u/%u publishers are up: %s\n",
                c.up_subs, o.subs, c.up_pubs, o.pubs, first_error);
    if (!c.up_pubs) return 1;
    if (o.rate > 0) slot_ns = 1e9 / o.rate;
    bool ok = true;
    if (o.warmup > 0) {
        phase(o.warmup, 0);
        ok = barrier(c.sent * recv_per_msg());
    }
    uint64_t miss0 = c.sent * recv_per_msg() - c.received;
    measuring = true;
    struct snap a = snap();
    phase(o.duration, o.messages);
    struct snap m = snap();
    ok &= barrier(c.sent * recv_per_msg() - (o.subs ? miss0 : 0));
    struct snap b = snap();
    double secs = (double)(b.t - a.t) / 1e9, cpu = b.cpu - a.cpu;
    uint64_t sent = b.sent - a.sent, acked = b.acked - a.acked, rcv = b.received - a.received;
    uint64_t done = o.qos ? acked : sent;
    json_head("pub");
    fprintf(out,
            ",\"pubs\":%u,\"subs\":%u,\"qos\":%d,\"sub_qos\":%d,\"size\":%u,\"window\":%u,"
            "\"batch\":%u,\"rate_target\":%.0f",
            o.pubs, o.subs, o.qos, o.sub_qos, o.size, o.window, o.batch, o.rate);
    fprintf(out,
            ",\"seconds\":%.3f,\"send_seconds\":%.3f,\"sent\":%" PRIu64 ",\"acked\":%" PRIu64
            ",\"received\":%" PRIu64 ",\"rate\":%.0f",
            secs, (double)(m.t - a.t) / 1e9, sent, acked, rcv, (double)done / secs);
    if (o.subs)
        fprintf(out, ",\"recv_rate\":%.0f,\"expected\":%" PRIu64, (double)rcv / secs,
                sent * recv_per_msg());
    if (o.npids)
        fprintf(out,
                ",\"server_cpu_s\":%.2f,\"server_cores\":%.2f,\"cpu_s_per_million\":%.3f,\"rss_"
                "before_kb\":%ld,\"rss_after_kb\":%ld",
                cpu, cpu / secs, done ? cpu / (double)done * 1e6 : 0, rss0, server_rss_kb());
    json_noise(&a, &b);
    fprintf(out, ",\"connect_s\":%.2f", tc);
    if (o.check) fprintf(out, ",\"dup_or_gap\":%" PRIu64, c.dup_or_gap);
    hist_json(out, "ack_us", &h_ack);
    hist_json(out, "e2e_us", &h_e2e);
    hist_json(out, "connect_us", &h_conn);
    json_tail();
    if (o.acked_log) {
        FILE *f = fopen(o.acked_log, "w");
        if (!f) die("%s: %s", o.acked_log, strerror(errno));
        for (unsigned i = o.subs; i < nconns; i++)
            fprintf(f, "%s,%u,%" PRIu64 ",%" PRIu64 "\n", conns[i].client, conns[i].idx,
                    conns[i].sent, conns[i].acked);
        fclose(f);
    }
    return ok && !c.closed && !c.conn_failed && !c.proto_err ? 0 : 1;
}

/* --------------------------------------------------------- connect mode */

static int run_connect(void)
{
    struct snap a = {0};
    uint64_t t0 = now_ns(), tm = 0, done0 = 0, fail0 = 0;
    uint64_t start_measure = t0 + (uint64_t)(o.warmup * 1e9),
             end = start_measure + (uint64_t)(o.duration * 1e9);
    uint64_t started = 0;
    char version[64] = "", cipher[64] = "";
    uint64_t resumed = 0;
    for (unsigned i = 0; i < nconns; i++) conns[i].st = ST_DEAD;
    for (;;) {
        uint64_t t = now_ns();
        if (!tm && t >= start_measure) {
            tm = t;
            a = snap();
            done0 = c.connected;
            fail0 = c.conn_failed;
            resumed = 0;
            hist_reset(&h_conn);
        }
        if (t >= end || stop_sig) break;
        for (unsigned i = 0; i < nconns; i++) {
            struct conn *k = &conns[i];
            if (k->st == ST_UP) {
                if (k->ssl) {
                    if (!version[0]) {
                        snprintf(version, sizeof version, "%s", SSL_get_version(k->ssl));
                        snprintf(cipher, sizeof cipher, "%s", SSL_get_cipher_name(k->ssl));
                    }
                    resumed += (uint64_t)SSL_session_reused(k->ssl);
                }
                mqtt_write(k, "\xe0\x00", 2);
                conn_close(k, false);
            }
            if (k->st == ST_DEAD &&
                (o.conn_rate <= 0 || (double)started / o.conn_rate * 1e9 <= (double)(t - t0))) {
                started++;
                conn_start(k);
            }
        }
        poll_once(NSEC / 1000);
        if (c.conn_failed - fail0 > 1000 && c.connected == done0) {
            fprintf(stderr, "mqttload: no connection succeeds: %s\n", first_error);
            return 1;
        }
    }
    struct snap b = snap();
    double secs = (double)(b.t - a.t) / 1e9, cpu = b.cpu - a.cpu;
    uint64_t done = c.connected - done0;
    json_head("connect");
    fprintf(out,
            ",\"tls_version\":\"%s\",\"cipher\":\"%s\",\"parallel\":%u,\"seconds\":%.3f,"
            "\"connections\":%" PRIu64 ",\"resumed\":%" PRIu64 ",\"conn_per_s\":%.0f",
            version, cipher, o.pubs, secs, done, resumed, (double)done / secs);
    if (o.npids)
        fprintf(out, ",\"server_cpu_s\":%.2f,\"server_cores\":%.2f,\"cpu_us_per_conn\":%.1f", cpu,
                cpu / secs, done ? cpu / (double)done * 1e6 : 0);
    json_noise(&a, &b);
    hist_json(out, "connect_us", &h_conn);
    json_tail();
    return done ? 0 : 1;
}

/* ------------------------------------------------------------ idle mode */

static int run_idle(void)
{
    long rss0 = server_rss_kb(), ker0 = kernel_kb();
    double cpu0 = server_cpu();
    double t = open_range(0, nconns);
    double cpu_up = server_cpu(), cpu1 = cpu_up;
    if (o.messages) {
        phase(0, o.messages);
        barrier(0);
        cpu1 = server_cpu();
    }
    uint64_t end = now_ns() + (uint64_t)(o.hold * 1e9);
    while (now_ns() < end && !stop_sig) {
        poll_once(NSEC / 10);
        keepalive_sweep();
    }
    double cpu2 = server_cpu();
    long rss1 = server_rss_kb(), ker1 = kernel_kb();
    unsigned up = c.up_pubs + c.up_subs;
    json_head("idle");
    fprintf(out,
            ",\"conns\":%u,\"up\":%u,\"subscriptions\":%u,\"connect_s\":%.2f,\"conn_per_s\":%.0f",
            nconns, up, o.subscriptions, t, (double)up / t);
    if (o.npids && up)
        fprintf(out,
                ",\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"rss_bytes_per_conn\":%.0f,\"connect_"
                "cpu_us\":%.1f,\"hold_cores\":%.4f",
                rss0, rss1, (double)(rss1 - rss0) * 1024 / up, (cpu_up - cpu0) / up * 1e6,
                (cpu2 - cpu1) / o.hold);
    if (up)
        fprintf(out, ",\"kernel_bytes_per_conn_both_ends\":%.0f",
                (double)(ker1 - ker0) * 1024 / up);
    hist_json(out, "connect_us", &h_conn);
    json_tail();
    return up == nconns ? 0 : 1;
}

/* ----------------------------------------------------------------- main */

static void on_signal(int s)
{
    (void)s;
    stop_sig = 1;
}

static void usage(void)
{
    puts("usage: mqttload [options]                      (see README.md)\n"
         "  --mode pub|connect|idle   --label TEXT   --json FILE (append)   --quiet\n"
         "  --host ADDR  --port N  --src-ips N  --pin CPU  --server-pid PID[,PID...]\n"
         "publishers: -c N  --index-base N  --qos 0|1  --size BYTES  --window N  --batch N  --rate "
         "MSG/S\n"
         "  --warmup S  --duration S  --messages N  --retain  --acked-log FILE\n"
         "  --client-id T  --username T  --password T  --topic T  (templates: %d %0Nd %c %h)\n"
         "  --subscriptions N\n"
         "subscribers: -s N  --sub-topic T  --sub-qos Q  --sub-client-id T  --sub-username T\n"
         "  --sub-password T  --sub-wait S  --check\n"
         "connecting: --parallel N  --conn-rate N/S  --conn-timeout S  --hold S (idle: after "
         "--messages N)  --keepalive S  "
         "--persistent\n"
         "TLS: --tls  --ws  --ca FILE  --cert T --key T  --sni NAME  --tls-version 1.2|1.3  "
         "--ciphers L  "
         "--groups L  --resume\n"
         "Azure: --azure HOST  --sas-key BASE64 | --sas-csv FILE  --sas-emit FILE  --sas-ttl S\n"
         "  --api-version V  --topic-props TEXT");
}

enum {
    O_MODE = 256,
    O_LABEL,
    O_HOST,
    O_PORT,
    O_SRC,
    O_PIN,
    O_PID,
    O_BASE,
    O_QOS,
    O_SIZE,
    O_WINDOW,
    O_BATCH,
    O_RATE,
    O_WARM,
    O_DUR,
    O_MSGS,
    O_RETAIN,
    O_ACKLOG,
    O_CID,
    O_USER,
    O_PASS,
    O_TOPIC,
    O_SUBSCRIPTIONS,
    O_STOPIC,
    O_SQOS,
    O_SCID,
    O_SUSER,
    O_SPASS,
    O_SWAIT,
    O_CHECK,
    O_PAR,
    O_CRATE,
    O_CTIME,
    O_HOLD,
    O_KA,
    O_PERSIST,
    O_TLS,
    O_WS,
    O_CA,
    O_CERT,
    O_KEY,
    O_SNI,
    O_TLSV,
    O_CIPH,
    O_GROUPS,
    O_RESUME,
    O_AZ,
    O_SASKEY,
    O_SASCSV,
    O_SASEMIT,
    O_SASTTL,
    O_API,
    O_PROPS,
    O_JSON,
    O_QUIET,
};

static const struct option lopts[] = {
    {"mode", 1, 0, O_MODE},
    {"label", 1, 0, O_LABEL},
    {"host", 1, 0, O_HOST},
    {"port", 1, 0, O_PORT},
    {"src-ips", 1, 0, O_SRC},
    {"pin", 1, 0, O_PIN},
    {"server-pid", 1, 0, O_PID},
    {"conns", 1, 0, 'c'},
    {"index-base", 1, 0, O_BASE},
    {"qos", 1, 0, O_QOS},
    {"size", 1, 0, O_SIZE},
    {"window", 1, 0, O_WINDOW},
    {"batch", 1, 0, O_BATCH},
    {"rate", 1, 0, O_RATE},
    {"warmup", 1, 0, O_WARM},
    {"duration", 1, 0, O_DUR},
    {"messages", 1, 0, O_MSGS},
    {"retain", 0, 0, O_RETAIN},
    {"acked-log", 1, 0, O_ACKLOG},
    {"client-id", 1, 0, O_CID},
    {"username", 1, 0, O_USER},
    {"password", 1, 0, O_PASS},
    {"topic", 1, 0, O_TOPIC},
    {"subscriptions", 1, 0, O_SUBSCRIPTIONS},
    {"subs", 1, 0, 's'},
    {"sub-topic", 1, 0, O_STOPIC},
    {"sub-qos", 1, 0, O_SQOS},
    {"sub-client-id", 1, 0, O_SCID},
    {"sub-username", 1, 0, O_SUSER},
    {"sub-password", 1, 0, O_SPASS},
    {"sub-wait", 1, 0, O_SWAIT},
    {"check", 0, 0, O_CHECK},
    {"parallel", 1, 0, O_PAR},
    {"conn-rate", 1, 0, O_CRATE},
    {"conn-timeout", 1, 0, O_CTIME},
    {"hold", 1, 0, O_HOLD},
    {"keepalive", 1, 0, O_KA},
    {"persistent", 0, 0, O_PERSIST},
    {"tls", 0, 0, O_TLS},
    {"ws", 0, 0, O_WS},
    {"ca", 1, 0, O_CA},
    {"cert", 1, 0, O_CERT},
    {"key", 1, 0, O_KEY},
    {"sni", 1, 0, O_SNI},
    {"tls-version", 1, 0, O_TLSV},
    {"ciphers", 1, 0, O_CIPH},
    {"groups", 1, 0, O_GROUPS},
    {"resume", 0, 0, O_RESUME},
    {"azure", 1, 0, O_AZ},
    {"sas-key", 1, 0, O_SASKEY},
    {"sas-csv", 1, 0, O_SASCSV},
    {"sas-emit", 1, 0, O_SASEMIT},
    {"sas-ttl", 1, 0, O_SASTTL},
    {"api-version", 1, 0, O_API},
    {"topic-props", 1, 0, O_PROPS},
    {"json", 1, 0, O_JSON},
    {"quiet", 0, 0, O_QUIET},
    {"help", 0, 0, 'h'},
    {0, 0, 0, 0},
};

static void parse_options(int argc, char **argv)
{
    bool cid_set = false, topic_set = false, user_set = false;
    int ch;
    while ((ch = getopt_long(argc, argv, "c:s:h", lopts, NULL)) != -1) {
        switch (ch) {
        case O_MODE:
            if (!strcmp(optarg, "pub"))
                o.mode = MODE_PUB;
            else if (!strcmp(optarg, "connect"))
                o.mode = MODE_CONNECT;
            else if (!strcmp(optarg, "idle"))
                o.mode = MODE_IDLE;
            else
                die("unknown mode %s", optarg);
            break;
        case O_LABEL: o.label = optarg; break;
        case O_HOST: o.host = optarg; break;
        case O_PORT: o.port = atoi(optarg); break;
        case O_SRC: o.src_ips = (unsigned)atoi(optarg); break;
        case O_PIN: o.pin = atoi(optarg); break;
        case O_PID:
            for (char *p = strtok(optarg, ","); p && o.npids < 16; p = strtok(NULL, ","))
                o.pids[o.npids++] = atoi(p);
            break;
        case 'c': o.pubs = (unsigned)atoi(optarg); break;
        case O_BASE: o.index_base = (unsigned)atoi(optarg); break;
        case O_QOS: o.qos = atoi(optarg); break;
        case O_SIZE: o.size = (unsigned)atoi(optarg); break;
        case O_WINDOW: o.window = (unsigned)atoi(optarg); break;
        case O_BATCH: o.batch = (unsigned)atoi(optarg); break;
        case O_RATE: o.rate = atof(optarg); break;
        case O_WARM: o.warmup = atof(optarg); break;
        case O_DUR: o.duration = atof(optarg); break;
        case O_MSGS: o.messages = strtoull(optarg, NULL, 10); break;
        case O_RETAIN: o.retain = true; break;
        case O_ACKLOG: o.acked_log = optarg; break;
        case O_CID:
            o.client_id = optarg;
            cid_set = true;
            break;
        case O_USER:
            o.username = optarg;
            user_set = true;
            break;
        case O_PASS: o.password = optarg; break;
        case O_TOPIC:
            o.topic = optarg;
            topic_set = true;
            break;
        case O_SUBSCRIPTIONS: o.subscriptions = (unsigned)atoi(optarg); break;
        case 's': o.subs = (unsigned)atoi(optarg); break;
        case O_STOPIC: o.sub_topic = optarg; break;
        case O_SQOS: o.sub_qos = atoi(optarg); break;
        case O_SCID: o.sub_client_id = optarg; break;
        case O_SUSER: o.sub_username = optarg; break;
        case O_SPASS: o.sub_password = optarg; break;
        case O_SWAIT: o.sub_wait = atof(optarg); break;
        case O_CHECK: o.check = true; break;
        case O_PAR: o.parallel = (unsigned)atoi(optarg); break;
        case O_CRATE: o.conn_rate = atof(optarg); break;
        case O_CTIME: o.conn_timeout = atof(optarg); break;
        case O_HOLD: o.hold = atof(optarg); break;
        case O_KA: o.keepalive = (unsigned)atoi(optarg); break;
        case O_PERSIST: o.persistent = true; break;
        case O_TLS: o.tls = true; break;
        case O_WS: o.ws = true; break;
        case O_CA:
            o.ca = optarg;
            o.verify = true;
            break;
        case O_CERT: o.cert = optarg; break;
        case O_KEY: o.key = optarg; break;
        case O_SNI: o.sni = optarg; break;
        case O_TLSV: o.tls_version = optarg; break;
        case O_CIPH: o.ciphers = optarg; break;
        case O_GROUPS: o.groups = optarg; break;
        case O_RESUME: o.resume = true; break;
        case O_AZ: o.azure_host = optarg; break;
        case O_SASKEY: o.sas_key = optarg; break;
        case O_SASCSV: o.sas_csv = optarg; break;
        case O_SASEMIT: o.sas_emit = optarg; break;
        case O_SASTTL: o.sas_ttl = atol(optarg); break;
        case O_API: o.api_version = optarg; break;
        case O_PROPS: o.topic_props = optarg; break;
        case O_JSON: o.json_out = optarg; break;
        case O_QUIET: o.quiet = true; break;
        case 'h': usage(); exit(0);
        default: usage(); exit(2);
        }
    }
    if (optind < argc) die("unexpected argument %s", argv[optind]);
    if (o.qos < 0 || o.qos > 1 || o.sub_qos < 0 || o.sub_qos > 1) die("QoS 0 and 1 only");
    if (!o.window || o.window > 16384 || !o.batch || o.keepalive > 65535)
        die("bad window, batch or keepalive");
    if (o.subscriptions > SUBSCRIPTIONS_MAX)
        die("--subscriptions takes at most %zu", SUBSCRIPTIONS_MAX);
    if (o.pubs + o.subs == 0 || (o.mode != MODE_IDLE && !o.pubs)) die("no connections");
    if (o.azure_host) {
        char *t;
        if (!cid_set) o.client_id = "dev%06d";
        if (!user_set) {
            if (asprintf(&t, "%%h/%%c/?api-version=%s", o.api_version) < 0) die("out of memory");
            o.username = t;
        }
        if (!topic_set) {
            if (asprintf(&t, "devices/%%c/messages/events/%s", o.topic_props) < 0)
                die("out of memory");
            /* the properties may hold percent signs of their own */
            char *u = xcalloc(strlen(t) * 2 + 1, 1), *w = u;
            for (char *p = t; *p; p++) {
                *w++ = *p;
                if (*p == '%' && !(p == t + 8)) *w++ = '%';
            }
            free(t);
            o.topic = u;
        }
        if (!o.sni) o.sni = o.azure_host;
    }
}

static void conns_init(void)
{
    FILE *emit = NULL;
    if (o.sas_csv) csv_load(o.sas_csv);
    if (o.sas_emit && !(emit = fopen(o.sas_emit, "w"))) die("%s: %s", o.sas_emit, strerror(errno));
    nconns = o.subs + o.pubs;
    conns = xcalloc(nconns, sizeof *conns);
    ready = xcalloc(nconns, sizeof *ready);
    if (o.check && o.subs) last_seq = xcalloc((size_t)o.subs * o.pubs, sizeof *last_seq);
    unsigned slots = 1;
    while (slots < o.window * 2) slots *= 2;
    slot_mask = slots - 1;
    for (unsigned i = 0; i < nconns; i++) {
        struct conn *k = &conns[i];
        k->is_sub = i < o.subs;
        k->idx = k->is_sub ? i : i - o.subs;
        k->fd = -1;
        k->next_pid = 1;
        unsigned n = k->idx + o.index_base;
        if (k->is_sub) {
            k->client = expand(o.sub_client_id, n, NULL, o.azure_host);
            k->user = expand(o.sub_username, n, k->client, o.azure_host);
            k->pass = expand(o.sub_password, n, k->client, o.azure_host);
            k->topic = expand(o.sub_topic, n, k->client, o.azure_host);
        } else {
            const char *key = NULL;
            char derived[64];
            if (csv) {
                if (n >= csv_n) die("%s holds only %u devices", o.sas_csv, csv_n);
                k->client = strdup(csv[n].id);
                key = csv[n].key;
            } else {
                k->client = expand(o.client_id, n, NULL, o.azure_host);
            }
            if (o.sas_key && !key) {
                hmac_b64(o.sas_key, k->client, derived);
                key = derived;
            }
            k->user = expand(o.username, n, k->client, o.azure_host);
            k->topic = expand(o.topic, n, k->client, o.azure_host);
            if (key && !o.password)
                k->pass =
                    sas_token(o.azure_host ? o.azure_host : o.host, k->client, key, o.sas_ttl);
            else
                k->pass = expand(o.password, n, k->client, o.azure_host);
            if (emit && key) fprintf(emit, "%s,%s\n", k->client, key);
            if (o.qos && (o.mode == MODE_PUB || o.messages))
                k->slots = xcalloc(slots, sizeof *k->slots);
        }
        k->topic_len = strlen(k->topic);
    }
    if (emit) fclose(emit);
}

static void tls_init(void)
{
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) die("SSL_CTX_new failed");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(ctx, o.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (o.ca && SSL_CTX_load_verify_locations(ctx, o.ca, NULL) != 1) die("cannot load %s", o.ca);
    if (o.tls_version) {
        int v = !strcmp(o.tls_version, "1.2")   ? TLS1_2_VERSION
                : !strcmp(o.tls_version, "1.3") ? TLS1_3_VERSION
                                                : 0;
        if (!v) die("--tls-version 1.2 or 1.3");
        SSL_CTX_set_min_proto_version(ctx, v);
        SSL_CTX_set_max_proto_version(ctx, v);
    }
    if (o.groups && SSL_CTX_set1_groups_list(ctx, o.groups) != 1) die("bad --groups");
    if (o.ciphers) {
        bool old = SSL_CTX_set_cipher_list(ctx, o.ciphers) == 1;
        bool new = SSL_CTX_set_ciphersuites(ctx, o.ciphers) == 1;
        if (!old && !new) die("bad --ciphers");
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    g_tick = (double)sysconf(_SC_CLK_TCK);
    if (o.pin >= 0) {
        cpu_set_t s;
        CPU_ZERO(&s);
        CPU_SET((unsigned)o.pin, &s);
        if (sched_setaffinity(0, sizeof s, &s)) die("--pin %d: %s", o.pin, strerror(errno));
    }
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);

    server_addr.sin_family = AF_INET;
    server_addr.sin_port = htons((uint16_t)o.port);
    if (inet_pton(AF_INET, o.host, &server_addr.sin_addr) != 1) die("--host takes an IPv4 address");
    out = o.json_out ? fopen(o.json_out, "a") : stdout;
    if (!out) die("%s: %s", o.json_out, strerror(errno));
    if (o.tls) tls_init();
    ep = epoll_create1(EPOLL_CLOEXEC);
    struct timespec rt;
    clock_gettime(CLOCK_REALTIME, &rt);
    rt_offset = (uint64_t)rt.tv_sec * NSEC + (uint64_t)rt.tv_nsec - now_ns();
    hist_reset(&h_ack);
    hist_reset(&h_e2e);
    hist_reset(&h_conn);
    payload_init();
    conns_init();
    switch (o.mode) {
    case MODE_CONNECT: return run_connect();
    case MODE_IDLE: return run_idle();
    default: return run_pub();
    }
}
