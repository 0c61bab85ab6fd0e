/* fixture.h - a hub of a few cores with registries, for the tests of this folder. */
#ifndef HUB_REGISTRY_FIXTURE_H
#define HUB_REGISTRY_FIXTURE_H

#include "store/rig.h"

#include "base/json.h"
#include "hub/registry/home.h"

struct fixture {
    struct rig rig;
    struct hub hub;
    struct registry *registries[RIG_CORES_MAX];
};

/* What came back from a verb. */
struct reply {
    struct registry_wait wait;
    unsigned answers;
    enum status status;
    bool partly;
    char etag[ETAG_MAX + 1];
    char text[200];
    struct arena arena;
    struct json *body; /* NULL: none */
    struct slice raw;
};

static inline void fixture_open(struct fixture *f)
{
    f->hub = (struct hub){
        .office = &f->rig.office, .core_count = f->rig.core_count, .store = f->rig.store};
    for (unsigned i = 0; i < f->rig.core_count; i++) {
        f->hub.cores[i] = f->rig.cores[i]->id;
        f->registries[i] = registry_new(&f->hub, f->rig.cores[i]);
    }
}

static inline void fixture_close(struct fixture *f)
{
    for (unsigned i = 0; i < f->rig.core_count; i++) registry_free(f->registries[i]);
}

static inline void fixture_init(struct fixture *f, unsigned cores)
{
    rig_init_cores(&f->rig, io_mem_new(), cores);
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

/* What cmocka calls before and behind a test, whose state is the fixture. */
static inline int set_up_cores(void **state, unsigned cores)
{
    struct fixture *f = NEW(struct fixture);
    fixture_init(f, cores);
    *state = f;
    return 0;
}

static inline int set_up(void **state)
{
    return set_up_cores(state, 1);
}

static inline int set_up_three_cores(void **state)
{
    return set_up_cores(state, 3);
}

static inline int tear_down(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

static inline void take_reply(struct registry_wait *w, const struct registry_answer *a)
{
    struct reply *reply = CONTAINER_OF(w, struct reply, wait);
    reply->answers++;
    reply->status = a->status;
    reply->partly = a->partly;
    snprintf(reply->etag, sizeof reply->etag, "%.*s", SLICE_ARG(a->etag));
    snprintf(reply->text, sizeof reply->text, "%.*s", SLICE_ARG(a->text));
    if (a->body.len == 0) return;
    reply->raw = arena_copy(&reply->arena, a->body);
    assert_int_equal(json_parse(&reply->arena, reply->raw, &reply->body), OK);
}

static inline void reply_free(struct reply *reply)
{
    arena_free(&reply->arena);
}

/* Core 0's registry, as if the caller ran there; `reply` is ready to wait. */
static inline struct registry *asking(struct fixture *f, struct reply *reply)
{
    *reply = (struct reply){.wait.fn = take_reply};
    rig_on(f->rig.cores[0]);
    return f->registries[0];
}

static inline struct slice header(const char *text)
{
    return text ? slice_str(text) : SLICE_NONE;
}

static inline enum status get(struct fixture *f, struct reply *reply, const char *id)
{
    registry_get(asking(f, reply), slice_str(id), &reply->wait);
    rig_run(&f->rig);
    assert_int_equal(reply->answers, 1);
    return reply->status;
}

static inline enum status put(struct fixture *f, struct reply *reply, const char *id,
                              const char *if_match, const char *json)
{
    registry_put(asking(f, reply), slice_str(id), header(if_match), slice_str(json), &reply->wait);
    rig_run(&f->rig);
    assert_int_equal(reply->answers, 1);
    return reply->status;
}

static inline enum status drop(struct fixture *f, struct reply *reply, const char *id,
                               const char *if_match)
{
    registry_delete(asking(f, reply), slice_str(id), header(if_match), &reply->wait);
    rig_run(&f->rig);
    assert_int_equal(reply->answers, 1);
    return reply->status;
}

static inline enum status bulk(struct fixture *f, struct reply *reply, const char *json)
{
    registry_bulk(asking(f, reply), slice_str(json), &reply->wait);
    rig_run(&f->rig);
    assert_int_equal(reply->answers, 1);
    return reply->status;
}

/* put() of which only the status matters. */
static inline enum status put_only(struct fixture *f, const char *id, const char *if_match,
                                   const char *json)
{
    struct reply reply;
    enum status status = put(f, &reply, id, if_match, json);
    reply_free(&reply);
    return status;
}

/* The member at a path like "authentication.symmetricKey.primaryKey"; "[1]" would be too much. */
static inline const struct json *at(const struct json *j, const char *path)
{
    struct slice rest = slice_str(path), key;
    while (j && slice_split(&rest, '.', &key)) {
        char *name = slice_dup(key);
        j = json_get(j, name);
        free(name);
    }
    return j;
}

/* The text of a string or number there; "null", "true", "false"; "absent". */
static inline const char *text_at(const struct json *j, const char *path)
{
    static char text[4][512];
    static unsigned next;
    const struct json *found = at(j, path);
    char *out = text[next++ % 4];
    const char *word = found == NULL                ? "absent"
                       : found->type == JSON_NULL   ? "null"
                       : found->type == JSON_BOOL   ? (found->truth ? "true" : "false")
                       : found->type == JSON_ARRAY  ? "array"
                       : found->type == JSON_OBJECT ? "object"
                                                    : NULL;
    if (word)
        snprintf(out, sizeof text[0], "%s", word);
    else
        snprintf(out, sizeof text[0], "%.*s", SLICE_ARG(found->text));
    return out;
}

#endif
