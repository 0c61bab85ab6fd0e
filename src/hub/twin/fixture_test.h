/* fixture_test.h - twins of a hub of two cores, and who asks for them on core 0; for *_test.c files only. */
#ifndef HUB_TWIN_FIXTURE_TEST_H
#define HUB_TWIN_FIXTURE_TEST_H

#include "base/json.h"
#include "hub/twin/fleet_rig.h"

static struct fleet f;

static inline int set_up(void **state)
{
    (void)state;
    rig_init_cores(&f.rig, io_mem_new(), 2);
    fleet_open(&f);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    fleet_close(&f);
    rig_fini(&f.rig);
    return 0;
}

static inline void restart(void)
{
    fleet_close(&f);
    rig_restart(&f.rig);
    fleet_open(&f);
}

/* ---- identities */

struct identity_reply {
    struct registry_wait wait;
    enum status status;
    unsigned answers;
};

static inline void take_identity(struct registry_wait *w, const struct registry_answer *a)
{
    struct identity_reply *r = CONTAINER_OF(w, struct identity_reply, wait);
    r->status = a->status;
    r->answers++;
}

static inline void identity_is_done(const struct identity_reply *r)
{
    rig_run(&f.rig);
    assert_int_equal(r->answers, 1);
    assert_int_equal(r->status, STATUS_OK);
}

static inline void create(const char *id)
{
    struct identity_reply r = {.wait.fn = take_identity};
    rig_on(f.rig.cores[0]);
    registry_put(f.registries[0], slice_str(id), SLICE_NONE, SLICE_LIT("{}"), &r.wait);
    identity_is_done(&r);
}

static inline void drop(const char *id)
{
    struct identity_reply r = {.wait.fn = take_identity};
    rig_on(f.rig.cores[0]);
    registry_delete(f.registries[0], slice_str(id), SLICE_LIT("*"), &r.wait);
    identity_is_done(&r);
}

/* ---- twins */

/* What came back from a verb; {0} before the first. */
struct reply {
    struct twin_wait wait;
    unsigned answers;
    enum status status;
    int64_t version;
    char etag[32], text[200];
    struct arena arena;
    struct json *body; /* NULL: none */
};

static inline void take_reply(struct twin_wait *w, const struct twin_answer *a)
{
    struct reply *r = CONTAINER_OF(w, struct reply, wait);
    r->answers++;
    r->status = a->status;
    r->version = a->version;
    snprintf(r->etag, sizeof r->etag, "%.*s", SLICE_ARG(a->etag));
    snprintf(r->text, sizeof r->text, "%.*s", SLICE_ARG(a->text));
    if (a->body.len) assert_int_equal(json_parse(&r->arena, a->body, &r->body), OK);
}

static inline void reply_free(struct reply *r)
{
    arena_free(&r->arena);
}

/* Core 0's twins, as if the caller ran there; `r` is ready to wait again. */
static inline struct twins *asking(struct reply *r)
{
    reply_free(r);
    *r = (struct reply){.wait.fn = take_reply, .wait.by = SLICE_LIT("policy service")};
    rig_on(f.rig.cores[0]);
    return f.twins[0];
}

static inline enum status answered(struct reply *r)
{
    rig_run(&f.rig);
    assert_int_equal(r->answers, 1);
    return r->status;
}

static inline enum status report(struct reply *r, const char *who, int64_t version,
                                 const char *json)
{
    twin_report(asking(r), slice_str(who), version, slice_str(json), &r->wait);
    return answered(r);
}

static inline enum status change(struct reply *r, const char *who, enum twin_write how,
                                 const char *if_match, const char *json)
{
    twin_write(asking(r), slice_str(who), how, slice_str(if_match), slice_str(json), &r->wait);
    return answered(r);
}

/* The same where only success will do. */
static inline void must_report(const char *who, const char *json)
{
    struct reply r = {0};
    assert_int_equal(report(&r, who, TWIN_ANY_VERSION, json), STATUS_OK);
    reply_free(&r);
}

static inline void must_change(const char *who, enum twin_write how, const char *json)
{
    struct reply r = {0};
    assert_int_equal(change(&r, who, how, NULL, json), STATUS_OK);
    reply_free(&r);
}

#endif
