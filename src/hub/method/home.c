/* home.c - the home core's part: finds the session, or lets the call wait for one.
 *
 * Who waits for an identity stands in its line until a session that takes methods opens, or until the
 * call's own time to connect is over.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "hub/diagnostic/diagnostic.h"
#include "hub/method/message.h"
#include "hub/refusal/refusal.h"

LIMIT_REACHED(too_many_wait, "methods-waiting")
GAUGE(waiting_now, "azimuth_methods_waiting", "Direct methods that wait for a device to connect");

/* Is there such an identity? */
struct lookup {
    struct list node; /* in methods->lookups */
    struct registry_load load;
    struct methods *methods;
    struct msg *m;
};

struct line {
    struct list waiting; /* struct waiting */
    unsigned count;
    size_t who_len;
    uint8_t who[];
};

struct waiting {
    struct list node;
    struct timer timer;
    struct methods *methods;
    struct line *line;
    struct msg *m;
};

static void note_deafness(struct methods *m, struct slice who)
{
    refusal_home_note(m->hub->refusals, m->lane,
                      &(struct refusal){.cause = REFUSAL_NOT_SUBSCRIBED,
                                        .known = true,
                                        .who = who,
                                        .observed = SLICE_LIT("a method was called, and it has no "
                                                              "subscription to methods")});
}

static void refuse(struct methods *m, const struct msg *call, enum method_end why)
{
    if (why == METHOD_NOT_SUBSCRIBED) note_deafness(m, method_msg_who(call));
    method_done(m, call->from, why, 0, SLICE_NONE);
}

/* For the caller's resource log; it comes before any answer. */
static void tell_sdk(struct methods *m, const struct msg *call)
{
    struct slice sdk = session_home_sdk(m->sessions, method_msg_who(call));
    if (sdk.len == 0 || !diagnostic_wanted(m->hub, DIAGNOSTIC_DIRECT_METHODS)) return;
    struct msg *told = msg_new(METHOD_SDK, sdk.len);
    memcpy(told->body, sdk.ptr, sdk.len);
    post(m->lane, lane_addr(m->lane), call->from, told);
}

/* The message stays the caller's: whoever answers it answers him. */
static void send(struct methods *m, struct msg *call, struct addr session)
{
    tell_sdk(m, call);
    call->kind = METHOD_SEND;
    post(m->lane, call->from, session, call);
}

/* Is there somebody to send it to?  *why: if not, why not. */
static bool find(const struct methods *m, struct slice who, struct addr *session,
                 enum method_end *why)
{
    struct session_link link;
    *why = METHOD_NOT_CONNECTED;
    if (!session_home_find(m->sessions, who, &link)) return false;
    *why = METHOD_NOT_SUBSCRIBED;
    *session = link.session;
    return link.features & SESSION_METHODS;
}

/* ---- waiting for a session */

/* The message is the caller's afterwards. */
static struct msg *leave(struct waiting *w)
{
    struct methods *m = w->methods;
    struct line *line = w->line;
    struct msg *call = w->m;
    m->waiting_bytes -= call->len;
    metric_add(&waiting_now, -1);
    timer_stop(&w->timer);
    list_remove(&w->node);
    free(w);
    if (--line->count == 0) {
        map_remove(&m->lines, slice_of(line->who, line->who_len));
        free(line);
    }
    return call;
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct waiting *w = CONTAINER_OF(t, struct waiting, timer);
    struct methods *m = w->methods;
    struct msg *call = leave(w);
    struct addr session;
    enum method_end why;
    (void)now_us;
    if (find(m, method_msg_who(call), &session, &why)) why = METHOD_NOT_CONNECTED;
    refuse(m, call, why);
    msg_free(call);
}

static struct line *line_of(struct methods *m, struct slice who)
{
    struct line *line = map_get(&m->lines, who);
    if (line) return line;
    line = mem_zero(sizeof *line + who.len);
    list_init(&line->waiting);
    memcpy(line->who, who.ptr, who.len);
    line->who_len = who.len;
    map_put(&m->lines, slice_of(line->who, line->who_len), line);
    return line;
}

static bool has_room(const struct methods *m, const struct msg *call)
{
    const struct line *line = map_get(&m->lines, method_msg_who(call));
    return (line == NULL || line->count < METHOD_PENDING_MAX) &&
           m->waiting_bytes + call->len <= METHOD_WAITING_BYTES_MAX;
}

/* The message is ours. */
static void wait_for_session(struct methods *m, struct msg *call)
{
    const struct method_call_msg *body = (const void *)call->body;
    struct waiting *w = NEW(struct waiting);
    *w = (struct waiting){.methods = m, .line = line_of(m, method_msg_who(call)), .m = call};
    list_push(&w->line->waiting, &w->node);
    w->line->count++;
    m->waiting_bytes += call->len;
    metric_add(&waiting_now, 1);
    timer_init(&w->timer, on_timer);
    timer_set(&m->lane->timers, &w->timer, clock_mono_us() + method_wait_us(body->connect_s));
}

static void on_session_changed(struct session_listener *l, struct slice who,
                               const struct session_link *link)
{
    struct methods *m = CONTAINER_OF(l, struct methods, listener);
    struct line *line = map_get(&m->lines, who);
    if (line == NULL || link == NULL || !(link->features & SESSION_METHODS)) return;
    for (unsigned left = line->count; left > 0; left--)
        send(m, leave(CONTAINER_OF(list_take(&line->waiting), struct waiting, node)),
             link->session);
}

/* ---- a call comes */

static enum method_end end_of_load(enum err e)
{
    if (e == ERR_NOT_FOUND) return METHOD_NO_DEVICE;
    return e == ERR_THROTTLED ? METHOD_BUSY : METHOD_STORE_SILENT;
}

/* Nobody took it at once; the message is ours. */
static void consider(struct methods *m, struct msg *call, enum err e)
{
    struct addr session;
    enum method_end why = METHOD_ANSWERED;
    if (e != OK) {
        why = end_of_load(e);
    } else if (find(m, method_msg_who(call), &session, &why)) {
        send(m, call, session);
        return;
    } else if (((const struct method_call_msg *)(const void *)call->body)->connect_s > 0) {
        if (has_room(m, call)) {
            wait_for_session(m, call);
            return;
        }
        metric_inc(&too_many_wait);
        why = METHOD_BUSY;
    }
    refuse(m, call, why);
    msg_free(call);
}

static void on_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct lookup *l = CONTAINER_OF(load, struct lookup, load);
    (void)id;
    list_remove(&l->node);
    consider(l->methods, l->m, e);
    free(l);
}

static void look_up(struct methods *m, struct msg *call)
{
    struct lookup *l = NEW(struct lookup);
    l->methods = m;
    l->m = call;
    list_push(&m->lookups, &l->node);
    registry_load(m->registry, method_msg_who(call), &l->load, on_loaded);
}

static void on_call(void *ctx, struct lane *lane, struct msg *call)
{
    struct methods *m = ctx;
    struct addr session;
    enum method_end why;
    (void)lane;
    msg_keep(call);
    if (find(m, method_msg_who(call), &session, &why))
        send(m, call, session);
    else
        look_up(m, call);
}

/* ---- life */

void home_join(struct methods *m)
{
    list_init(&m->lookups);
    lane_on(m->lane, METHOD_CALL, on_call, m);
    m->listener.changed = on_session_changed;
    session_home_listen(m->sessions, &m->listener);
}

void home_leave(struct methods *m)
{
    struct line *line;
    for (struct list *node; (node = list_shift(&m->lookups)) != NULL;) {
        struct lookup *l = CONTAINER_OF(node, struct lookup, node);
        msg_free(l->m);
        free(l);
    }
    for (size_t at = 0; (line = map_next(&m->lines, &at)) != NULL; at = 0)
        for (unsigned left = line->count; left > 0; left--)
            msg_free(leave(CONTAINER_OF(list_take(&line->waiting), struct waiting, node)));
    map_free(&m->lines);
}
