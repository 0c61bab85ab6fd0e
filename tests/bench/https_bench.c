/* https_bench.c - telemetry over HTTPS: what a message costs a server, and how long it takes to its 204.
 *
 * usage: https_bench kept  PORT PID KEY DEVICES SECONDS    each device on a connection that stays
 *        https_bench fresh PORT PID KEY DEVICES SECONDS    a new connection for each message
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

static unsigned port;
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

static void make_request(struct client *c, struct slice master, unsigned number)
{
    char device[32], body[BODY + 1];
    snprintf(device, sizeof device, "dev%06u", number);
    memset(body, 'x', BODY);
    body[BODY] = 0;
    memcpy(body, "{\"text\":\"", 9);
    memcpy(body + BODY - 2, "\"}", 2);
    buf_printf(&c->request,
               "POST /devices/%s/messages/events?api-version=2020-03-13 HTTP/1.1\r\n"
               "Host: " HOST "\r\nAuthorization: ",
               device);
    put_token(&c->request, master, device);
    buf_printf(&c->request,
               "\r\nContent-Type: application/octet-stream\r\n"
               "iothub-contenttype: application/json\r\niothub-contentencoding: utf-8\r\n"
               "Content-Length: %d\r\n\r\n%s",
               BODY, body);
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
    load_done(c->began_us, 1);
    if (!stays) tls_close(&c->tls);
    begin(c);
}

int main(int argc, char **argv)
{
    struct buf master = {0};
    if (argc != 7) return 2;
    stays = strcmp(argv[1], "kept") == 0;
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
