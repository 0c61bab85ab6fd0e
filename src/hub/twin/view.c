/* view.c - twins on the cores of their sessions, where conditions and enrichments of routes look at them.
 *
 * A session's core asks for the twin when the session opens.  Home tells of every change from then on;
 * both only while routes want to see twins.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "hub/routing/routing.h"
#include "hub/twin/home.h"

/* A twin that a session waits for. */
struct view {
    struct list node;
    struct twins *twins;
    struct addr session;
    struct twin_wait wait;
};

static void free_view(struct view *v)
{
    list_remove(&v->node);
    free(v);
}

/* ---- on the session's core */

static void on_answer(struct twin_wait *w, const struct twin_answer *a)
{
    struct view *v = CONTAINER_OF(w, struct view, wait);
    struct session *s = slot_get(v->twins->lane, v->session);
    if (s) session_set_twin(s, a->status == STATUS_OK ? a->body : SLICE_NONE);
    free_view(v);
}

static void ask(void *ctx, struct session *s)
{
    struct twins *t = ctx;
    struct view *v = NEW(struct view);
    *v = (struct view){.twins = t, .session = s->slot, .wait.fn = on_answer};
    list_push(&t->views, &v->node);
    twin_get(t, slice_str(s->who), &v->wait);
}

static void on_view(void *ctx, struct lane *lane, struct msg *m)
{
    struct session *s = slot_get(lane, m->to); /* which opens with it, if it waits for a twin */
    (void)ctx;
    if (s) session_set_twin(s, msg_body(m));
}

/* ---- at home */

static void on_changed(struct twin_listener *l, struct slice who)
{
    struct twins *t = CONTAINER_OF(l, struct twins, view_listener);
    struct entry *e = map_get(&t->entries, who);
    struct session_link link;
    struct buf json = {0};
    if (!routing_wants_twin(t->routing, RECORD_TELEMETRY)) return;
    if (e == NULL || e->twin == NULL || !session_home_find(t->sessions, who, &link)) return;
    if (twin_put_whole(&json, who, e->twin) == OK) {
        struct msg *m = msg_new(TWIN_VIEW, buf_size(&json));
        slice_copy(m->body, buf_slice(&json));
        post(t->lane, lane_addr(t->lane), link.session, m);
    }
    buf_free(&json);
}

void twins_show_to_sessions(struct twins *t, struct session_desk *desk,
                            const struct routing *routing)
{
    t->routing = routing;
    t->view_listener.changed = on_changed;
    twins_listen(t, &t->view_listener);
    desk->ask_twin = ask;
    desk->ask_ctx = t;
}

void twin_view_join(struct twins *t)
{
    list_init(&t->views);
    lane_on(t->lane, TWIN_VIEW, on_view, t);
}

void twin_view_fini(struct twins *t)
{
    for (struct list *node; (node = list_shift(&t->views)) != NULL;)
        free_view(CONTAINER_OF(node, struct view, node));
}
