/* link.c - bytes under way in the simulated network. */
#include "link.h"

#include <stdlib.h>

#include "base/num.h"

enum { LATENCY_MAX_US = 3000, STALL_MAX_US = 400000, WINDOW = 64 << 10 };

struct pipe {
    struct buf bytes;   /* sent and not delivered */
    int64_t busy_until; /* when the newest byte arrives */
};

/* Links whose server still knows them. */
static struct list served = {&served, &served};

struct link {
    struct list node; /* in served */
    struct conn conn;
    struct conn_host *host;
    struct pipe up, down;
    const struct link_client *client;
    void *client_ctx; /* NULL: the client has gone */
    int64_t deaf_until_us;
    bool server_gone, paused, cut;
    bool dying;      /* the server's process is being killed */
    bool delivering; /* the client may close it meanwhile */
};

static void free_if_over(struct link *l)
{
    if (!l->server_gone || l->client_ctx || l->delivering) return;
    world_forget(l);
    buf_free(&l->up.bytes);
    buf_free(&l->down.bytes);
    free(l);
}

static int64_t latency(void)
{
    return (int64_t)world_random(world_chance(1) ? STALL_MAX_US : LATENCY_MAX_US);
}

/* The server's side runs on its core: as if the loop had read the socket. */
static void enter_core(struct link *l)
{
    lane_running = l->host->lane;
}

/* The core is not run just now: later. */
static bool put_off(struct link *l, void (*fn)(void *ctx, uint64_t arg))
{
    if (!world_stalls(l->host->lane)) return false;
    world_at(world.stalled_until_us, fn, l, 0);
    return true;
}

/* ---- towards the server */

static void arrive_up(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (l->server_gone || l->paused || buf_size(&l->up.bytes) == 0 || put_off(l, arrive_up)) return;
    size_t n = 1 + (size_t)world_random(MIN(buf_size(&l->up.bytes), (size_t)CONN_READ_MAX));
    n = MIN(n, buf_size(&l->up.bytes));
    struct buf piece = {0};
    buf_put_slice(&piece, slice_head(buf_slice(&l->up.bytes), n));
    buf_consume(&l->up.bytes, n);
    if (buf_size(&l->up.bytes))
        world_at(world.now_us + (int64_t)world_random(200), arrive_up, l, 0);
    world_trace(buf_slice(&piece));
    enter_core(l);
    conn_received(&l->conn, buf_slice(&piece), world.now_us);
    lane_run_once(l->host->lane, world.now_us);
    buf_free(&piece);
}

void link_send(struct link *l, struct slice bytes)
{
    if (l->cut) return;
    buf_put_slice(&l->up.bytes, bytes);
    l->up.busy_until = MAX(l->up.busy_until, world.now_us + latency());
    world_at(l->up.busy_until, arrive_up, l, 0);
}

void link_send_all(struct link *l, struct buf *bytes)
{
    if (buf_size(bytes)) link_send(l, buf_slice(bytes));
    buf_clear(bytes);
}

/* ---- towards the client */

static void server_may_write(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (l->server_gone || put_off(l, server_may_write)) return;
    enter_core(l);
    conn_writable(&l->conn, world.now_us);
    lane_run_once(l->host->lane, world.now_us);
}

static void arrive_down(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (buf_size(&l->down.bytes) == 0) return;
    if (l->deaf_until_us > world.now_us && !l->server_gone) {
        world_at(l->deaf_until_us, arrive_down, l, 0);
        return;
    }
    struct buf piece = {0};
    size_t n = buf_size(&l->down.bytes);
    if (!l->server_gone && world_chance(20)) n = 1 + (size_t)world_random(n);
    buf_put_slice(&piece, slice_head(buf_slice(&l->down.bytes), n));
    buf_consume(&l->down.bytes, n);
    if (buf_size(&l->down.bytes))
        world_at(world.now_us + (int64_t)world_random(200), arrive_down, l, 0);
    else
        buf_free(&l->down.bytes);
    world_trace(buf_slice(&piece));
    l->delivering = true;
    if (l->client_ctx) l->client->received(l->client_ctx, buf_slice(&piece));
    l->delivering = false;
    buf_free(&piece);
    if (!l->server_gone) server_may_write(l, 0);
    free_if_over(l);
}

static void server_write(struct conn *c, struct slice bytes)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    if (l->cut) return;
    buf_put_slice(&l->down.bytes, bytes);
    l->down.busy_until = MAX(l->down.busy_until, world.now_us + latency());
    world_at(l->down.busy_until, arrive_down, l, 0);
}

/* What is beyond the window would still lie in the server's memory. */
static size_t server_waiting(const struct conn *c)
{
    const struct link *l = CONTAINER_OF((void *)(uintptr_t)c, struct link, conn);
    size_t under_way = buf_size(&l->down.bytes);
    return under_way > WINDOW ? under_way - WINDOW : 0;
}

static void server_pause(struct conn *c)
{
    CONTAINER_OF(c, struct link, conn)->paused = true;
}

static void server_resume(struct conn *c)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    l->paused = false;
    world_at(world.now_us, arrive_up, l, 0);
}

/* ---- ends */

static void client_hears_end(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (l->client_ctx == NULL) return;
    if (!l->cut && buf_size(&l->down.bytes)) {
        world_at(world.now_us, client_hears_end, l, 0);
        arrive_down(l, 0);
        return;
    }
    void *client = l->client_ctx;
    l->client_ctx = NULL;
    l->client->ended(client);
    free_if_over(l);
}

static void server_is_gone(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (put_off(l, server_is_gone)) return;
    enter_core(l);
    conn_gone(&l->conn, world.now_us);
    l->server_gone = true;
    list_remove(&l->node);
    lane_run_once(l->host->lane, world.now_us);
    world_at(world.now_us + latency(), client_hears_end, l, 0);
    free_if_over(l);
}

static void server_shut(struct conn *c, bool abort)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    (void)abort;
    if (!l->dying) world_at(world.now_us, server_is_gone, l, 0);
}

static void server_hears_end(void *ctx, uint64_t unused)
{
    struct link *l = ctx;
    (void)unused;
    if (l->server_gone || put_off(l, server_hears_end)) return;
    if (!l->cut && buf_size(&l->up.bytes) && !l->paused) { /* what was sent before the FIN */
        arrive_up(l, 0);
        world_at(world.now_us, server_hears_end, l, 0);
        return;
    }
    enter_core(l);
    conn_ended(&l->conn, ERR_CLOSED);
}

void link_close(struct link *l)
{
    l->client_ctx = NULL;
    if (l->server_gone)
        free_if_over(l);
    else
        world_at(MAX(l->up.busy_until, world.now_us + latency()), server_hears_end, l, 0);
}

void link_deaf(struct link *l, int64_t until_us)
{
    l->deaf_until_us = until_us;
}

void link_cut(struct link *l)
{
    l->cut = true;
    buf_free(&l->up.bytes);
    buf_free(&l->down.bytes);
    world_at(world.now_us + latency(), server_hears_end, l, 0);
    world_at(world.now_us + latency(), client_hears_end, l, 0);
}

static void server_died(struct link *l)
{
    world_forget(l);
    l->cut = l->dying = true;
    enter_core(l);
    conn_abort(&l->conn);
    conn_gone(&l->conn, world.now_us); /* gives its memory back; nobody hears of it */
    l->server_gone = true;
    if (l->client_ctx)
        world_at(world.now_us + latency(), client_hears_end, l, 0);
    else
        free_if_over(l);
}

void link_servers_died(void)
{
    struct list *node;
    while ((node = list_shift(&served)) != NULL) server_died(CONTAINER_OF(node, struct link, node));
}

static const struct transport sim_transport = {server_write, server_waiting, server_pause,
                                               server_resume, server_shut};

struct link *link_open(struct conn_host *host, const struct front *front, void *front_ctx,
                       const struct link_client *client, void *client_ctx)
{
    struct link *l = NEW(struct link);
    l->host = host;
    l->client = client;
    l->client_ctx = client_ctx;
    list_push(&served, &l->node);
    enter_core(l);
    conn_init(&l->conn, host, &sim_transport, front, front_ctx, NULL);
    conn_begin(&l->conn, world.now_us);
    return l;
}
