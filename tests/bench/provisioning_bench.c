/* provisioning_bench.c - registrations a second over HTTPS, and what one costs the server.
 *
 * usage: provisioning_bench keys PORT SCOPE PID GROUP_KEY CLIENTS FIRST COUNT
 *        provisioning_bench certificates PORT SCOPE PID FOLDER CLIENTS FIRST COUNT
 *
 * CLIENTS connections register COUNT devices, number FIRST and on, each as fast as it is answered (closed
 * loop): PUT register, WAIT_US later GET the operation, until it has ended.  With keys a connection goes on
 * with the next device; with certificates every device has a connection of its own, on which it shows a
 * certificate that the line in FOLDER has issued.  Before that, HANDSHAKES connections are opened and
 * closed, so that their price is known by itself.  PID is the server's.  Prints one line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/sas.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "load.h"
#include "tls_line.h"

enum { HANDSHAKES = 1000, WAIT_US = 200 * 1000, HANDSHAKE_WAIT_US = 20 * 1000, NAME_MAX_ = 32 };
#define API "api-version=2021-10-01"

struct client {
    struct tls_line tls;
    unsigned number; /* of its device */
    char name[NAME_MAX_], operation[80], token[320];
    struct buf heard;
    int64_t began_us, due_us; /* due: when it asks again, or closes */
    struct client *next;      /* in the queue of those that wait */
};

static const char *scope, *pid;
static unsigned port;
static bool with_keys, shakes_only;
static uint8_t group_key[64];
static size_t group_key_len;
static unsigned next_number, end_number, ended, polls;
static struct client *waiting, **waiting_end = &waiting;
static struct times times;

/* ---- the server */

static long server_resident(void)
{
    char path[64];
    long size, resident = 0;
    snprintf(path, sizeof path, "/proc/%s/statm", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2) lines_stop(path);
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

/* ---- waiting: as long for each, so that the first is due first */

static void wait_in_queue(struct client *c, int64_t us)
{
    c->due_us = clock_mono_us() + us;
    c->next = NULL;
    *waiting_end = c;
    waiting_end = &c->next;
}

static struct client *due(int64_t now_us)
{
    struct client *c = waiting;
    if (c == NULL || c->due_us > now_us) return NULL;
    waiting = c->next;
    if (waiting == NULL) waiting_end = &waiting;
    return c;
}

/* ---- requests */

static void make_token(struct client *c)
{
    uint8_t key[SAS_SIGNATURE_LEN];
    char resource[128];
    struct buf token = {0};
    snprintf(resource, sizeof resource, "%s/registrations/%s", scope, c->name);
    sas_derive_key(slice_of(group_key, group_key_len), slice_str(c->name), key);
    sas_make(&token, slice_str(resource), slice_of(key, sizeof key), "registration",
             clock_wall_us() / 1000000 + 3600);
    snprintf(c->token, sizeof c->token, "Authorization: %s\r\n", buf_cstr(&token));
    buf_free(&token);
}

static void ask_to_register(struct client *c)
{
    char body[64];
    struct buf text = {0};
    snprintf(body, sizeof body, "{\"registrationId\":\"%s\"}", c->name);
    buf_printf(&text,
               "PUT /%s/registrations/%s/register?" API " HTTP/1.1\r\nHost: localhost\r\n%s"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               scope, c->name, c->token, strlen(body), body);
    tls_say(&c->tls, buf_slice(&text));
    buf_free(&text);
}

static void ask_how_far(struct client *c)
{
    struct buf text = {0};
    polls++;
    buf_printf(&text,
               "GET /%s/registrations/%s/operations/%s?" API " HTTP/1.1\r\nHost: localhost\r\n%s"
               "\r\n",
               scope, c->name, c->operation, c->token);
    tls_say(&c->tls, buf_slice(&text));
    buf_free(&text);
}

/* ---- a client's devices */

static void take_device(struct client *c)
{
    c->number = next_number++;
    snprintf(c->name, sizeof c->name, "bench-%07u", c->number);
    c->began_us = clock_mono_us();
    if (with_keys) make_token(c);
}

static void begin(struct client *c)
{
    if (next_number == end_number) return;
    take_device(c);
    if (c->tls.ssl)
        ask_to_register(c);
    else
        tls_open(&c->tls, port, c->name);
}

static void on_opened(struct tls_line *t)
{
    struct client *c = CONTAINER_OF(t, struct client, tls);
    if (shakes_only)
        wait_in_queue(c, HANDSHAKE_WAIT_US);
    else
        ask_to_register(c);
}

static void end_device(struct client *c)
{
    times_add(&times, clock_mono_us() - c->began_us);
    ended++;
    if (!with_keys) tls_close(&c->tls);
    begin(c);
}

static void take_operation(struct client *c, const char *text)
{
    const char *at = strstr(text, "\"operationId\":\"");
    if (at == NULL) lines_stop(text);
    at += strlen("\"operationId\":\"");
    snprintf(c->operation, sizeof c->operation, "%.*s", (int)strcspn(at, "\""), at);
}

/* Answers have a body that ends the packet, an object. */
static void on_heard(struct tls_line *t, struct slice bytes)
{
    struct client *c = CONTAINER_OF(t, struct client, tls);
    buf_put_slice(&c->heard, bytes);
    if (!slice_ends(buf_slice(&c->heard), SLICE_LIT("}"))) return;
    const char *text = buf_cstr(&c->heard);
    bool goes_on = strncmp(text, "HTTP/1.1 202", 12) == 0;
    bool assigned =
        strncmp(text, "HTTP/1.1 200", 12) == 0 && strstr(text, "\"status\":\"assigned\"") != NULL;
    if (!goes_on && !assigned) {
        fprintf(stderr, "%.600s\n", text);
        exit(1);
    }
    if (goes_on) take_operation(c, text);
    buf_clear(&c->heard);
    if (goes_on)
        wait_in_queue(c, WAIT_US);
    else
        end_device(c);
}

/* ---- the two measurements */

static void turn(void)
{
    struct client *c;
    int64_t now_us = clock_mono_us();
    while ((c = due(now_us)) != NULL) {
        if (shakes_only) {
            tls_close(&c->tls);
            ended++;
            begin(c);
        } else {
            ask_how_far(c);
        }
    }
    lines_turn(waiting ? MAX(waiting->due_us - clock_mono_us(), 0) : LINES_WAIT_US);
}

static void run(struct client *clients, unsigned count, unsigned first, unsigned devices)
{
    next_number = first, end_number = first + devices, ended = 0;
    for (unsigned i = 0; i < count; i++) begin(&clients[i]);
    while (ended < devices) turn();
}

static double measure_handshakes(struct client *clients, unsigned count, unsigned first)
{
    uint64_t before_ns = server_cpu_ns(pid);
    shakes_only = true;
    run(clients, MIN(count, 32), first, HANDSHAKES);
    shakes_only = false;
    usleep(HANDSHAKE_WAIT_US);
    return (double)(server_cpu_ns(pid) - before_ns) / 1e3 / HANDSHAKES;
}

/* Keys: connections are there before anything is measured. */
static void open_all(struct client *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        tls_open(&clients[i].tls, port, "");
        while (!clients[i].tls.open) lines_turn(LINES_WAIT_US);
        clients[i].due_us = 0;
    }
}

static void ignore(struct tls_line *t)
{
    (void)t;
}

static void measure(struct client *clients, unsigned count, unsigned first, unsigned devices)
{
    double handshake_us = measure_handshakes(clients, count, first);
    for (unsigned i = 0; with_keys && i < count; i++) clients[i].tls.opened = ignore;
    if (with_keys) open_all(clients, count);
    long resident = server_resident();
    uint64_t before_ns = server_cpu_ns(pid);
    int64_t began_us = clock_mono_us();
    run(clients, count, first, devices);
    double seconds = (double)(clock_mono_us() - began_us) / 1e6;
    double cpu_us = (double)(server_cpu_ns(pid) - before_ns) / 1e3 / devices;
    long grown = server_resident() - resident;
    times_sort(&times);
    printf("{\"clients\":%u,\"registrations\":%u,\"seconds\":%.2f,\"per_s\":%.0f,"
           "\"cpu_us\":%.1f,\"handshake_cpu_us\":%.1f,\"without_handshake_cpu_us\":%.1f,"
           "\"polls_each\":%.3f,\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64
           ",\"rss_before\":%ld,\"rss_after\":%ld,\"rss_bytes_each\":%.1f}\n",
           count, devices, seconds, devices / seconds, cpu_us, handshake_us,
           with_keys ? cpu_us : cpu_us - handshake_us, (double)polls / devices,
           times_at(&times, 0.5), times_at(&times, 0.99), resident, resident + grown,
           (double)grown / devices);
}

static void read_group_key(const char *text)
{
    struct buf key = {0};
    if (text_unbase64(&key, slice_str(text)) != OK || buf_size(&key) > sizeof group_key)
        lines_stop("GROUP_KEY");
    group_key_len = buf_size(&key);
    memcpy(group_key, buf_slice(&key).ptr, group_key_len);
    buf_free(&key);
}

int main(int argc, char **argv)
{
    if (argc != 9) return 2;
    with_keys = strcmp(argv[1], "keys") == 0;
    port = (unsigned)atoi(argv[2]), scope = argv[3], pid = argv[4];
    unsigned count = (unsigned)atoi(argv[6]), devices = (unsigned)atoi(argv[8]);
    tls_prepare(with_keys ? NULL : argv[5]);
    if (with_keys) read_group_key(argv[5]);
    struct client *clients = mem_zero(count * sizeof *clients);
    for (unsigned i = 0; i < count; i++) {
        clients[i].tls.opened = on_opened;
        clients[i].tls.heard = on_heard;
    }
    times_init(&times, devices);
    measure(clients, count, (unsigned)atoi(argv[7]), devices);
    return 0;
}
