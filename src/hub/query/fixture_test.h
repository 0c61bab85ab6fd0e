/* fixture_test.h - a hub of two cores with registries, twins and queries, for *_test.c files only. */
#ifndef HUB_QUERY_FIXTURE_TEST_H
#define HUB_QUERY_FIXTURE_TEST_H

#include "store/rig.h"

#include "base/json.h"
#include "hub/query/query.h"
#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "hub/twin/twin.h"

static struct fixture {
    struct rig rig;
    struct hub hub;
    struct registry *registries[RIG_CORES_MAX];
    struct session_home *sessions[RIG_CORES_MAX];
    struct twins *twins[RIG_CORES_MAX];
    struct queries *queries[RIG_CORES_MAX];
} f;

static inline void open_all(void)
{
    f.hub =
        (struct hub){.office = &f.rig.office, .core_count = f.rig.core_count, .store = f.rig.store};
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        struct lane *lane = f.rig.cores[i];
        f.hub.cores[i] = lane->id;
        f.registries[i] = registry_new(&f.hub, lane);
        f.sessions[i] = session_home_new(&f.hub, lane, f.registries[i], NULL);
        f.twins[i] = twins_new(&f.hub, lane, f.registries[i], f.sessions[i]);
        f.queries[i] = queries_new(&f.hub, lane, f.registries[i]);
    }
}

static inline void close_all(void)
{
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        queries_free(f.queries[i]);
        twins_free(f.twins[i]);
        session_home_free(f.sessions[i]);
        registry_free(f.registries[i]);
    }
}

static inline int set_up(void **state)
{
    (void)state;
    rig_init_cores(&f.rig, io_mem_new(), 2);
    open_all();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    close_all();
    rig_fini(&f.rig);
    return 0;
}

/* ---- identities and twins, as if the caller ran on core 0 */

static enum status last_status;

static inline void on_identity(struct registry_wait *w, const struct registry_answer *a)
{
    (void)w;
    last_status = a->status;
}

static inline void put_identity(const char *who, const char *json)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_put(f.registries[0], slice_str(who), SLICE_NONE, slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

static inline void drop_identity(const char *who)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_delete(f.registries[0], slice_str(who), SLICE_LIT("*"), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

static inline void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    last_status = a->status;
}

static inline void write_twin(const char *who, enum twin_write how, const char *json)
{
    struct twin_wait w = {.fn = on_twin};
    rig_on(f.rig.cores[0]);
    twin_write(f.twins[0], slice_str(who), how, SLICE_NONE, slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

static inline void report(const char *who, const char *json)
{
    struct twin_wait w = {.fn = on_twin};
    rig_on(f.rig.cores[0]);
    twin_report(f.twins[0], slice_str(who), TWIN_ANY_VERSION, slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

/* ---- pages */

struct page {
    struct query_wait wait;
    unsigned answers;
    enum status status;
    unsigned count;
    struct buf body, next, text, who; /* who: one after the other, with blanks between them */
    const char *item_type;
    bool outdated;
};

static inline void page_free(struct page *p)
{
    buf_free(&p->body);
    buf_free(&p->next);
    buf_free(&p->text);
    buf_free(&p->who);
}

static inline void take_page(struct query_wait *w, const struct query_answer *a)
{
    struct page *p = CONTAINER_OF(w, struct page, wait);
    p->answers++;
    p->status = a->status;
    p->count = a->count;
    p->item_type = a->item_type;
    p->outdated = a->outdated;
    buf_put_slice(&p->body, a->body);
    buf_put_slice(&p->next, a->next);
    buf_put_slice(&p->text, a->text);
    for (unsigned i = 0; a->who && i < a->count; i++) {
        if (i) buf_put_u8(&p->who, ' ');
        buf_put_slice(&p->who, a->who[i]);
    }
}

/* Goes on behind what `p` has from before. */
static inline enum status ask_by(void (*verb)(struct queries *q, const struct query_ask *ask,
                                              struct query_wait *w),
                                 struct page *p, const char *text, unsigned max)
{
    struct buf after = p->next;
    p->next = (struct buf){0};
    page_free(p);
    *p = (struct page){.wait.fn = take_page};
    struct query_ask q = {.text = slice_str(text), .after = buf_slice(&after), .max = max};
    rig_on(f.rig.cores[0]);
    verb(f.queries[0], &q, &p->wait);
    buf_free(&after);
    rig_run(&f.rig);
    assert_int_equal(p->answers, 1);
    return p->status;
}

static inline enum status ask(struct page *p, const char *text, unsigned max, bool find)
{
    return ask_by(find ? query_find : query_page, p, text, max);
}

/* All pages of a query, `max` items each, as one JSON array. */
static inline const char *rows_of(const char *text, unsigned max)
{
    static struct buf all;
    struct page p = {0};
    buf_clear(&all);
    buf_put_u8(&all, '[');
    do {
        if (ask(&p, text, max, false) != STATUS_OK) fail_msg("%s: %s", text, buf_cstr(&p.text));
        struct slice body = buf_slice(&p.body);
        if (p.count && buf_size(&all) > 1) buf_put_u8(&all, ',');
        buf_put_slice(&all, slice_of(body.ptr + 1, body.len - 2));
    } while (buf_size(&p.next));
    buf_put_u8(&all, ']');
    page_free(&p);
    return buf_cstr(&all);
}

#endif
