/* core.c - a core's loop: rounds of I/O, then one turn of the lane.
 *
 * libuv polls; every connection's bytes are fed to its front as they come.  The check handle then
 * runs the lane: mail, timers, and at the end the hooks that post batches and send output.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "net/uv_conn.h"

static void close_listeners(struct core *core);

/* ---- turns */

static void take_turn(struct core *core)
{
    core->turn_number++;
    lane_run_once(&core->lane, clock_mono_us());
}

static void on_turn(uv_check_t *handle)
{
    take_turn(handle->data);
}

static void on_alarm(uv_timer_t *handle)
{
    take_turn(handle->data);
}

/* Sleep no longer than until the lane's next timer. */
static void on_arm(uv_prepare_t *handle)
{
    struct core *core = handle->data;
    int64_t next = timers_next(&core->lane.timers);
    if (next == INT64_MAX) {
        uv_timer_stop(&core->alarm);
        return;
    }
    int64_t wait_us = MAX(next - clock_mono_us(), 0);
    uv_timer_start(&core->alarm, on_alarm, (uint64_t)(wait_us + 999) / 1000, 0);
}

/* ---- wishes of the main thread, and mail */

static void obey(struct core *core)
{
    int wish = atomic_load(&core->wish);
    if (wish == CORE_RUN) return;
    close_listeners(core);
    if (!core->draining) uv_conn_close_all(core, false);
    core->draining = true;
    if (wish == CORE_STOP) {
        uv_conn_close_all(core, true);
        uv_stop(&core->loop);
    }
}

static void on_mail(uv_async_t *handle)
{
    obey(handle->data);
}

static void wake(struct lane *lane)
{
    struct core *core = lane->wake_ctx;
    uv_async_send(&core->mail);
}

static void run(void *arg)
{
    struct core *core = arg;
    lane_running = &core->lane;
    uv_run(&core->loop, UV_RUN_DEFAULT);
}

/* ---- life */

struct core *core_new(struct office *office, unsigned index, unsigned max_connections)
{
    static const char *const names[LANES_MAX] = {"core0", "core1", "core2", "core3",
                                                 "core4", "core5", "core6", "core7"};
    struct core *core = NEW(struct core);
    lane_init(&core->lane, office, names[index] ? names[index] : "core");
    conn_host_init(&core->host, &core->lane);
    list_init(&core->listeners);
    list_init(&core->conns);
    core->conn_max = max_connections;
    uv_loop_init(&core->loop);
    uv_async_init(&core->loop, &core->mail, on_mail);
    uv_check_init(&core->loop, &core->turn);
    uv_prepare_init(&core->loop, &core->arm);
    uv_timer_init(&core->loop, &core->alarm);
    core->mail.data = core->turn.data = core->arm.data = core->alarm.data = core;
    core->lane.wake_ctx = core;
    core->lane.wake = wake;
    uv_check_start(&core->turn, on_turn);
    uv_prepare_start(&core->arm, on_arm);
    return core;
}

struct lane *core_lane(struct core *core)
{
    return &core->lane;
}

static unsigned port_of(const uv_tcp_t *tcp)
{
    struct sockaddr_storage sa;
    int len = sizeof sa;
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&sa, &len)) return 0;
    return ntohs(((struct sockaddr_in *)&sa)->sin_port); /* at the same place in IPv6 */
}

enum err core_listen(struct core *core, int fd, bool is_unix, const struct net_listener *spec)
{
    struct listener *l = NEW(struct listener);
    l->core = core;
    l->spec = *spec;
    l->is_unix = is_unix;
    if (is_unix)
        uv_pipe_init(&core->loop, &l->handle.pipe, 0);
    else
        uv_tcp_init(&core->loop, &l->handle.tcp);
    l->handle.stream.data = l;
    list_push(&core->listeners, &l->node);
    int e = is_unix ? uv_pipe_open(&l->handle.pipe, fd) : uv_tcp_open(&l->handle.tcp, fd);
    if (e == 0 && !is_unix) l->port = port_of(&l->handle.tcp);
    if (e == 0) e = uv_listen(&l->handle.stream, NET_BACKLOG, uv_conn_accept);
    return e ? fail(ERR_IO, "cannot listen: %s", uv_strerror(e)) : OK;
}

void core_start(struct core *core)
{
    int e = uv_thread_create(&core->thread, run, core);
    assert(e == 0);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_listeners(struct core *core)
{
    struct list *node;
    while ((node = list_shift(&core->listeners)) != NULL) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        uv_close((uv_handle_t *)&l->handle, on_listener_closed);
    }
}

void core_drain(struct core *core)
{
    atomic_store(&core->wish, CORE_DRAIN);
    uv_async_send(&core->mail);
}

bool core_drained(struct core *core)
{
    return atomic_load(&core->conn_count) == 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void wake_nobody(struct lane *lane)
{
    (void)lane;
}

void core_close(struct core *core)
{
    if (core->closed) return;
    core->lane.wake = wake_nobody;
    lane_running = &core->lane;
    close_listeners(core);
    uv_conn_close_all(core, true);
    uv_walk(&core->loop, close_handle, NULL);
    uv_run(&core->loop, UV_RUN_DEFAULT);
    int e = uv_loop_close(&core->loop);
    assert(e == 0);
    core->closed = true;
}

void core_stop(struct core *core)
{
    atomic_store(&core->wish, CORE_STOP);
    uv_async_send(&core->mail);
    uv_thread_join(&core->thread);
}

void core_free(struct core *core)
{
    core_close(core);
    conn_host_fini(&core->host);
    lane_fini(&core->lane);
    free(core);
}
