/* storm.c - many devices that send as fast as they are acknowledged, through whatever happens.
 *
 *   storm --host NAME --key BASE64 --devices N --seed N [--port PORT] [--tls-port PORT --ca FILE]
 *         [--window N] [--padding BYTES] [--rate N]
 *
 * With both ports every second device uses TLS.  Each is a sender of tests/promise: a connection that
 * ended is made again at once, and what was not acknowledged is sent again.  --rate: so many messages
 * a second at most, all devices together.  Commands come line by line on stdin, each is answered by
 * one line of JSON with all counts:
 *
 *   status         nothing else
 *   mark           counts `fresh` anew: acknowledgements on connections that were made from now on
 *   save PATH      writes the ledger
 *   finish PATH    sends nothing new, waits until all is acknowledged, writes the ledger, ends
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "promise/sender.h"
#include "proto/tls/tls.h"

enum {
    DEVICES_MAX = 10000,
    READ_MAX = 64 << 10,
    EVENTS_MAX = 256,
    COME_BACK_US_MAX = 50000,
    TICK_US = 1000000, /* how often keep-alive is looked at */
    RATE_US = 10000,   /* and, where there is a rate, what may be sent */
    TOKEN_LIFE_S = 3600,
};

struct peer {
    struct sender sender;
    int fd; /* -1: away, to come back at due_us */
    int64_t due_us;
    bool encrypted, up; /* up: connected, and TLS done */
    bool wants_write;
    uint64_t mark; /* the one in force when the connection was made */
    struct tls tls;
    struct buf wire; /* what the socket has not taken yet */
};

static struct {
    const char *host;
    struct auth_key key;
    unsigned devices, port, tls_port, window, padding, rate;
    struct tls_context *trust;
} options = {.devices = 50, .window = 32, .padding = 200};

static struct {
    uint64_t connects; /* made, up to CONNACK or not */
    uint64_t losses;   /* of connections that MQTT had accepted */
    uint64_t faults;   /* the server broke a rule */
    uint64_t fresh;    /* see `mark` */
    uint64_t mark;
} counts;

static struct ledger ledger;
static struct peer *peers;
static int poller;
static int64_t began_us;
static uint64_t random_state[2];
static struct buf command;
static char finish_path[4096]; /* not empty: all is to be acknowledged, then it ends */

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "storm: %s: %s\n", what, fail_text());
    exit(1);
}

/* ---- chance, from the seed: xorshift128+ */

static uint64_t next_random(void)
{
    uint64_t a = random_state[0], b = random_state[1];
    random_state[0] = b;
    a ^= a << 23;
    random_state[1] = a ^ b ^ a >> 17 ^ b >> 26;
    return random_state[1] + b;
}

static void random_bytes(void *out, size_t len)
{
    uint8_t *p = out;
    while (len--) *p++ = (uint8_t)(next_random() >> 24);
}

static void seed_random(uint64_t seed)
{
    random_state[0] = seed * 0x9e3779b97f4a7c15u + 1;
    random_state[1] = ~seed;
    for (int i = 0; i < 16; i++) next_random();
    rand_use(random_bytes);
}

/* ---- connections end */

static void lose(struct peer *p)
{
    if (p->fd < 0) return;
    counts.losses += p->sender.phase == SENDER_CONNECTED;
    if (p->sender.phase != SENDER_AWAY) sender_lost(&p->sender);
    if (p->encrypted) tls_fini(&p->tls);
    buf_free(&p->wire);
    close(p->fd);
    p->fd = -1;
    p->up = p->wants_write = false;
    p->due_us = clock_mono_us() + (int64_t)(next_random() % COME_BACK_US_MAX);
}

static void lose_for_fault(struct peer *p)
{
    counts.faults++;
    fprintf(stderr, "storm: %s\n", fail_text());
    lose(p);
}

/* ---- sending */

static void watch(struct peer *p, bool write)
{
    if (write == p->wants_write) return;
    p->wants_write = write;
    struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = p};
    epoll_ctl(poller, EPOLL_CTL_MOD, p->fd, &ev);
}

static void flush(struct peer *p)
{
    struct buf *out = &p->sender.out;
    if (!p->encrypted)
        buf_put_slice(&p->wire, buf_slice(out));
    else if (buf_size(out) && tls_send(&p->tls, buf_slice(out)) != OK)
        counts.faults++;
    buf_clear(out);
    while (buf_size(&p->wire)) {
        struct slice rest = buf_slice(&p->wire);
        ssize_t n = send(p->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            lose(p);
            return;
        }
        if (n < 0) break;
        buf_consume(&p->wire, (size_t)n);
    }
    watch(p, buf_size(&p->wire) > 0);
}

/* ---- connections begin */

static void greet(struct peer *p)
{
    char resource[LEDGER_ID_MAX + 128];
    struct buf user_name = {0}, token = {0};
    const char *id = p->sender.account->id;
    p->up = true;
    snprintf(resource, sizeof resource, "%s/devices/%s", options.host, id);
    buf_printf(&user_name, "%s/%s/?api-version=2021-04-12", options.host, id);
    sas_make(&token, slice_str(resource), slice_of(options.key.bytes, options.key.len), "device",
             clock_wall_us() / 1000000 + TOKEN_LIFE_S);
    sender_connect(&p->sender, buf_slice(&user_name), buf_slice(&token),
                   1 + (unsigned)(next_random() % options.window), clock_mono_us());
    buf_free(&user_name);
    buf_free(&token);
}

static void connect_peer(struct peer *p)
{
    unsigned port = p->encrypted ? options.tls_port : options.port;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0) {
        fail_errno("socket");
        stop("cannot connect");
    }
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    p->mark = counts.mark;
    p->wants_write = true;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = p};
    epoll_ctl(poller, EPOLL_CTL_ADD, p->fd, &ev);
    if (p->encrypted) tls_init_client(&p->tls, options.trust, &p->wire, options.host);
    if (connect(p->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) lose(p);
}

/* The socket can be written to: it is connected, or there is room again. */
static void writable(struct peer *p)
{
    if (!p->up && !p->encrypted) {
        counts.connects++;
        greet(p);
    }
    flush(p);
}

/* ---- hearing */

static bool feed_sender(struct peer *p, struct slice bytes)
{
    uint64_t before = p->sender.account->acked;
    enum err e = sender_feed(&p->sender, bytes, clock_mono_us());
    if (p->mark == counts.mark) counts.fresh += p->sender.account->acked - before;
    if (e == OK) return true;
    lose_for_fault(p);
    return false;
}

static void feed_tls(struct peer *p, struct slice bytes)
{
    struct tls_event ev;
    tls_feed(&p->tls, bytes);
    while (tls_next(&p->tls, &ev)) {
        if (ev.kind == TLS_HANDSHAKE_DONE) {
            counts.connects++;
            greet(p);
        } else if (ev.kind == TLS_DATA) {
            if (!feed_sender(p, ev.data)) return;
        } else {
            lose(p);
            return;
        }
    }
    flush(p);
}

static void readable(struct peer *p)
{
    static uint8_t room[READ_MAX];
    ssize_t n = recv(p->fd, room, sizeof room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0)
        lose(p);
    else if (p->encrypted)
        feed_tls(p, slice_of(room, (size_t)n));
    else if (p->up && feed_sender(p, slice_of(room, (size_t)n)))
        flush(p);
}

/* ---- time */

static void tick(struct peer *p, int64_t now_us)
{
    if (p->sender.phase == SENDER_AWAY || now_us < mqtt_deadline(&p->sender.mqtt)) return;
    if (mqtt_tick(&p->sender.mqtt, now_us) != OK)
        lose(p); /* who says nothing for long breaks no rule; he may have been stopped */
    else
        flush(p);
}

/* Lets each device send its share of what the rate allows by now. */
static void raise_goals(int64_t now_us)
{
    uint64_t each = (uint64_t)(now_us - began_us) * options.rate / options.devices / 1000000;
    for (unsigned i = 0; i < options.devices; i++) {
        struct peer *p = &peers[i];
        p->sender.goal = MAX(each, p->sender.account->sent);
        if (p->fd < 0 || p->sender.phase != SENDER_CONNECTED) continue;
        sender_fill(&p->sender);
        flush(p);
    }
}

/* Those who are away come back; the others are ticked.  Returns when to do it again. */
static int64_t serve_time(int64_t now_us)
{
    static int64_t tick_us;
    bool ticking = now_us >= tick_us;
    bool rated = options.rate && *finish_path == '\0';
    if (ticking) tick_us = now_us + TICK_US;
    if (rated) raise_goals(now_us);
    int64_t next = rated ? now_us + RATE_US : tick_us;
    for (unsigned i = 0; i < options.devices; i++) {
        struct peer *p = &peers[i];
        if (p->fd < 0 && p->due_us <= now_us) connect_peer(p);
        if (p->fd < 0)
            next = MIN(next, p->due_us);
        else if (ticking)
            tick(p, now_us);
    }
    return next;
}

/* ---- commands */

static void answer(void)
{
    uint64_t sent = 0, acked = 0, connected = 0, refused = 0;
    for (unsigned i = 0; i < options.devices; i++) {
        sent += ledger.accounts[i].sent;
        acked += ledger.accounts[i].acked;
        connected += peers[i].sender.phase == SENDER_CONNECTED;
        refused += peers[i].sender.refusals;
    }
    printf("{\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"connected\":%" PRIu64
           ",\"connects\":%" PRIu64 ",\"losses\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"faults\":%" PRIu64 ",\"fresh\":%" PRIu64 "}\n",
           sent, acked, connected, counts.connects, counts.losses, refused, counts.faults,
           counts.fresh);
    fflush(stdout);
}

static void save(const char *path)
{
    if (ledger_save(&ledger, path) != OK) stop("save");
    answer();
}

static void obey(char *line)
{
    char *path = strchr(line, ' ');
    if (path) *path++ = '\0';
    if (strcmp(line, "finish") == 0 && path) {
        for (unsigned i = 0; i < options.devices; i++)
            peers[i].sender.goal = ledger.accounts[i].sent;
        snprintf(finish_path, sizeof finish_path, "%s", path);
        return;
    }
    if (strcmp(line, "mark") == 0) {
        counts.mark++;
        counts.fresh = 0;
    }
    if (strcmp(line, "save") == 0 && path)
        save(path);
    else
        answer();
}

/* The end of stdin ends us too: whoever started us is gone. */
static void hear_commands(void)
{
    char piece[4096];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
    if (n <= 0) exit(0);
    buf_put(&command, piece, (size_t)n);
    struct slice line, rest = buf_slice(&command);
    while (slice_find(rest, '\n') < rest.len && slice_split(&rest, '\n', &line)) {
        char *text = slice_dup(line);
        obey(text);
        free(text);
    }
    buf_consume(&command, buf_size(&command) - rest.len);
}

static void finish_if_done(void)
{
    for (unsigned i = 0; i < options.devices; i++)
        if (!sender_done(&peers[i].sender)) return;
    save(finish_path);
    exit(0);
}

/* ---- the whole */

static void run(void)
{
    struct epoll_event events[EVENTS_MAX];
    while (true) {
        int64_t next = serve_time(clock_mono_us());
        if (*finish_path) finish_if_done();
        int64_t wait_ms = MAX(next - clock_mono_us(), 0) / 1000 + 1;
        int n = epoll_wait(poller, events, EVENTS_MAX, (int)wait_ms);
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (p == NULL)
                hear_commands();
            else if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                readable(p);
            if (p && p->fd >= 0 && events[i].events & EPOLLOUT) writable(p);
        }
    }
}

static void begin(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    began_us = clock_mono_us();
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &ev);
    ledger_init(&ledger, options.devices);
    peers = mem_zero(options.devices * sizeof *peers);
    for (unsigned i = 0; i < options.devices; i++) {
        struct account *a = &ledger.accounts[i];
        snprintf(a->id, sizeof a->id, "storm-%04u", i);
        sender_init(&peers[i].sender, &ledger, i);
        peers[i].sender.padding_max = options.padding;
        peers[i].sender.padding_large_max = (size_t)options.padding * 100;
        peers[i].encrypted = options.tls_port && (options.port == 0 || i % 2);
        peers[i].fd = -1;
    }
}

static void trust(const char *path)
{
    struct buf pem = {0};
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        fail_errno("cannot read %s", path);
        stop("--ca");
    }
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) buf_put(&pem, piece, n);
    fclose(f);
    if (tls_client_context(buf_slice(&pem), &options.trust) != OK) stop("--ca");
    buf_free(&pem);
}

static unsigned number(const char *text, unsigned most)
{
    uint64_t value;
    if (num_u64(slice_str(text), &value) == OK && value <= most) return (unsigned)value;
    fprintf(stderr, "storm: '%s' is not a number up to %u\n", text, most);
    exit(2);
}

static void set_option(int option)
{
    switch (option) {
    case 'h': options.host = optarg; break;
    case 'k':
        if (auth_key_set(&options.key, slice_str(optarg)) != OK) stop("--key");
        break;
    case 'd': options.devices = number(optarg, DEVICES_MAX); break;
    case 's': seed_random(number(optarg, UINT32_MAX)); break;
    case 'p': options.port = number(optarg, UINT16_MAX); break;
    case 't': options.tls_port = number(optarg, UINT16_MAX); break;
    case 'c': trust(optarg); break;
    case 'w': options.window = number(optarg, SENDER_WINDOW_MAX); break;
    case 'b': options.padding = number(optarg, 2000); break;
    case 'r': options.rate = number(optarg, 1000000); break;
    default: exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"host", required_argument, NULL, 'h'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"devices", required_argument, NULL, 'd'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"tls-port", required_argument, NULL, 't'},
                                          {"ca", required_argument, NULL, 'c'},
                                          {"window", required_argument, NULL, 'w'},
                                          {"padding", required_argument, NULL, 'b'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) set_option(option);
    bool complete = options.host && options.key.len && (options.port || options.tls_port) &&
                    !(options.tls_port && !options.trust) && optind == argc;
    if (!complete) {
        fputs("usage: storm --host NAME --key BASE64 --devices N --seed N [--port PORT] "
              "[--tls-port PORT --ca FILE] [--window N] [--padding BYTES] [--rate N]\n",
              stderr);
        return 2;
    }
    begin();
    run();
}
