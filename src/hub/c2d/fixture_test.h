/* fixture_test.h - queues on two cores, devices that are slots, services that wait; sessions are the
 * test's: it says who is connected. */
#ifndef HUB_C2D_FIXTURE_TEST_H
#define HUB_C2D_FIXTURE_TEST_H

#include "store/rig.h"

#include "base/num.h"

#include "hub/c2d/home.h"

enum { CORES = 2 };

/* ---- hub/session, as far as queues need it */

struct session_home {
    struct session_listener *listener;
};

void session_home_listen(struct session_home *home, struct session_listener *l)
{
    home->listener = l;
}

struct session *session_of(const struct lane *lane, const struct msg *m)
{
    return slot_get(lane, m->to);
}

/* ---- all of it together */

struct fixture {
    struct rig rig;
    struct hub hub;
    struct registry *registries[CORES];
    struct session_home homes[CORES];
    struct c2d *c2d[CORES];
};

static inline void fixture_open(struct fixture *f)
{
    f->hub = (struct hub){.office = &f->rig.office, .core_count = CORES, .store = f->rig.store};
    for (unsigned i = 0; i < CORES; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < CORES; i++) {
        rig_on(f->rig.cores[i]);
        f->registries[i] = registry_new(&f->hub, f->rig.cores[i]);
        f->c2d[i] = c2d_new(&f->hub, f->rig.cores[i], f->registries[i], &f->homes[i]);
    }
}

static inline void fixture_close(struct fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) {
        c2d_free(f->c2d[i]);
        registry_free(f->registries[i]);
    }
}

static inline void fixture_init(struct fixture *f)
{
    rig_init_cores(&f->rig, io_mem_new(), CORES);
    fixture_open(f);
}

static inline void fixture_fini(struct fixture *f)
{
    fixture_close(f);
    rig_fini(&f->rig);
}

static inline void fixture_restart(struct fixture *f)
{
    fixture_close(f);
    rig_restart(&f->rig);
    fixture_open(f);
}

static inline unsigned home_of(const struct fixture *f, const char *device)
{
    return hub_home(&f->hub, slice_str(device)).lane == f->hub.cores[0] ? 0 : 1;
}

/* The core that the service is on: not the device's. */
static inline struct c2d *far(struct fixture *f, const char *device)
{
    unsigned core = 1 - home_of(f, device);
    rig_on(f->rig.cores[core]);
    return f->c2d[core];
}

/* ---- identities */

struct stored {
    struct registry_wait wait;
    enum status status;
    char generation[65];
};

static inline void on_stored(struct registry_wait *w, const struct registry_answer *a)
{
    CONTAINER_OF(w, struct stored, wait)->status = a->status;
}

static inline void create(struct fixture *f, const char *device)
{
    struct stored s = {.wait.fn = on_stored, .status = STATUSES};
    rig_on(f->rig.cores[0]);
    registry_put(f->registries[0], slice_str(device), SLICE_NONE, SLICE_LIT("{}"), &s.wait);
    rig_run(&f->rig);
    assert_int_equal(s.status, STATUS_OK);
}

static inline void destroy(struct fixture *f, const char *device)
{
    struct stored s = {.wait.fn = on_stored, .status = STATUSES};
    rig_on(f->rig.cores[0]);
    registry_delete(f->registries[0], slice_str(device), SLICE_LIT("*"), &s.wait);
    rig_run(&f->rig);
    assert_int_equal(s.status, STATUS_OK);
}

/* ---- verbs */

struct reply {
    struct c2d_wait wait;
    unsigned answers;
    enum status status;
    char text[256];
    unsigned count;
    bool has_message;
    struct c2d_message message; /* without its sections */
    char body[64];
};

static inline void note_body(struct slice sections, char body[64])
{
    struct c2d_view v;
    c2d_view(sections, &v);
    snprintf(body, 64, "%.*s", SLICE_ARG(v.body));
}

static inline void on_reply(struct c2d_wait *w, const struct c2d_answer *a)
{
    struct reply *r = CONTAINER_OF(w, struct reply, wait);
    r->answers++;
    r->status = a->status;
    r->count = a->count;
    snprintf(r->text, sizeof r->text, "%s", a->text ? a->text : "");
    r->has_message = a->message != NULL;
    if (a->message == NULL) return;
    r->message = *a->message;
    note_body(a->message->sections, r->body);
}

static inline struct reply waiting(void)
{
    return (struct reply){.wait.fn = on_reply, .status = STATUSES};
}

static inline enum status send_draft(struct fixture *f, const char *device,
                                     const struct c2d_draft *d)
{
    struct reply r = waiting();
    c2d_send(far(f, device), slice_str(device), d, &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 1);
    return r.status;
}

/* `ack` NULL: none said; `ttl_ms` 0: none said. */
static inline enum status send_as(struct fixture *f, const char *device, const char *body,
                                  const char *ack, int64_t ttl_ms)
{
    struct c2d_property p = {SLICE_LIT("iothub-ack"), slice_str(ack)};
    struct c2d_draft d = {.message_id = slice_str(body),
                          .body = slice_str(body),
                          .properties = &p,
                          .property_count = ack != NULL,
                          .expiry_ms = ttl_ms ? clock_wall_us() / 1000 + ttl_ms : 0};
    return send_draft(f, device, &d);
}

static inline enum status send(struct fixture *f, const char *device, const char *body)
{
    return send_as(f, device, body, NULL, 0);
}

static inline struct reply receive(struct fixture *f, const char *device, int64_t lock_us)
{
    struct reply r = waiting();
    c2d_receive(far(f, device), slice_str(device), lock_us, &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 1);
    return r;
}

static inline enum status settle(struct fixture *f, const char *device, const uint8_t *lock,
                                 enum c2d_outcome outcome)
{
    struct reply r = waiting();
    c2d_settle(far(f, device), slice_str(device), lock, outcome, &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 1);
    return r.status;
}

static inline struct reply purge(struct fixture *f, const char *device)
{
    struct reply r = waiting();
    c2d_purge(far(f, device), slice_str(device), &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 1);
    return r;
}

/* ---- devices with a session */

enum { GOT_MAX = 256 };

struct phone {
    struct session session;
    struct fixture *f;
    struct c2d *c2d; /* of its connection's core */
    const char *id;
    unsigned count;    /* of messages that came */
    unsigned recalls;  /* that were told */
    uint64_t recalled; /* the last */
    struct {
        uint64_t sequence;
        unsigned delivery_count;
        uint8_t lock[C2D_TOKEN_LEN];
        char body[64];
    } got[GOT_MAX];
};

static inline void on_message(struct session *s, const struct c2d_message *m)
{
    struct phone *p = CONTAINER_OF(s, struct phone, session);
    assert_true(p->count < GOT_MAX);
    p->got[p->count].sequence = m->sequence;
    p->got[p->count].delivery_count = m->delivery_count;
    memcpy(p->got[p->count].lock, m->lock, C2D_TOKEN_LEN);
    note_body(m->sections, p->got[p->count].body);
    p->count++;
}

static inline void on_recall(struct session *s, uint64_t sequence)
{
    struct phone *p = CONTAINER_OF(s, struct phone, session);
    p->recalls++;
    p->recalled = sequence;
}

static inline void tell(struct phone *p, const struct session_link *link)
{
    unsigned home = home_of(p->f, p->id);
    struct session_listener *l = p->f->homes[home].listener;
    rig_on(p->f->rig.cores[home]);
    l->changed(l, slice_str(p->id), link);
    rig_run(&p->f->rig);
}

/* On the core that is not the device's home. */
static inline void connect_phone(struct fixture *f, struct phone *p, const char *id)
{
    static const struct session_owner owner = {.message = on_message, .recall = on_recall};
    *p = (struct phone){.f = f, .id = id, .session.owner = &owner, .c2d = far(f, id)};
    p->session.slot = slot_new(p->c2d->lane, &p->session);
    struct session_link link = {p->session.slot, HUB_MQTT, SESSION_C2D};
    tell(p, &link);
}

static inline void hang_up(struct phone *p)
{
    slot_free(p->c2d->lane, p->session.slot);
    tell(p, NULL);
}

/* As a PUBACK does: nobody waits. */
static inline void complete(struct phone *p, unsigned index)
{
    rig_on(p->c2d->lane);
    c2d_settle(p->c2d, slice_str(p->id), p->got[index].lock, C2D_COMPLETE, NULL);
    rig_run(&p->f->rig);
}

/* ---- rows */

static inline int64_t rows_of(struct fixture *f, const struct store_statement *s,
                              const char *device)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, s);
    store_put_text(&q, "device_id", slice_str(device));
    assert_int_equal(store_now_query(f->rig.store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    int64_t n = a.col[0].number;
    msg_free(page);
    return n;
}

#endif
