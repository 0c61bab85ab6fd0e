/* https_bench.c - telemetry over HTTPS: what a message costs a server, and how long it takes to its 204.
 *
 * usage: https_bench kept  PORT PID KEY DEVICES SECONDS    each device on a connection that stays
 *        https_bench fresh PORT PID KEY DEVICES SECONDS    a new connection for each message
 *        https_bench batch PORT PID KEY DEVICES SECONDS MESSAGES    as `kept`, so many messages in each request
 *
 * DEVICES devices, dev000000 and so on, each send their next message when the last is answered (closed
 * loop).  Their keys follow from KEY as mqttload's --sas-key has it.  Anything but 204 ends the program.
 * Prints one line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "load.h"
#include "tls_line.h"

enum { BODY = 256 };
#define HOST "localhost"

struct client {
    struct tls_line tls;
    struct buf request, heard;
    int64_t began_us;
};

static unsigned port, batch; /* messages of a request; 0: it has one as its body */
static bool stays;

/* ---- a request, the same each time */

static void put_token(struct buf *out, struct slice master, const char *device)
{
    uint8_t key[SAS_SIGNATURE_LEN];
    char resource[64];
    snprintf(resource, sizeof resource, HOST "/devices/%s", device);
    sas_derive_key(master, slice_str(device), key);
    sas_make(out, slice_str(resource), slice_of(key, sizeof key), NULL,
             clock_wall_us() / 1000000 + 3600);
}

static void put_text(char text[BODY])
{
    memset(text, 'x', BODY);
    memcpy(text, "{\"text\":\"", 9);
    memcpy(text + BODY - 2, "\"}", 2);
}

static void put_single(struct buf *out)
{
    char text[BODY];
    put_text(text);
    buf_printf(out,
               "Content-Type: application/octet-stream\r\n"
               "iothub-contenttype: application/json\r\niothub-contentencoding: utf-8\r\n"
               "Content-Length: %d\r\n\r\n%.*s",
               BODY, BODY, text);
}

/* As the SDKs have it: bodies in base64, system properties among the others. */
static void put_batch(struct buf *out)
{
    char text[BODY];
    struct buf entries = {0};
    put_text(text);
    for (unsigned i = 0; i < batch; i++) {
        buf_put_str(&entries, i ? ",{\"body\":\"" : "[{\"body\":\"");
        text_base64(&entries, slice_of(text, sizeof text));
        buf_put_str(&entries, "\",\"properties\":{\"iothub-contenttype\":\"application/json\","
                              "\"iothub-contentencoding\":\"utf-8\"}}");
    }
    buf_printf(out,
               "Content-Type: application/vnd.microsoft.iothub.json\r\nContent-Length: %zu\r\n\r\n",
               buf_size(&entries) + 1);
    buf_put_slice(out, buf_slice(&entries));
    buf_put_str(out, "]");
    buf_free(&entries);
}

static void make_request(struct client *c, struct slice master, unsigned number)
{
    char device[32];
    snprintf(device, sizeof device, "dev%06u", number);
    buf_printf(&c->request,
               "POST /devices/%s/messages/events?api-version=2020-03-13 HTTP/1.1\r\n"
               "Host: " HOST "\r\nAuthorization: ",
               device);
    put_token(&c->request, master, device);
    buf_put_str(&c->request, "\r\n");
    if (batch)
        put_batch(&c->request);
    else
        put_single(&c->request);
}

/* ---- clients */

static void begin(struct client *c)
{
    c->began_us = clock_mono_us();
    if (c->tls.ssl)
        tls_say(&c->tls, buf_slice(&c->request));
    else
        tls_open(&c->tls, port, "");
}

static void on_opened(struct tls_line *t)
{
    struct client *c = CONTAINER_OF(t, struct client, tls);
    tls_say(t, buf_slice(&c->request));
}

static void on_heard(struct tls_line *t, struct slice bytes)
{
    struct client *c = CONTAINER_OF(t, struct client, tls);
    buf_put_slice(&c->heard, bytes);
    if (!slice_ends(buf_slice(&c->heard), SLICE_LIT("\r\n\r\n"))) return;
    if (!slice_starts(buf_slice(&c->heard), SLICE_LIT("HTTP/1.1 204"))) {
        fprintf(stderr, "%.600s\n", buf_cstr(&c->heard));
        exit(1);
    }
    buf_clear(&c->heard);
    load_done(c->began_us, MAX(batch, 1u));
    if (!stays) tls_close(&c->tls);
    begin(c);
}

int main(int argc, char **argv)
{
    struct buf master = {0};
    bool batches = argc > 1 && strcmp(argv[1], "batch") == 0;
    if (argc != (batches ? 8 : 7)) return 2;
    if (batches) batch = (unsigned)atoi(argv[7]);
    stays = strcmp(argv[1], "fresh") != 0;
    port = (unsigned)atoi(argv[2]);
    if (text_unbase64(&master, slice_str(argv[4])) != OK) lines_stop("KEY");
    unsigned count = (unsigned)atoi(argv[5]);
    struct client *clients = mem_zero(count * sizeof *clients);
    tls_prepare(NULL);
    for (unsigned i = 0; i < count; i++) {
        clients[i].tls.opened = on_opened;
        clients[i].tls.heard = on_heard;
        make_request(&clients[i], buf_slice(&master), i);
        begin(&clients[i]);
    }
    load_run(argv[3], (unsigned)atoi(argv[6]));
    return 0;
}
