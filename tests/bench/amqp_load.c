/* amqp_load.c - AMQP over TLS: what an event costs a server, on its way in and on its way out.
 *
 * usage: amqp_load [-w] [-b MESSAGES] [-d DEVICES] send PORT PID CONNECTIONS WINDOW SECONDS device KEY
 *        amqp_load send PORT PID CONNECTIONS WINDOW SECONDS anonymous ADDRESS
 *        amqp_load send PORT PID CONNECTIONS WINDOW SECONDS plain USER PASSWORD ADDRESS
 *        amqp_load [-l] read PORT PID COUNT anonymous ADDRESS...
 *        amqp_load [-l] read PORT PID COUNT plain USER PASSWORD ADDRESS...
 *
 * `send`: CONNECTIONS with a link each keep WINDOW transfers of 256 bytes of JSON unsettled (closed loop).  As
 * `device` they are dev000000 and so on, with keys that follow from KEY as mqttload's --sas-key has it.
 * `-d`: so many devices share each connection as the SDKs' multiplexing clients have it, a token put to $cbs,
 * a session and a link for each.  `-b`: each transfer is a batch.  `-w`: over a WebSocket, PORT is that of HTTPS.
 * `read`: one connection takes COUNT events, which the server settles as it sends them, from all those
 * addresses; `-l`: those that come from the line "ready" on.  Prints one line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "amqp_line.h"
#include "auth/sas.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "load.h"

enum { BODY = 256, CREDIT = 1000, WINDOW_MAX = 1024, SETTLED = 1 };
#define HUB "localhost"

/* Who sends: a link in a session of its own. */
struct sender {
    struct amqp_link *link;
    unsigned unsettled;
    int64_t began_us[WINDOW_MAX]; /* by delivery id */
    char user[64], address[128], resource[64];
    struct buf password;
};

struct client {
    struct amqp_line line;
    struct sender *senders;
    struct amqp_link *cbs_out, *cbs_in;
    unsigned asked, answered; /* tokens */
};

static const char *way; /* in: device, anonymous, plain */
static unsigned window, batch = 1, sharing, attached;
static bool reads, over_ws, latest;
static char **sources;

/* ---- a message */

static void put_message(struct buf *out)
{
    char body[BODY];
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"text\":\"", 9);
    memcpy(body + sizeof body - 2, "\"}", 2);
    amqp_put_descriptor(out, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(out);
    for (int i = 0; i < 6; i++) amqp_put_null(out);
    amqp_put_sym(out, "application/json");
    amqp_put_sym(out, "utf-8");
    amqp_close(out, list, 8);
    amqp_put_data(out, slice_of(body, sizeof body));
}

/* What each transfer has: a message, or a batch of them. */
static struct slice payload(void)
{
    static struct buf sections;
    struct buf message = {0};
    if (buf_size(&sections)) return buf_slice(&sections);
    if (batch == 1) {
        put_message(&sections);
        return buf_slice(&sections);
    }
    put_message(&message);
    for (unsigned i = 0; i < batch; i++) amqp_put_data(&sections, buf_slice(&message));
    buf_free(&message);
    return buf_slice(&sections);
}

static void send_what_fits(struct sender *s)
{
    const struct amqp_transfer transfer = {.format = batch > 1 ? AMQP_FORMAT_BATCH : 0};
    while (s->link && s->unsettled < window && amqp_can_send(s->link)) {
        buf_put_slice(amqp_transfer_begin(s->link, &transfer), payload());
        s->began_us[amqp_transfer_end(s->link) % WINDOW_MAX] = clock_mono_us();
        s->unsettled++;
    }
}

static void sender_attach(struct client *c, struct sender *s)
{
    struct amqp_session *session = amqp_send_begin(&c->line.amqp);
    if (session == NULL) lines_stop("more devices than sessions");
    session->user = s;
    const struct amqp_link_config link = {.name = slice_str(s->address),
                                          .sender = true,
                                          .source = SLICE_LIT("bench"),
                                          .target = slice_str(s->address)};
    s->link = amqp_send_attach(session, &link);
    attached++;
}

/* ---- devices that share a connection */

static void attach_cbs(struct client *c)
{
    struct amqp_session *session = amqp_send_begin(&c->line.amqp);
    struct amqp_link_config link = {
        .name = SLICE_LIT("cbs-in"), .source = SLICE_LIT("$cbs"), .target = SLICE_LIT("cbs")};
    c->cbs_in = amqp_send_attach(session, &link);
    amqp_send_flow(c->cbs_in, CREDIT, false);
    link = (struct amqp_link_config){.name = SLICE_LIT("cbs-out"),
                                     .sender = true,
                                     .source = SLICE_LIT("cbs"),
                                     .target = SLICE_LIT("$cbs")};
    c->cbs_out = amqp_send_attach(session, &link);
}

static void ask_for_tokens(struct client *c)
{
    while (c->asked < sharing && amqp_can_send(c->cbs_out)) {
        struct sender *s = &c->senders[c->asked++];
        struct buf *out = amqp_transfer_begin(c->cbs_out, &(struct amqp_transfer){.settled = true});
        amqp_line_put_token(out, s->resource, buf_slice(&s->password));
        amqp_transfer_end(c->cbs_out);
    }
}

/* One that was refused shows when its link is. */
static void on_token(struct client *c)
{
    sender_attach(c, &c->senders[c->answered++]);
    if (c->cbs_in->credit < CREDIT / 2) amqp_send_flow(c->cbs_in, CREDIT, false);
}

/* ---- a conversation */

static void on_mechanisms(struct client *c)
{
    if (strcmp(way, "anonymous") == 0 || sharing)
        amqp_send_sasl_init(&c->line.amqp, "ANONYMOUS", SLICE_LIT("bench"));
    else
        amqp_line_login(&c->line, c->senders->user, buf_slice(&c->senders->password));
}

static void attach_sources(struct amqp_session *s)
{
    struct buf filter = {0};
    if (latest) amqp_line_put_filter(&filter, "x-opt-offset > '@latest'");
    for (char **source = sources; *source; source++) {
        char name[32]; /* of each link its own: several may read one place */
        snprintf(name, sizeof name, "reader-%td", source - sources);
        const struct amqp_link_config link = {.name = slice_str(name),
                                              .snd_mode = SETTLED,
                                              .source = slice_str(*source),
                                              .target = SLICE_LIT("bench"),
                                              .filter = buf_slice(&filter)};
        amqp_send_flow(amqp_send_attach(s, &link), CREDIT, false);
    }
    buf_free(&filter);
}

static void on_outcome(struct client *c, uint8_t outcome)
{
    if (outcome != 0) lines_stop("SASL");
    amqp_send_open(&c->line.amqp);
    if (reads)
        attach_sources(amqp_send_begin(&c->line.amqp));
    else if (sharing)
        attach_cbs(c);
    else
        sender_attach(c, c->senders);
}

/* The answer to a link of ours. */
static void on_attach(void)
{
    static unsigned answered;
    answered++;
    if (!latest || sources[answered]) return; /* not the last one */
    puts("ready");
    fflush(stdout);
}

static void on_flow(struct client *c, struct amqp_session *session)
{
    if (session->user)
        send_what_fits(session->user);
    else if (c->cbs_out)
        ask_for_tokens(c);
}

static void on_disposition(struct sender *s, const struct amqp_disposition *d)
{
    if (s == NULL) return;
    if (d->outcome != AMQP_ACCEPTED) {
        fprintf(stderr, "%.*s\n", SLICE_ARG(d->error.description));
        exit(1);
    }
    for (uint32_t id = d->first; id != d->last + 1; id++) {
        s->unsettled--;
        load_done(s->began_us[id % WINDOW_MAX], batch);
    }
    send_what_fits(s);
}

static void on_delivery(struct client *c, struct amqp_link *l)
{
    if (l == c->cbs_in) {
        on_token(c);
        return;
    }
    load_done(clock_mono_us(), 1);
    if (l->credit < CREDIT / 2) amqp_send_flow(l, CREDIT, false);
}

static void on_event(struct amqp_line *l, const struct amqp_event *ev)
{
    struct client *c = CONTAINER_OF(l, struct client, line);
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: on_mechanisms(c); break;
    case AMQP_ON_SASL_OUTCOME: on_outcome(c, ev->outcome); break;
    case AMQP_ON_ATTACH: on_attach(); break;
    case AMQP_ON_FLOW: on_flow(c, ev->session); break;
    case AMQP_ON_DISPOSITION: on_disposition(ev->session->user, &ev->disposition); break;
    case AMQP_ON_DELIVERY: on_delivery(c, ev->link); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: amqp_line_stop(&ev->error); break;
    default: break;
    }
}

/* ---- who they are */

static void be_device(struct sender *s, struct slice master, unsigned number)
{
    char device[16];
    uint8_t key[SAS_SIGNATURE_LEN];
    snprintf(device, sizeof device, "dev%06u", number);
    snprintf(s->user, sizeof s->user, "%s@sas.localhost", device);
    snprintf(s->address, sizeof s->address, "/devices/%s/messages/events", device);
    snprintf(s->resource, sizeof s->resource, HUB "/devices/%s", device);
    sas_derive_key(master, slice_str(device), key);
    sas_make(&s->password, slice_str(s->resource), slice_of(key, sizeof key), NULL,
             clock_wall_us() / 1000000 + 3600);
}

/* `words`: what follows the way in. */
static void be(struct sender *s, char **words, unsigned number)
{
    struct buf master = {0};
    if (strcmp(way, "device") == 0) {
        if (text_unbase64(&master, slice_str(words[0])) != OK) lines_stop("KEY");
        be_device(s, buf_slice(&master), number);
        buf_free(&master);
        return;
    }
    bool plain = strcmp(way, "plain") == 0;
    if (plain) {
        snprintf(s->user, sizeof s->user, "%s", words[0]);
        buf_put_str(&s->password, words[1]);
    }
    sources = words + (plain ? 2 : 0);
    snprintf(s->address, sizeof s->address, "%s", sources[0]);
}

static void clients_open(unsigned count, const char *port, char **words)
{
    size_t each = MAX(sharing, 1u), all = count * each;
    struct client *clients = mem_zero(count * sizeof *clients);
    struct sender *senders = mem_zero(all * sizeof *senders);
    for (unsigned i = 0; i < all; i++) be(&senders[i], words, i);
    for (unsigned i = 0; i < count; i++) {
        clients[i].senders = &senders[i * each];
        clients[i].line.event = on_event;
        amqp_line_open(&clients[i].line, (unsigned)atoi(port), over_ws);
    }
    while (!reads && attached < all) lines_turn(LINES_WAIT_US);
}

static int usage(void)
{
    fputs("usage: see amqp_load.c\n", stderr);
    return 2;
}

/* The number of arguments that are options, or -1. */
static int options(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+lwb:d:")) != -1) {
        if (option == 'l') latest = true;
        if (option == 'w') over_ws = true;
        if (option == 'b') batch = (unsigned)atoi(optarg);
        if (option == 'd') sharing = (unsigned)atoi(optarg);
        if (option == '?') return -1;
    }
    return batch ? optind - 1 : -1;
}

int main(int argc, char **argv)
{
    int skip = options(argc, argv);
    if (skip < 0 || argc - skip < 7) return usage();
    argv += skip, argc -= skip;
    reads = strcmp(argv[1], "read") == 0;
    int at = reads ? 5 : 7;
    if (argc < at + 2) return usage();
    way = argv[at];
    if (strcmp(way, "plain") == 0 && argc < at + 4) return usage();
    if (!reads) window = (unsigned)atoi(argv[5]);
    if (window > WINDOW_MAX) return usage();
    tls_prepare(NULL);
    clients_open(reads ? 1 : (unsigned)atoi(argv[4]), argv[2], argv + at + 1);
    if (reads)
        load_run_until(argv[3], strtoull(argv[4], NULL, 10));
    else
        load_run(argv[3], (unsigned)atoi(argv[6]));
    return 0;
}
