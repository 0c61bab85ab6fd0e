/* session.c - begin, end and the windows between (specification 2.5).
 *
 *          begin                      end from either side
 *   none ---------> live -------------------------------------> dissolving ---> gone
 *                                                                    |
 *              we ended it, the peer has not answered: its frames are swallowed until it does
 *
 * An end of the peer's is answered at once, unless ours is on its way: each side says it once (2.5.4, 2.5.5).
 */
#include <stdlib.h>

#include "proto/amqp/internal.h"

/* What we say of our own sending: no limit but the peer's. */
enum { OUTGOING_WINDOW = INT32_MAX };

static uint32_t window_of(const struct amqp *a)
{
    return or_default(a->cfg->window, AMQP_WINDOW);
}

static uint32_t sessions_max(const struct amqp *a)
{
    return or_default(a->cfg->sessions_max, AMQP_SESSIONS_MAX);
}

static struct amqp_session *session_new(struct amqp *a, uint16_t local)
{
    struct amqp_session *s = NEW(struct amqp_session);
    s->amqp = a;
    s->local = local;
    s->incoming_window = window_of(a);
    s->next_outgoing_id = 1;
    s->handle_max = UINT32_MAX;
    a->kept_bytes += AMQP_SESSION_COST;
    amqp_table_put(&a->by_local, local, s);
    return s;
}

static void put_begin(struct amqp_session *s)
{
    struct amqp *a = s->amqp;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, s->local, P_BEGIN);
    if (s->begun)
        amqp_put_ushort(a->out, s->remote);
    else
        amqp_put_null(a->out);
    amqp_put_uint(a->out, s->next_outgoing_id);
    amqp_put_uint(a->out, s->incoming_window);
    amqp_put_uint(a->out, OUTGOING_WINDOW);
    amqp_put_uint(a->out, AMQP_HANDLE_MAX);
    amqp_put_nulls(a->out, 3);
    amqp_frame_end(a, fields, 8);
}

struct amqp_session *amqp_send_begin(struct amqp *a)
{
    uint32_t local = amqp_table_free_id(&a->by_local);
    bool room = a->by_local.count < sessions_max(a) && local <= a->channel_max;
    if (!room || a->phase >= PHASE_DYING || a->close_sent) return NULL;
    struct amqp_session *s = session_new(a, (uint16_t)local);
    put_begin(s);
    return s;
}

void amqp_send_end(struct amqp_session *s, const struct amqp_error *error)
{
    struct amqp *a = s->amqp;
    if (!amqp_session_live(s)) return;
    s->end_sent = true;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, s->local, P_END);
    amqp_put_error(a, error);
    amqp_frame_end(a, fields, 1);
}

bool amqp_session_live(const struct amqp_session *s)
{
    const struct amqp *a = s->amqp;
    return a->phase < PHASE_DYING && !a->close_sent && !s->end_sent && !s->end_received;
}

/* The peer's begin: what it says about its side. */
static void read_begin(struct amqp_session *s, uint16_t channel, const struct fields *f)
{
    s->begun = true;
    s->remote = channel;
    s->next_incoming_id = (uint32_t)f->v[1].u;
    s->outgoing_window = (uint32_t)f->v[2].u;
    s->handle_max = amqp_u32(&f->v[4], UINT32_MAX);
    amqp_table_put(&s->amqp->by_remote, channel, s);
}

/* Begun and ended in one breath; the peer's end finishes it. */
static void refuse(struct amqp_session *s)
{
    struct amqp_error e =
        amqp_error_of(AMQP_RESOURCE_LIMIT, "The connection has as many sessions as it may have.");
    s->silent = true;
    amqp_send_end(s, &e);
}

/* Besides so many others, of which some may be refused ones. */
static bool has_room(const struct amqp *a, uint32_t others)
{
    return a->by_local.count < sessions_max(a) + others &&
           a->kept_bytes + AMQP_SESSION_COST <= a->kept_max + (size_t)others * AMQP_SESSION_COST;
}

/* Which of them there is no room for. */
static enum amqp_limit limit_of(const struct amqp *a, uint32_t local)
{
    bool many = a->by_local.count >= sessions_max(a) || local > a->channel_max;
    return many ? AMQP_LIMIT_SESSIONS : AMQP_LIMIT_KEPT;
}

static void accept(struct amqp *a, uint16_t channel, const struct fields *f, struct amqp_event *ev)
{
    bool taken = amqp_table_get(&a->by_local, channel) || channel > a->channel_max;
    uint32_t local = taken ? amqp_table_free_id(&a->by_local) : channel;
    if (!has_room(a, AMQP_REFUSED_MAX) || local > a->channel_max) {
        amqp_limit_met(a, limit_of(a, local));
        amqp_fail(a, ERR_PROTOCOL, AMQP_RESOURCE_LIMIT, "Too many sessions.");
        return;
    }
    bool room = has_room(a, 0);
    if (!room) amqp_limit_met(a, limit_of(a, local));
    struct amqp_session *s = session_new(a, (uint16_t)local);
    read_begin(s, channel, f);
    put_begin(s);
    if (!room) {
        refuse(s);
        return;
    }
    ev->kind = AMQP_ON_BEGIN;
    ev->session = s;
}

void amqp_on_begin(struct amqp *a, uint16_t channel, const struct fields *f, struct amqp_event *ev)
{
    if (amqp_table_get(&a->by_remote, channel)) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_NOT_ALLOWED, "Channel %u has a session already.", channel);
        return;
    }
    if (!amqp_has(&f->v[0])) {
        accept(a, channel, f, ev);
        return;
    }
    struct amqp_session *s = amqp_table_get(&a->by_local, (uint32_t)f->v[0].u);
    if (s == NULL || s->begun) {
        amqp_fail(a, ERR_PROTOCOL, AMQP_INVALID_FIELD, "There is no begin of ours on channel %u.",
                  (unsigned)f->v[0].u);
        return;
    }
    read_begin(s, channel, f);
    ev->kind = AMQP_ON_BEGIN;
    ev->session = s;
}

/* ---- the end */

void amqp_session_fail(struct amqp_session *s, const char *condition, const char *description)
{
    struct amqp_error e = amqp_error_of(condition, description);
    amqp_send_end(s, &e);
    s->amqp->error = e;
    s->amqp->dissolving = s;
}

void amqp_on_end(struct amqp_session *s, const struct fields *f)
{
    struct amqp *a = s->amqp;
    if (!s->end_sent) amqp_send_end(s, NULL);
    s->end_received = true;
    a->error = amqp_error_read(&f->v[0]);
    a->dissolving = s;
}

static void leave(struct amqp_session *s)
{
    struct amqp *a = s->amqp;
    amqp_table_remove(&a->by_local, s->local);
    if (s->begun) {
        amqp_table_remove(&a->by_remote, s->remote);
        amqp_recent_add(&a->ended, s->remote);
    }
    if (a->waking == s) a->waking = NULL;
    amqp_unkeep(a, AMQP_SESSION_COST);
    a->dead_session = s;
}

/* One link after the other, then the session itself.  A session that we ended stays until the peer
 * has answered, but nobody hears of it again. */
void amqp_dissolve(struct amqp *a, struct amqp_event *ev)
{
    struct amqp_session *s = a->dissolving;
    struct amqp_link *l = amqp_table_from(&s->links_out, 0);
    ev->session = s;
    ev->error = a->error;
    if (l) {
        amqp_link_remove(l);
        a->dead_link = l;
        ev->link = l;
        if (!l->silent) ev->kind = AMQP_ON_DETACH;
        return;
    }
    a->dissolving = NULL;
    if (!s->silent) ev->kind = AMQP_ON_END;
    s->silent = true;
    if (a->phase != PHASE_DYING) a->error = (struct amqp_error){0};
    if (s->end_received || a->phase == PHASE_DYING) leave(s);
}

void amqp_session_free(struct amqp_session *s)
{
    struct amqp *a = s->amqp;
    if (amqp_table_get(&a->by_local, s->local) == s) leave(s);
    a->dead_session = NULL;
    amqp_table_fini(&s->links_in);
    amqp_table_fini(&s->links_out);
    free(s);
}

/* ---- windows */

bool amqp_window_take(struct amqp_session *s)
{
    if (s->incoming_window == 0) {
        amqp_limit_met(s->amqp, AMQP_LIMIT_TRANSFERS);
        amqp_session_fail(s, AMQP_WINDOW_VIOLATION, "More transfers came than the window allows.");
        return false;
    }
    s->next_incoming_id++;
    s->incoming_window--;
    if (s->incoming_window <= window_of(s->amqp) / 2) {
        s->incoming_window = window_of(s->amqp);
        amqp_put_flow(s, NULL, false);
    }
    return true;
}

static void pump_all(struct amqp_session *s)
{
    for (uint32_t i = 0; i < s->links_out.count && s->unsent_links && s->outgoing_window; i++)
        amqp_pump(s->links_out.rows[i].object);
}

/* What the peer still takes: it counts from its next-incoming-id, which may lag behind what we have
 * sent (specification 2.5.6). */
void amqp_on_session_flow(struct amqp_session *s, const struct fields *f)
{
    const uint32_t initial = 1; /* while the peer has not seen our begin */
    uint32_t window = (uint32_t)f->v[1].u;
    uint32_t unseen = s->next_outgoing_id - amqp_u32(&f->v[0], initial);
    s->outgoing_window = window > unseen ? window - unseen : 0;
    pump_all(s);
    if (s->outgoing_window && s->stalled) {
        s->stalled = false;
        s->amqp->waking = s;
        s->amqp->wake_from = 0;
    }
}

/* The next sending link that may go on. */
void amqp_wake_next(struct amqp *a, struct amqp_event *ev)
{
    struct amqp_session *s = a->waking;
    struct amqp_link *l = amqp_table_from(&s->links_out, a->wake_from);
    if (l == NULL) {
        a->waking = NULL;
        return;
    }
    a->wake_from = l->local + 1;
    if (!amqp_can_send(l)) return;
    *ev = (struct amqp_event){.kind = AMQP_ON_FLOW, .session = s, .link = l};
}
