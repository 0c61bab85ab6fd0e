/* link.c - attach, credit and detach (specification 2.6).
 *
 *   peer attaches:  announced -> answered -> (detach from either side) -> gone
 *                            `-> refused: attach without terminus, detach; gone when the peer detaches
 *   we attach:      sent -> answered by the peer -> ...
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "proto/amqp/internal.h"

static uint32_t links_max(const struct amqp *a)
{
    return or_default(a->cfg->links_max, AMQP_LINKS_MAX);
}

/* For our answer.  Above the limit the link is refused, and then this is given back. */
static void keep(struct amqp_link *l, struct slice name, struct slice source, struct slice target)
{
    size_t size = sizeof(struct amqp_kept) + name.len + source.len + target.len;
    struct amqp_kept *k = l->kept = mem_new(size);
    k->size = size;
    l->session->amqp->kept_bytes += size;
    struct slice *const parts[] = {&k->name, &k->source, &k->target};
    const struct slice from[] = {name, source, target};
    uint8_t *at = k->bytes;
    for (size_t i = 0; i < 3; i++) {
        if (from[i].len) memcpy(at, from[i].ptr, from[i].len);
        *parts[i] = slice_of(at, from[i].len);
        at += from[i].len;
    }
}

static void forget_kept(struct amqp_link *l)
{
    if (l->kept == NULL) return;
    amqp_unkeep(l->session->amqp, l->kept->size);
    free(l->kept);
    l->kept = NULL;
}

static struct amqp_link *link_new(struct amqp_session *s, bool sender)
{
    struct amqp_link *l = NEW(struct amqp_link);
    l->session = s;
    l->sender = sender;
    l->local = amqp_table_free_id(&s->links_out);
    amqp_table_put(&s->links_out, l->local, l);
    s->amqp->link_count++;
    s->amqp->kept_bytes += AMQP_LINK_COST;
    return l;
}

void amqp_link_remove(struct amqp_link *l)
{
    struct amqp_session *s = l->session;
    amqp_table_remove(&s->links_out, l->local);
    if (l->attach_received) {
        amqp_table_remove(&s->links_in, l->remote);
        amqp_recent_add(&s->detached, (uint16_t)l->remote);
    }
    s->amqp->link_count--;
    amqp_unkeep(s->amqp, AMQP_LINK_COST);
    amqp_unsent_drop(l);
    amqp_partial_drop(l);
    forget_kept(l);
}

/* ---- attach */

struct attach {
    struct slice name, offered, desired, properties;
    bool without_source, without_target; /* a refusal */
    struct slice source, target;         /* encoded; empty: one with null fields */
    uint64_t max_message_size;
};

enum { SOURCE_FIELDS = 11, TARGET_FIELDS = 7 };

/* Python's client takes no attach whose source or target is missing or empty. */
static void put_terminus(struct buf *b, struct slice encoded, uint8_t code, unsigned fields)
{
    if (encoded.len) {
        buf_put_slice(b, encoded);
        return;
    }
    amqp_put_descriptor(b, code);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_nulls(b, fields);
    amqp_close(b, list, fields);
}

static void put_attach(struct amqp_link *l, const struct attach *w)
{
    struct amqp *a = l->session->amqp;
    l->attach_sent = true;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, l->session->local, P_ATTACH);
    amqp_put_string(a->out, w->name);
    amqp_put_uint(a->out, l->local);
    amqp_put_bool(a->out, !l->sender);
    amqp_put_ubyte(a->out, l->snd_mode);
    amqp_put_ubyte(a->out, l->rcv_mode);
    if (w->without_source)
        amqp_put_null(a->out);
    else
        put_terminus(a->out, w->source, P_SOURCE, SOURCE_FIELDS);
    if (w->without_target)
        amqp_put_null(a->out);
    else
        put_terminus(a->out, w->target, P_TARGET, TARGET_FIELDS);
    amqp_put_null(a->out);
    amqp_put_bool(a->out, false);
    if (l->sender)
        amqp_put_uint(a->out, l->delivery_count);
    else
        amqp_put_null(a->out);
    amqp_put_ulong(a->out, w->max_message_size);
    amqp_put_raw(a->out, w->offered);
    amqp_put_raw(a->out, w->desired);
    if (w->properties.len)
        buf_put_slice(a->out, w->properties);
    else
        amqp_close(a->out, amqp_open_map(a->out), 0);
    amqp_frame_end(a, fields, 14);
}

static void put_source(struct buf *b, const struct amqp_link_config *cfg)
{
    amqp_put_descriptor(b, P_SOURCE);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_string(b, cfg->source);
    amqp_put_nulls(b, 6);
    amqp_put_raw(b, cfg->filter);
    amqp_put_nulls(b, 3);
    amqp_close(b, list, SOURCE_FIELDS);
}

static void put_target(struct buf *b, const struct amqp_link_config *cfg)
{
    amqp_put_descriptor(b, P_TARGET);
    struct amqp_open list = amqp_open_list(b);
    amqp_put_string(b, cfg->target);
    amqp_put_nulls(b, TARGET_FIELDS - 1);
    amqp_close(b, list, TARGET_FIELDS);
}

struct amqp_link *amqp_send_attach(struct amqp_session *s, const struct amqp_link_config *cfg)
{
    struct buf source = {0}, target = {0};
    bool handles = amqp_table_free_id(&s->links_out) <= s->handle_max;
    if (s->amqp->link_count >= links_max(s->amqp) || !handles || !amqp_session_live(s)) return NULL;
    struct amqp_link *l = link_new(s, cfg->sender);
    l->snd_mode = cfg->snd_mode;
    l->rcv_mode = cfg->rcv_mode;
    l->receive_max = cfg->max_message_size;
    keep(l, cfg->name, SLICE_NONE, SLICE_NONE);
    put_source(&source, cfg);
    put_target(&target, cfg);
    put_attach(l, &(struct attach){.name = cfg->name,
                                   .desired = cfg->desired,
                                   .properties = cfg->properties,
                                   .source = buf_slice(&source),
                                   .target = buf_slice(&target),
                                   .max_message_size = cfg->max_message_size});
    buf_free(&source);
    buf_free(&target);
    return l;
}

static bool awaits_answer(const struct amqp_link *l)
{
    return amqp_session_live(l->session) && !l->attach_sent;
}

void amqp_answer_attach(struct amqp_link *l, const struct amqp_link_answer *answer)
{
    if (!awaits_answer(l)) return;
    l->receive_max = MAX(answer->max_message_size, answer->receive_max);
    put_attach(l, &(struct attach){.name = l->kept->name,
                                   .offered = answer->offered,
                                   .properties = answer->properties,
                                   .source = l->kept->source,
                                   .target = l->kept->target,
                                   .max_message_size = answer->max_message_size});
    forget_kept(l);
}

static void put_refusal(struct amqp_link *l)
{
    put_attach(l, &(struct attach){.name = l->kept->name,
                                   .without_source = l->sender,
                                   .without_target = !l->sender,
                                   .source = l->kept->source,
                                   .target = l->kept->target});
    forget_kept(l);
}

static void put_detach(struct amqp_link *l, bool closed, const struct amqp_error *error)
{
    struct amqp *a = l->session->amqp;
    l->detach_sent = true;
    amqp_unsent_drop(l);
    amqp_partial_drop(l);
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, l->session->local, P_DETACH);
    amqp_put_uint(a->out, l->local);
    amqp_put_bool(a->out, closed);
    amqp_put_error(a, error);
    amqp_frame_end(a, fields, 3);
}

void amqp_refuse_attach(struct amqp_link *l, const struct amqp_error *error)
{
    amqp_send_detach(l, error);
}

void amqp_send_detach(struct amqp_link *l, const struct amqp_error *error)
{
    l->silent = true;
    if (!amqp_session_live(l->session) || l->detach_sent) return;
    if (!l->attach_sent) put_refusal(l);
    put_detach(l, true, error);
}

void amqp_link_fail(struct amqp_link *l, const char *condition, const char *description,
                    struct amqp_event *ev)
{
    struct amqp_error e = amqp_error_of(condition, description);
    if (!l->silent) *ev = (struct amqp_event){AMQP_ON_DETACH, l->session, l, .error = e};
    amqp_send_detach(l, &e);
}

/* The link of ours that this attach answers. */
static struct amqp_link *find_ours(struct amqp_session *s, struct slice name, bool sender)
{
    if (s->amqp->cfg->role != AMQP_CLIENT) return NULL;
    for (uint32_t i = 0; i < s->links_out.count; i++) {
        struct amqp_link *l = s->links_out.rows[i].object;
        bool waiting = l->attach_sent && !l->attach_received;
        if (waiting && l->sender == sender && slice_eq(l->kept->name, name)) return l;
    }
    return NULL;
}

/* A link that the peer made; NULL: not even one to refuse. */
static struct amqp_link *theirs(struct amqp_session *s, const struct fields *f, bool sender)
{
    struct amqp *a = s->amqp;
    bool handles = amqp_table_free_id(&s->links_out) <= s->handle_max;
    bool refusable = a->link_count < links_max(a) + AMQP_REFUSED_MAX &&
                     a->kept_bytes <= a->kept_max + (size_t)AMQP_REFUSED_MAX * AMQP_LINK_COST;
    if (!refusable || !handles) {
        bool many = a->link_count >= links_max(a) || !handles;
        amqp_limit_met(a, many ? AMQP_LIMIT_LINKS : AMQP_LIMIT_KEPT);
        amqp_session_fail(s, AMQP_RESOURCE_LIMIT, "Too many links.");
        return NULL;
    }
    struct amqp_link *l = link_new(s, sender);
    keep(l, amqp_text(&f->v[0]), f->v[5].whole, f->v[6].whole);
    l->name = map_hash(l->kept->name);
    if (f->v[5].type == AMQP_NULL) l->kept->source = SLICE_NONE;
    if (f->v[6].type == AMQP_NULL) l->kept->target = SLICE_NONE;
    return l;
}

/* The link of the peer that has that name and direction in this session, unless it is going. */
static struct amqp_link *find_namesake(struct amqp_session *s, struct slice name, bool sender)
{
    uint64_t hash = map_hash(name);
    if (s->amqp->cfg->role != AMQP_SERVER) return NULL;
    for (uint32_t i = 0; i < s->links_out.count; i++) {
        struct amqp_link *l = s->links_out.rows[i].object;
        if (l->name == hash && l->sender == sender && !l->detach_sent) return l;
    }
    return NULL;
}

/* The newer of two links of one name is the one that counts (specification 2.6.1): the older one is told,
 * and then the attach is read again.  .NET has the same names in each session of a connection, so that a
 * name counts in its session only. */
static bool steal(struct amqp_session *s, struct slice name, bool sender, struct amqp_event *ev)
{
    struct amqp_link *old = find_namesake(s, name, sender);
    if (old == NULL) return false;
    amqp_link_fail(old, AMQP_STOLEN, "A newer link of this session has that name.", ev);
    s->amqp->frame_again = true;
    return true;
}

static void read_attach(struct amqp_link *l, const struct fields *f)
{
    enum { SND_MIXED = 2, RCV_SECOND = 1 };
    l->attach_received = true;
    l->remote = (uint32_t)f->v[1].u;
    l->snd_mode = (uint8_t)MIN(amqp_u32(&f->v[3], SND_MIXED), (uint32_t)SND_MIXED);
    l->rcv_mode = (uint8_t)MIN(amqp_u32(&f->v[4], 0), (uint32_t)RCV_SECOND);
    if (!l->sender) l->delivery_count = amqp_u32(&f->v[9], 0);
    l->max_message_size = amqp_has(&f->v[10]) ? f->v[10].u : 0;
    amqp_table_put(&l->session->links_in, l->remote, l);
}

static void announce(struct amqp_link *l, const struct fields *f, struct amqp_event *ev)
{
    ev->kind = AMQP_ON_ATTACH;
    ev->session = l->session;
    ev->link = l;
    ev->attach.name = amqp_text(&f->v[0]);
    ev->attach.source = amqp_terminus_of(&f->v[5]);
    ev->attach.target = amqp_terminus_of(&f->v[6]);
    ev->attach.desired = f->v[12];
    ev->attach.properties = f->v[13];
}

/* Why that link, which is there already, is one too many; NULL: it is not. */
static const char *excess(const struct amqp *a)
{
    bool many = a->link_count > links_max(a);
    if (!many && a->kept_bytes <= a->kept_max) return NULL;
    amqp_limit_met(a, many ? AMQP_LIMIT_LINKS : AMQP_LIMIT_KEPT);
    return many ? "The connection has as many links as it may have."
                : "The connection makes the server keep as much as it may.";
}

void amqp_on_attach(struct amqp_session *s, const struct fields *f, struct amqp_event *ev)
{
    struct amqp *a = s->amqp;
    uint32_t handle = (uint32_t)f->v[1].u;
    bool sender = f->v[2].u;
    if (handle > AMQP_HANDLE_MAX) {
        amqp_limit_met(a, AMQP_LIMIT_LINKS);
        amqp_fail(a, ERR_PROTOCOL, AMQP_FRAMING_ERROR, "Handle %u is above the handle-max of %d.",
                  handle, AMQP_HANDLE_MAX);
        return;
    }
    if (amqp_table_get(&s->links_in, handle)) {
        amqp_session_fail(s, AMQP_HANDLE_IN_USE, "The handle has a link already.");
        return;
    }
    if (steal(s, amqp_text(&f->v[0]), sender, ev)) return;
    struct amqp_link *l = find_ours(s, amqp_text(&f->v[0]), sender);
    if (l == NULL) l = theirs(s, f, sender);
    if (l == NULL) return;
    if (l->attach_sent) forget_kept(l);
    read_attach(l, f);
    const char *why_not = excess(a);
    if (why_not) {
        struct amqp_error e = amqp_error_of(AMQP_RESOURCE_LIMIT, why_not);
        amqp_refuse_attach(l, &e);
    }
    if (!l->silent) announce(l, f, ev);
}

/* ---- detach */

/* The peer names a handle without a link.  Where one has been, and both sides have detached it, a flow or another detach
 * is late and of no use, and no reason to end all links of the session. */
static void no_link(struct amqp_session *s, uint32_t handle)
{
    if (!amqp_recent_has(&s->detached, handle))
        amqp_session_fail(s, AMQP_UNATTACHED_HANDLE, "There is no link with that handle.");
}

void amqp_on_detach(struct amqp_session *s, const struct fields *f, struct amqp_event *ev)
{
    uint32_t handle = (uint32_t)f->v[0].u;
    struct amqp_link *l = amqp_table_get(&s->links_in, handle);
    if (l == NULL) {
        no_link(s, handle);
        return;
    }
    if (!l->attach_sent) put_refusal(l);
    if (!l->detach_sent) put_detach(l, amqp_has(&f->v[1]) && f->v[1].u, NULL);
    amqp_link_remove(l);
    s->amqp->dead_link = l;
    if (l->silent) return;
    *ev = (struct amqp_event){AMQP_ON_DETACH, s, l, .error = amqp_error_read(&f->v[2])};
}

/* ---- credit */

void amqp_put_flow(struct amqp_session *s, const struct amqp_link *l, bool drain)
{
    struct amqp *a = s->amqp;
    struct amqp_open fields = amqp_frame_begin(a, FRAME_AMQP, s->local, P_FLOW);
    if (s->begun)
        amqp_put_uint(a->out, s->next_incoming_id);
    else
        amqp_put_null(a->out);
    amqp_put_uint(a->out, s->incoming_window);
    amqp_put_uint(a->out, s->next_outgoing_id);
    amqp_put_uint(a->out, INT32_MAX);
    if (l) {
        amqp_put_uint(a->out, l->local);
        amqp_put_uint(a->out, l->delivery_count);
        amqp_put_uint(a->out, l->credit);
    } else {
        amqp_put_nulls(a->out, 3);
    }
    amqp_put_null(a->out);
    amqp_put_bool(a->out, drain);
    amqp_put_bool(a->out, false);
    amqp_put_null(a->out);
    amqp_frame_end(a, fields, 11);
}

static bool attached(const struct amqp_link *l)
{
    return amqp_session_live(l->session) && l->attach_sent && !l->detach_sent;
}

void amqp_send_flow(struct amqp_link *l, uint32_t credit, bool drain)
{
    assert(!l->sender);
    if (!attached(l)) return;
    l->credit = credit;
    l->drain = drain;
    amqp_put_flow(l->session, l, drain);
}

void amqp_send_drained(struct amqp_link *l)
{
    assert(l->sender);
    if (!attached(l)) return;
    l->delivery_count += l->credit;
    l->credit = 0;
    amqp_put_flow(l->session, l, l->drain);
    l->drain = false;
}

/* We send: the peer's word on how much.  It counts from a delivery-count that may lag behind ours. */
static void take_credit(struct amqp_link *l, const struct fields *f)
{
    uint32_t credit = amqp_u32(&f->v[6], 0);
    uint32_t unseen = l->delivery_count - amqp_u32(&f->v[5], 0);
    l->credit = credit > unseen ? credit - unseen : 0;
    l->drain = amqp_has(&f->v[8]) && f->v[8].u;
}

/* The peer sends: it gives credit back by counting deliveries that never came. */
static void give_back(struct amqp_link *l, const struct fields *f)
{
    uint32_t skipped = amqp_u32(&f->v[5], l->delivery_count) - l->delivery_count;
    if (skipped > l->credit) return;
    l->credit -= skipped;
    l->delivery_count += skipped;
}

void amqp_on_flow(struct amqp_session *s, const struct fields *f, struct amqp_event *ev)
{
    struct amqp_link *l = NULL;
    bool echo = amqp_has(&f->v[9]) && f->v[9].u;
    amqp_on_session_flow(s, f);
    if (amqp_has(&f->v[4])) {
        uint32_t handle = (uint32_t)f->v[4].u;
        l = amqp_table_get(&s->links_in, handle);
        if (l == NULL) {
            no_link(s, handle);
            return;
        }
        if (l->detach_sent) return;
        if (l->sender)
            take_credit(l, f);
        else
            give_back(l, f);
        if (attached(l)) *ev = (struct amqp_event){.kind = AMQP_ON_FLOW, .session = s, .link = l};
    }
    if (echo) amqp_put_flow(s, l, false);
}
