/* fixture_test.h - a hub of two cores with registries, twins, queries and jobs; methods do what a test
 * says.  For *_test.c files only. */
#ifndef HUB_JOB_FIXTURE_TEST_H
#define HUB_JOB_FIXTURE_TEST_H

#include "store/rig.h"

#include "base/json.h"
#include "hub/job/job.h"
#include "hub/method/method.h"
#include "hub/query/query.h"
#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "hub/throttle/throttle.h"
#include "hub/twin/twin.h"

static struct fixture {
    struct rig rig;
    struct hub hub;
    struct registry *registries[RIG_CORES_MAX];
    struct session_home *sessions[RIG_CORES_MAX];
    struct twins *twins[RIG_CORES_MAX];
    struct queries *queries[RIG_CORES_MAX];
    struct jobs *jobs[RIG_CORES_MAX];
} f;

/* ---- methods: called at once, answered when the test says so */

struct methods {
    int unused;
};

enum { CALLS_MAX = 1000 };

static struct methods methods;
static struct method_call *calls[CALLS_MAX];
static unsigned call_count, calls_made;

enum err method_call(struct methods *m, const struct method_ask *ask, struct method_call *c)
{
    (void)m, (void)ask;
    assert_true(call_count < CALLS_MAX);
    calls[call_count++] = c;
    calls_made++;
    return OK;
}

void method_forget(struct method_call *c)
{
    for (unsigned i = 0; i < call_count; i++) {
        if (calls[i] != c) continue;
        calls[i] = calls[--call_count];
        return;
    }
    fail_msg("nobody waits for that method");
}

bool method_name_valid(struct slice name)
{
    return name.len > 0;
}

static inline void answer_all_methods(const struct method_result *r)
{
    rig_on(f.rig.cores[0]);
    while (call_count) {
        struct method_call *c = calls[--call_count];
        c->fn(c, r);
    }
    rig_run(&f.rig);
}

/* ---- all of it */

static inline void open_all(void)
{
    f.hub =
        (struct hub){.office = &f.rig.office, .core_count = f.rig.core_count, .store = f.rig.store};
    for (unsigned i = 0; i < f.rig.core_count; i++) f.hub.cores[i] = f.rig.cores[i]->id;
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        struct lane *lane = f.rig.cores[i];
        f.registries[i] = registry_new(&f.hub, lane);
        f.sessions[i] = session_home_new(&f.hub, lane, f.registries[i], NULL);
        f.twins[i] = twins_new(&f.hub, lane, f.registries[i], f.sessions[i]);
        f.queries[i] = queries_new(&f.hub, lane, f.registries[i]);
        assert_int_equal(jobs_new(&f.hub, lane, f.twins[i], &methods, f.queries[i], &f.jobs[i]),
                         OK);
    }
}

static inline void close_all(void)
{
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        jobs_free(f.jobs[i]);
        queries_free(f.queries[i]);
        twins_free(f.twins[i]);
        session_home_free(f.sessions[i]);
        registry_free(f.registries[i]);
    }
}

static inline int set_up(void **state)
{
    (void)state;
    call_count = calls_made = 0;
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

static inline void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

/* ---- identities and twins */

static enum status last_status;

static inline void on_identity(struct registry_wait *w, const struct registry_answer *a)
{
    (void)w;
    last_status = a->status;
}

static inline void put_identity(const char *who)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_put(f.registries[0], slice_str(who), SLICE_NONE, SLICE_LIT("{}"), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

/* d000, d001, ... */
static inline void put_devices(unsigned count)
{
    char who[16];
    for (unsigned i = 0; i < count; i++) {
        snprintf(who, sizeof who, "d%03u", i);
        put_identity(who);
    }
}

static struct arena arena;

static struct json *last_twin;

static inline void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    last_status = a->status;
    if (a->status == STATUS_OK) assert_int_equal(json_parse(&arena, a->body, &last_twin), OK);
}

/* A twin as services see it. */
static inline struct json *twin_of(const char *who)
{
    struct twin_wait w = {.fn = on_twin};
    rig_on(f.rig.cores[0]);
    twin_get(f.twins[0], slice_str(who), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
    return last_twin;
}

static inline struct slice desired_version(const char *who)
{
    struct json *properties = json_get(twin_of(who), "properties");
    return json_get(json_get(properties, "desired"), "$version")->text;
}

static inline struct slice tag_of(const char *who, const char *name)
{
    struct json *tag = json_get(json_get(twin_of(who), "tags"), name);
    return tag ? tag->text : SLICE_LIT("none");
}

/* ---- verbs, asked on the core that runs nothing */

struct reply {
    struct job_wait wait;
    unsigned answers;
    enum status status;
    struct buf body, next, text;
};

static inline void on_job(struct job_wait *w, const struct job_answer *a)
{
    struct reply *r = CONTAINER_OF(w, struct reply, wait);
    r->answers++;
    r->status = a->status;
    buf_put_slice(&r->body, a->body);
    buf_put_slice(&r->next, a->next);
    buf_put_slice(&r->text, a->text);
}

static struct reply reply; /* the newest */

static inline struct jobs *ask(void)
{
    buf_free(&reply.body);
    buf_free(&reply.next);
    buf_free(&reply.text);
    reply = (struct reply){.wait.fn = on_job};
    rig_on(f.rig.cores[1]);
    return f.jobs[1];
}

static inline struct json *said(void)
{
    struct json *j;
    assert_int_equal(json_parse(&arena, buf_slice(&reply.body), &j), OK);
    return j;
}

static inline void start_create(const char *id, const char *json)
{
    struct jobs *j = ask();
    job_create(j, slice_str(id), slice_str(json), &reply.wait);
}

static inline enum status create(const char *id, const char *json)
{
    start_create(id, json);
    rig_run(&f.rig);
    assert_int_equal(reply.answers, 1);
    return reply.status;
}

static inline enum status cancel(const char *id)
{
    struct jobs *j = ask();
    job_cancel(j, slice_str(id), &reply.wait);
    rig_run(&f.rig);
    return reply.status;
}

static inline struct json *show(const char *id)
{
    struct jobs *j = ask();
    job_get(j, slice_str(id), &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_OK);
    return said();
}

/* "completed 5/5/0/0": deviceCount, succeeded, failed, running. */
static inline const char *state_of(const char *id)
{
    static char text[128];
    struct json *job = show(id), *s = json_get(job, "deviceJobStatistics");
    snprintf(
        text, sizeof text, "%.*s %.*s/%.*s/%.*s/%.*s", SLICE_ARG(json_str(job, "status")),
        SLICE_ARG(json_get(s, "deviceCount")->text), SLICE_ARG(json_get(s, "succeededCount")->text),
        SLICE_ARG(json_get(s, "failedCount")->text), SLICE_ARG(json_get(s, "runningCount")->text));
    return text;
}

/* Lets queued jobs begin, and results gather. */
static inline void go_on(void)
{
    for (int i = 0; i < 5; i++) rig_pass(&f.rig, 600000);
}

/* ---- devices.jobs */

struct page {
    struct query_wait wait;
    enum status status;
    struct buf body;
};

static inline void take_page(struct query_wait *w, const struct query_answer *a)
{
    struct page *p = CONTAINER_OF(w, struct page, wait);
    p->status = a->status;
    buf_put_slice(&p->body, a->body);
}

static inline struct json *device_jobs(const char *query)
{
    struct page p = {.wait.fn = take_page};
    struct json *j;
    struct query_ask q = {.text = slice_str(query), .max = 1000};
    rig_on(f.rig.cores[1]);
    query_page(f.queries[1], &q, &p.wait);
    rig_run(&f.rig);
    assert_int_equal(p.status, STATUS_OK);
    assert_int_equal(json_parse(&arena, buf_slice(&p.body), &j), OK);
    buf_free(&p.body);
    return j;
}

static inline unsigned count_of(const struct json *array)
{
    unsigned n = 0;
    for (const struct json *j = array->child; j; j = j->next) n++;
    return n;
}

#endif
