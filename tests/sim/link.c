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
    unsigned planned; /* events that are still to come, or are just happening */
    bool server_gone, paused, cut;
    bool dying; /* the server's process is being killed */
    bool stuffed;
};

static void free_if_over(struct link *l)
{
    if (!l->server_gone || l->client_ctx || l->planned) return;
    buf_free(&l->up.bytes);
    buf_free(&l->down.bytes);
    free(l);
}

/* What may happen to a link, some time; each finds out whether it still matters. */
enum happening { UP, DOWN, MAY_WRITE, SERVER_END, CLIENT_END, SERVER_GONE, TURN_END };

static void happen(void *ctx, uint64_t what);

static void plan(struct link *l, int64_t due_us, enum happening what)
{
    l->planned++;
    world_at(due_us, happen, l, what);
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

/* Whatever else its core reads in a turn that lasts comes before its mail. */
static void end_turn(const struct link *l)
{
    if (!world_in_turn(l->host->lane)) lane_run_once(l->host->lane, world.now_us);
}

/* The core is not run just now: later. */
static bool put_off(struct link *l, enum happening what)
{
    if (!world_stalls(l->host->lane)) return false;
    plan(l, world_stalled_until(l->host->lane), what);
    return true;
}

/* ---- towards the server */

static void arrive_up(struct link *l)
{
    if (l->server_gone || l->paused || buf_size(&l->up.bytes) == 0 || put_off(l, UP)) return;
    size_t n = 1 + (size_t)world_random(MIN(buf_size(&l->up.bytes), (size_t)CONN_READ_MAX));
    n = MIN(n, buf_size(&l->up.bytes));
    struct buf piece = {0};
    buf_put_slice(&piece, slice_head(buf_slice(&l->up.bytes), n));
    buf_consume(&l->up.bytes, n);
    if (buf_size(&l->up.bytes)) plan(l, world.now_us + (int64_t)world_random(200), UP);
    world_trace(buf_slice(&piece));
    enter_core(l);
    conn_received(&l->conn, buf_slice(&piece), world.now_us);
    end_turn(l);
    buf_free(&piece);
}

void link_send(struct link *l, struct slice bytes)
{
    if (l->cut) return;
    buf_put_slice(&l->up.bytes, bytes);
    l->up.busy_until = MAX(l->up.busy_until, world.now_us + latency());
    plan(l, l->up.busy_until, UP);
}

void link_send_all(struct link *l, struct buf *bytes)
{
    if (buf_size(bytes)) link_send(l, buf_slice(bytes));
    buf_clear(bytes);
}

/* ---- towards the client */

static void server_may_write(struct link *l)
{
    if (l->server_gone || put_off(l, MAY_WRITE)) return;
    enter_core(l);
    conn_writable(&l->conn, world.now_us);
    end_turn(l);
}

static void arrive_down(struct link *l)
{
    if (buf_size(&l->down.bytes) == 0) return;
    if (l->deaf_until_us > world.now_us && !l->server_gone) {
        plan(l, l->deaf_until_us, DOWN);
        return;
    }
    struct buf piece = {0};
    size_t n = buf_size(&l->down.bytes);
    if (!l->server_gone && world_chance(20)) n = 1 + (size_t)world_random(n);
    buf_put_slice(&piece, slice_head(buf_slice(&l->down.bytes), n));
    buf_consume(&l->down.bytes, n);
    if (buf_size(&l->down.bytes))
        plan(l, world.now_us + (int64_t)world_random(200), DOWN);
    else
        buf_free(&l->down.bytes);
    world_trace(buf_slice(&piece));
    if (l->client_ctx) l->client->received(l->client_ctx, buf_slice(&piece));
    buf_free(&piece);
    if (!l->server_gone) server_may_write(l);
}

static void server_write(struct conn *c, struct slice bytes)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    if (l->cut) return;
    buf_put_slice(&l->down.bytes, bytes);
    l->down.busy_until = MAX(l->down.busy_until, world.now_us + latency());
    plan(l, l->down.busy_until, DOWN);
}

/* What is beyond the window would still lie in the server's memory. */
static size_t server_waiting(const struct conn *c)
{
    const struct link *l = CONTAINER_OF((void *)(uintptr_t)c, struct link, conn);
    size_t under_way = buf_size(&l->down.bytes);
    bool stuffed = l->stuffed && under_way && l->deaf_until_us > world.now_us;
    return (stuffed ? CONN_OUT_SOFT : 0) + (under_way > WINDOW ? under_way - WINDOW : 0);
}

static void server_pause(struct conn *c)
{
    CONTAINER_OF(c, struct link, conn)->paused = true;
}

static void server_resume(struct conn *c)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    l->paused = false;
    plan(l, world.now_us, UP);
}

/* ---- ends */

static void client_hears_end(struct link *l)
{
    if (l->client_ctx == NULL) return;
    if (!l->cut && buf_size(&l->down.bytes)) {
        plan(l, world.now_us, CLIENT_END);
        arrive_down(l);
        return;
    }
    void *client = l->client_ctx;
    l->client_ctx = NULL;
    l->client->ended(client);
}

static void server_is_gone(struct link *l)
{
    if (l->server_gone || put_off(l, SERVER_GONE)) return;
    enter_core(l);
    conn_gone(&l->conn, world.now_us);
    l->server_gone = true;
    world.links--;
    list_remove(&l->node);
    end_turn(l);
    plan(l, world.now_us + latency(), CLIENT_END);
}

static void server_shut(struct conn *c, bool abort)
{
    struct link *l = CONTAINER_OF(c, struct link, conn);
    (void)abort;
    if (!l->dying) plan(l, world.now_us, SERVER_GONE);
}

static void server_hears_end(struct link *l)
{
    if (l->server_gone || put_off(l, SERVER_END)) return;
    if (!l->cut && buf_size(&l->up.bytes) && !l->paused) { /* what was sent before the FIN */
        arrive_up(l);
        plan(l, world.now_us, SERVER_END);
        return;
    }
    enter_core(l);
    conn_ended(&l->conn, ERR_CLOSED);
}

static void server_ends_turn(struct link *l)
{
    if (!l->server_gone && !put_off(l, TURN_END)) end_turn(l);
}

static void happen(void *ctx, uint64_t what)
{
    static void (*const functions[])(struct link *) = {
        [UP] = arrive_up,
        [DOWN] = arrive_down,
        [MAY_WRITE] = server_may_write,
        [SERVER_END] = server_hears_end,
        [CLIENT_END] = client_hears_end,
        [SERVER_GONE] = server_is_gone,
        [TURN_END] = server_ends_turn,
    };
    struct link *l = ctx;
    functions[what](l);
    l->planned--;
    free_if_over(l);
}

void link_close(struct link *l)
{
    l->client_ctx = NULL;
    if (l->server_gone)
        free_if_over(l);
    else
        plan(l, MAX(l->up.busy_until, world.now_us + latency()), SERVER_END);
}

void link_deaf(struct link *l, int64_t until_us)
{
    l->deaf_until_us = until_us;
}

void link_stuff(struct link *l)
{
    l->stuffed = true;
}

void link_prolong_turn(struct link *l, int64_t us)
{
    if (l->server_gone) return;
    world_prolong_turn(l->host->lane, us);
    plan(l, world.now_us + us, TURN_END);
}

void link_cut(struct link *l)
{
    l->cut = true;
    buf_free(&l->up.bytes);
    buf_free(&l->down.bytes);
    plan(l, world.now_us + latency(), SERVER_END);
    plan(l, world.now_us + latency(), CLIENT_END);
}

static void server_died(struct link *l)
{
    l->cut = l->dying = true;
    buf_free(&l->up.bytes);
    buf_free(&l->down.bytes);
    enter_core(l);
    conn_abort(&l->conn);
    conn_gone(&l->conn, world.now_us); /* gives its memory back; nobody hears of it */
    l->server_gone = true;
    if (l->client_ctx)
        plan(l, world.now_us + latency(), CLIENT_END);
    else
        free_if_over(l);
}

void link_servers_died(void)
{
    struct list *node;
    while ((node = list_shift(&served)) != NULL) server_died(CONTAINER_OF(node, struct link, node));
    world.links = 0;
}

static const struct transport sim_transport = {
    server_write, server_waiting, server_pause, server_resume, server_shut, NULL, NULL};

struct link *link_open(struct conn_host *host, const struct front *front, void *front_ctx,
                       const struct link_client *client, void *client_ctx)
{
    struct link *l = NEW(struct link);
    l->host = host;
    l->client = client;
    l->client_ctx = client_ctx;
    list_push(&served, &l->node);
    world.links++;
    world.links_most = MAX(world.links_most, world.links);
    enter_core(l);
    conn_init(&l->conn, host, &sim_transport, front, front_ctx, NULL);
    conn_begin(&l->conn, world.now_us);
    return l;
}
