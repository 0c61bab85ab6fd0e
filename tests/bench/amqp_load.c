/* amqp_load.c - AMQP over TLS: what an event costs a server, on its way in and on its way out.
 *
 * usage: amqp_load send PORT PID CONNECTIONS WINDOW SECONDS device KEY
 *        amqp_load send PORT PID CONNECTIONS WINDOW SECONDS anonymous ADDRESS
 *        amqp_load send PORT PID CONNECTIONS WINDOW SECONDS plain USER PASSWORD ADDRESS
 *        amqp_load read PORT PID COUNT anonymous ADDRESS...
 *        amqp_load read PORT PID COUNT plain USER PASSWORD ADDRESS...
 *
 * `send`: CONNECTIONS with a link each keep WINDOW transfers of 256 bytes of JSON unsettled (closed loop).  As
 * `device` they are dev000000 and so on, with keys that follow from KEY as mqttload's --sas-key has it.
 * `read`: one connection takes COUNT events, which the server settles as it sends them, from all those
 * addresses.  Prints one line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "load.h"
#include "proto/amqp/amqp.h"
#include "tls_line.h"

enum { BODY = 256, CREDIT = 1000, WINDOW_MAX = 1024, SETTLED = 1 };
#define HUB "localhost"

struct client {
    struct tls_line tls;
    struct amqp amqp;
    struct buf out;
    struct amqp_link *link;
    unsigned unsettled;
    int64_t began_us[WINDOW_MAX]; /* by delivery id */
    char user[64], address[128];
    struct buf password;
};

static const char *way; /* in: device, anonymous, plain */
static unsigned window;
static bool reads;
static char **sources;

/* ---- a message */

static struct buf *message(void)
{
    static struct buf sections;
    char body[BODY];
    if (buf_size(&sections)) return &sections;
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"text\":\"", 9);
    memcpy(body + sizeof body - 2, "\"}", 2);
    amqp_put_descriptor(&sections, AMQP_PROPERTIES);
    struct amqp_open list = amqp_open_list(&sections);
    for (int i = 0; i < 6; i++) amqp_put_null(&sections);
    amqp_put_sym(&sections, "application/json");
    amqp_put_sym(&sections, "utf-8");
    amqp_close(&sections, list, 8);
    amqp_put_data(&sections, slice_of(body, sizeof body));
    return &sections;
}

static void send_what_fits(struct client *c)
{
    while (!reads && c->link && c->unsettled < window && amqp_can_send(c->link)) {
        struct buf *out = amqp_transfer_begin(c->link, &(struct amqp_transfer){0});
        buf_put_slice(out, buf_slice(message()));
        c->began_us[amqp_transfer_end(c->link) % WINDOW_MAX] = clock_mono_us();
        c->unsettled++;
    }
}

/* ---- a conversation */

static void on_mechanisms(struct client *c)
{
    struct buf response = {0};
    if (strcmp(way, "anonymous") == 0) {
        amqp_send_sasl_init(&c->amqp, "ANONYMOUS", SLICE_LIT("bench"));
        return;
    }
    buf_put_u8(&response, 0);
    buf_put_str(&response, c->user);
    buf_put_u8(&response, 0);
    buf_put_slice(&response, buf_slice(&c->password));
    amqp_send_sasl_init(&c->amqp, "PLAIN", buf_slice(&response));
    buf_free(&response);
}

static void attach_sources(struct amqp_session *s)
{
    for (char **source = sources; *source; source++) {
        const struct amqp_link_config link = {.name = slice_str(*source),
                                              .snd_mode = SETTLED,
                                              .source = slice_str(*source),
                                              .target = SLICE_LIT("bench")};
        amqp_send_flow(amqp_send_attach(s, &link), CREDIT, false);
    }
}

static void on_outcome(struct client *c, uint8_t outcome)
{
    if (outcome != 0) lines_stop("SASL");
    amqp_send_open(&c->amqp);
    struct amqp_session *s = amqp_send_begin(&c->amqp);
    if (reads) {
        attach_sources(s);
        return;
    }
    const struct amqp_link_config link = {.name = slice_str(c->address),
                                          .sender = true,
                                          .source = SLICE_LIT("bench"),
                                          .target = slice_str(c->address)};
    c->link = amqp_send_attach(s, &link);
}

static void on_disposition(struct client *c, const struct amqp_disposition *d)
{
    if (d->outcome != AMQP_ACCEPTED) {
        fprintf(stderr, "%.*s\n", SLICE_ARG(d->error.description));
        exit(1);
    }
    for (uint32_t id = d->first; id != d->last + 1; id++) {
        c->unsettled--;
        load_done(c->began_us[id % WINDOW_MAX], 1);
    }
}

static void on_delivery(struct amqp_link *l)
{
    load_done(clock_mono_us(), 1);
    if (l->credit < CREDIT / 2) amqp_send_flow(l, CREDIT, false);
}

static void stop_with(const struct amqp_error *error)
{
    fprintf(stderr, "%.*s\n", SLICE_ARG(error->description));
    lines_stop("the server ended the link");
}

static void on_event(struct client *c, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: on_mechanisms(c); break;
    case AMQP_ON_SASL_OUTCOME: on_outcome(c, ev->outcome); break;
    case AMQP_ON_DISPOSITION: on_disposition(c, &ev->disposition); break;
    case AMQP_ON_DELIVERY: on_delivery(ev->link); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: stop_with(&ev->error); break;
    default: break;
    }
}

static void flush(struct client *c)
{
    if (buf_size(&c->out)) tls_say(&c->tls, buf_slice(&c->out));
    buf_clear(&c->out);
}

static void on_heard(struct tls_line *t, struct slice bytes)
{
    struct client *c = CONTAINER_OF(t, struct client, tls);
    struct amqp_event ev;
    amqp_feed(&c->amqp, bytes, clock_mono_us());
    while (amqp_next(&c->amqp, &ev) == OK) on_event(c, &ev);
    send_what_fits(c);
    flush(c);
}

static void on_opened(struct tls_line *t)
{
    static const struct amqp_config config = {
        .role = AMQP_CLIENT, .container_id = "bench", .hostname = HUB, .sasl = true};
    struct client *c = CONTAINER_OF(t, struct client, tls);
    amqp_init(&c->amqp, &config, &c->out, clock_mono_us());
    flush(c);
}

/* ---- who they are */

static void be_device(struct client *c, struct slice master, unsigned number)
{
    char device[16], resource[64];
    uint8_t key[SAS_SIGNATURE_LEN];
    snprintf(device, sizeof device, "dev%06u", number);
    snprintf(c->user, sizeof c->user, "%s@sas.localhost", device);
    snprintf(c->address, sizeof c->address, "/devices/%s/messages/events", device);
    snprintf(resource, sizeof resource, HUB "/devices/%s", device);
    sas_derive_key(master, slice_str(device), key);
    sas_make(&c->password, slice_str(resource), slice_of(key, sizeof key), NULL,
             clock_wall_us() / 1000000 + 3600);
}

/* `words`: what follows the way in. */
static void be(struct client *c, char **words, unsigned number)
{
    struct buf master = {0};
    if (strcmp(way, "device") == 0) {
        if (text_unbase64(&master, slice_str(words[0])) != OK) lines_stop("KEY");
        be_device(c, buf_slice(&master), number);
        buf_free(&master);
        return;
    }
    bool plain = strcmp(way, "plain") == 0;
    if (plain) {
        snprintf(c->user, sizeof c->user, "%s", words[0]);
        buf_put_str(&c->password, words[1]);
    }
    sources = words + (plain ? 2 : 0);
    snprintf(c->address, sizeof c->address, "%s", sources[0]);
}

static void client_open(struct client *c, const char *port)
{
    c->tls.opened = on_opened;
    c->tls.heard = on_heard;
    tls_open(&c->tls, (unsigned)atoi(port), "");
}

static int usage(void)
{
    fputs("usage: see amqp_load.c\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 7) return usage();
    reads = strcmp(argv[1], "read") == 0;
    int at = reads ? 5 : 7;
    if (argc < at + 2) return usage();
    way = argv[at];
    if (strcmp(way, "plain") == 0 && argc < at + 4) return usage();
    unsigned count = reads ? 1 : (unsigned)atoi(argv[4]);
    if (!reads) window = (unsigned)atoi(argv[5]);
    if (window > WINDOW_MAX) return usage();
    struct client *clients = mem_zero(count * sizeof *clients);
    tls_prepare(NULL);
    for (unsigned i = 0; i < count; i++) {
        be(&clients[i], argv + at + 1, i);
        client_open(&clients[i], argv[2]);
    }
    if (reads)
        load_run_until(argv[3], strtoull(argv[4], NULL, 10));
    else
        load_run(argv[3], (unsigned)atoi(argv[6]));
    return 0;
}
