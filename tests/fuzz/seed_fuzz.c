/* seed_fuzz.c - the seed file of a hub: it is refused with its line, or all that it says is in documents, which are the
 * same when it is written as JSON; and a hub is asked for each of them once, until it refuses one.
 *
 * Input: a byte of modes, the number of the request that the hub refuses (0: none), and the file.  The linker puts this
 * file between the seed and the parts of a hub (CMakeLists.txt).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/yaml.h"
#include "fuzz.h"
#include "server/seed.h"

enum { THERE = 1 /* the hub has everything */, PATH_ROOM = 32 };

#define HUB_NAME "hub"
#define WHY      SLICE_LIT("no")

enum door { DEVICE, TWIN, ENROLLMENT, CONFIGURATION, HUB, GROUP, CAPTURE, SETTING, ROUTING, DOORS };

static char path[PATH_ROOM];
static unsigned asked[DOORS], wanted[DOORS]; /* things that the hub is to make */
static unsigned requests, refused_at, done_count;
static bool there, was_refused;
static struct event_hub found;

/* ---- the hub: what is asked waits for its answer */

static struct request {
    enum door door;
    bool look; /* only whether it is there */
    void *wait;
} queue[SEED_WINDOW + 1];
static unsigned waiting;

/* After a refusal those that are under way come to their end. */
static void ask(enum door door, bool look, void *wait)
{
    assert(waiting < sizeof queue / sizeof *queue && (!was_refused || door == TWIN));
    asked[door] += !look;
    queue[waiting++] = (struct request){door, look, wait};
}

static void ask_for_document(enum door door, struct slice json, void *wait)
{
    struct arena arena = {0};
    struct json *doc;
    enum err e = json_parse(&arena, json, &doc);
    assert(e == OK && doc->type == JSON_OBJECT);
    arena_free(&arena);
    ask(door, false, wait);
}

/* The linker's names. */
void __wrap_registry_put(struct registry *r, struct slice who, struct slice if_match,
                         struct slice json, struct registry_wait *w);
void __wrap_twin_write(struct twins *t, struct slice who, enum twin_write how,
                       struct slice if_match, struct slice json, struct twin_wait *w);
void __wrap_dps_enrollment_put(struct dps *d, enum dps_kind kind, struct slice id,
                               struct slice if_match, struct slice json, struct dps_wait *w);
void __wrap_configuration_put(struct configurations *c, struct slice id, struct slice if_match,
                              struct slice json, struct configuration_wait *w);
const struct event_hub *__wrap_event_hub_find(const struct event_hubs *e, struct slice name);
void __wrap_event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                          struct event_hub_wait *w);
void __wrap_consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                                  struct consumer_group_wait *w);
void __wrap_capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                        struct capture_wait *w);
void __wrap_capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub,
                        struct slice json, struct capture_wait *w);
void __wrap_diagnostic_setting_get(struct diagnostics *d, struct lane *core, struct slice name,
                                   struct diagnostic_wait *w);
void __wrap_diagnostic_setting_put(struct diagnostics *d, struct lane *core, struct slice name,
                                   struct slice json, struct diagnostic_wait *w);
void __wrap_routing_put(struct routing *r, struct slice if_match, struct slice document,
                        struct routing_wait *w);

void __wrap_registry_put(struct registry *r, struct slice who, struct slice if_match,
                         struct slice json, struct registry_wait *w)
{
    (void)r;
    assert(hub_id_valid(who) && if_match.len == 0);
    ask_for_document(DEVICE, json, w);
}

void __wrap_twin_write(struct twins *t, struct slice who, enum twin_write how,
                       struct slice if_match, struct slice json, struct twin_wait *w)
{
    (void)t, (void)how;
    assert(hub_id_valid(who) && (if_match.len > 0) == there);
    ask_for_document(TWIN, json, w);
}

void __wrap_dps_enrollment_put(struct dps *d, enum dps_kind kind, struct slice id,
                               struct slice if_match, struct slice json, struct dps_wait *w)
{
    (void)d, (void)kind;
    assert(id.len > 0 && if_match.len == 0);
    ask_for_document(ENROLLMENT, json, w);
}

void __wrap_configuration_put(struct configurations *c, struct slice id, struct slice if_match,
                              struct slice json, struct configuration_wait *w)
{
    (void)c;
    assert(id.len > 0 && if_match.len == 0);
    ask_for_document(CONFIGURATION, json, w);
}

const struct event_hub *__wrap_event_hub_find(const struct event_hubs *e, struct slice name)
{
    (void)e;
    return there && !slice_is(name, HUB_NAME) ? &found : NULL;
}

void __wrap_event_hub_put(struct event_hubs *e, const struct event_hub_wish *wish,
                          struct event_hub_wait *w)
{
    (void)e;
    assert(wish->name.len && wish->partitions <= EVENT_HUB_PARTITIONS_MAX);
    assert(wish->keep.age_us <= EVENT_HUB_HOURS_MAX * EVENT_HUB_HOUR_US && wish->keep.age_us >= 0);
    ask(HUB, false, w);
}

void __wrap_consumer_group_create(struct consumer_groups *g, unsigned stream, struct slice name,
                                  struct consumer_group_wait *w)
{
    (void)g, (void)stream;
    assert(name.len > 0);
    ask(GROUP, false, w);
}

void __wrap_capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                        struct capture_wait *w)
{
    (void)cs, (void)lane, (void)hub;
    ask(CAPTURE, true, w);
}

void __wrap_capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub,
                        struct slice json, struct capture_wait *w)
{
    (void)cs, (void)lane, (void)hub;
    ask_for_document(CAPTURE, json, w);
}

void __wrap_diagnostic_setting_get(struct diagnostics *d, struct lane *core, struct slice name,
                                   struct diagnostic_wait *w)
{
    (void)d, (void)core;
    assert(name.len > 0);
    ask(SETTING, true, w);
}

void __wrap_diagnostic_setting_put(struct diagnostics *d, struct lane *core, struct slice name,
                                   struct slice json, struct diagnostic_wait *w)
{
    (void)d, (void)core, (void)name;
    ask_for_document(SETTING, json, w);
}

void __wrap_routing_put(struct routing *r, struct slice if_match, struct slice document,
                        struct routing_wait *w)
{
    (void)r;
    assert(if_match.len > 0);
    ask_for_document(ROUTING, document, w);
}

/* ---- its answers */

static enum status status_of(bool bad, enum status already)
{
    return bad ? STATUS_ARGUMENT_INVALID : there ? already : STATUS_OK;
}

static void answer_identity(const struct request *q, bool bad)
{
    struct registry_wait *device = q->wait;
    struct twin_wait *twin = q->wait;
    if (q->door == DEVICE)
        device->fn(device, &(struct registry_answer){
                               .status = status_of(bad, STATUS_DEVICE_ALREADY_EXISTS)});
    else
        twin->fn(twin, &(struct twin_answer){.status = status_of(bad, STATUS_PRECONDITION_FAILED),
                                             .text = WHY});
}

static void answer_rollout(const struct request *q, bool bad)
{
    struct dps_wait *enrollment = q->wait;
    struct configuration_wait *configuration = q->wait;
    if (q->door == ENROLLMENT)
        enrollment->fn(enrollment, &(struct dps_answer){.code = bad     ? DPS_BAD_ARGUMENT
                                                                : there ? DPS_ENROLLMENT_CONFLICT
                                                                        : DPS_OK,
                                                        .body = SLICE_LIT("{\"message\":\"no\"}")});
    else
        configuration->fn(configuration,
                          &(struct configuration_answer){
                              .status = status_of(bad, STATUS_CONFIGURATION_ALREADY_EXISTS)});
}

/* To those who look: it is not there, unless everything is. */
static void answer_stream(const struct request *q, bool bad)
{
    struct event_hub_wait *hub = q->wait;
    struct consumer_group_wait *group = q->wait;
    struct capture_wait *capture = q->wait;
    struct diagnostic_wait *setting = q->wait;
    enum status status = q->look && !there ? STATUS_HUB_NOT_FOUND : status_of(bad, STATUS_OK);
    if (q->door == HUB)
        hub->fn(hub, bad ? ERR_FULL : OK, !bad);
    else if (q->door == GROUP)
        group->fn(group, bad ? ERR_INVALID : OK);
    else if (q->door == CAPTURE)
        capture->fn(capture, &(struct capture_answer){.status = status, .text = WHY});
    else
        setting->fn(setting, &(struct diagnostic_answer){.status = status, .text = WHY});
}

static void answer(const struct request *q)
{
    struct routing_wait *routing = q->wait;
    bool bad = !q->look && ++requests == refused_at;
    was_refused = was_refused || bad;
    if (q->door <= TWIN)
        answer_identity(q, bad);
    else if (q->door <= CONFIGURATION)
        answer_rollout(q, bad);
    else if (q->door <= SETTING)
        answer_stream(q, bad);
    else
        routing->fn(routing, bad ? ERR_INVALID : there ? ERR_PRECONDITION : OK, "no");
}

/* The oldest first. */
static void answer_all(void)
{
    while (waiting) {
        struct request q = queue[0];
        memmove(queue, queue + 1, --waiting * sizeof *queue);
        answer(&q);
    }
}

/* ---- what is read */

static void write_file(struct slice text)
{
    static int file = -1;
    if (file < 0) file = memfd_create("seed", MFD_CLOEXEC);
    assert(file >= 0 && ftruncate(file, 0) == 0);
    assert(pwrite(file, text.ptr, text.len, 0) == (ssize_t)text.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
}

static void check_refusal(enum err e)
{
    size_t line;
    assert(e == ERR_INVALID && slice_starts(slice_str(fail_text()), slice_str(path)));
    assert(sscanf(fail_text() + strlen(path), ":%zu: ", &line) == 1 && line >= 1);
}

/* Values that say something. */
static size_t yaml_values(const struct yaml *item)
{
    size_t count = item->kind == YAML_TEXT && !yaml_is_null(item);
    for (const struct yaml *m = item->child; m; m = m->next) count += yaml_values(m);
    return count;
}

static size_t json_values(const struct json *value)
{
    size_t count = value->type != JSON_NULL && !value->child && value->type < JSON_ARRAY;
    for (const struct json *j = value->child; j; j = j->next) count += json_values(j);
    return count;
}

static size_t values_of(struct slice json)
{
    struct arena arena = {0};
    struct json *doc;
    size_t count = 0;
    if (json.len) {
        enum err e = json_parse(&arena, json, &doc);
        assert(e == OK && doc->type == JSON_OBJECT);
        count = json_values(doc);
    }
    arena_free(&arena);
    return count;
}

/* In the documents is at least what the file says: an attestation may have been added. */
static void check_nothing_lost(const struct seed *s, const struct yaml *top)
{
    static const char *const sections[] = {"devices", "enrollments", "enrollmentGroups",
                                           "configurations", "routing"};
    size_t said = 0, kept = values_of(s->routing);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const struct yaml *section = yaml_get(top, sections[i]);
        said += section ? yaml_values(section) : 0;
    }
    for (const struct seed_device *d = s->devices; d; d = d->next)
        kept += values_of(d->json) + values_of(d->twin);
    for (const struct seed_enrollment *e = s->enrollments; e; e = e->next)
        kept += values_of(e->json);
    for (const struct seed_configuration *c = s->configurations; c; c = c->next)
        kept += values_of(c->json);
    assert(kept >= said);
}

static bool same_thing(const struct seed_step *a, const struct seed_step *b)
{
    if (a->kind != b->kind) return false;
    return slice_eq_nocase(a->event_hub, b->event_hub) &&
           (a->kind != SEED_GROUP || slice_eq_nocase(a->text, b->text));
}

/* What the hub has once cannot be said twice: the second would count for nothing. */
static void check_steps(const struct seed *s)
{
    static const enum door doors[] = {HUB, GROUP, CAPTURE, SETTING};
    unsigned count = 0;
    for (const struct seed_step *x = s->steps; x; x = x->next, count++) {
        wanted[doors[x->kind]]++;
        for (const struct seed_step *y = x->next; y; y = y->next)
            assert(x->kind == SEED_GROUP || !same_thing(x, y));
    }
    assert(count == s->step_count && count <= SEED_STEPS_MAX);
}

static void check_enrollments(const struct seed *s)
{
    for (const struct seed_enrollment *x = s->enrollments; x; x = x->next)
        for (const struct seed_enrollment *y = x->next; y; y = y->next)
            assert(x->kind != y->kind || !slice_eq_nocase(x->id, y->id));
}

static void count_wanted(const struct seed *s)
{
    for (const struct seed_device *d = s->devices; d; d = d->next) {
        wanted[DEVICE]++;
        wanted[TWIN] += d->twin.len > 0;
    }
    for (const struct seed_enrollment *e = s->enrollments; e; e = e->next) wanted[ENROLLMENT]++;
    for (const struct seed_configuration *c = s->configurations; c; c = c->next)
        wanted[CONFIGURATION]++;
    wanted[ROUTING] = s->routing.len > 0;
    assert(wanted[DEVICE] == s->ids.count);
}

/* ---- the same as JSON */

static void check_same(const struct seed *a, const struct seed *b)
{
    const struct seed_device *d = b->devices;
    for (const struct seed_device *x = a->devices; x; x = x->next, d = d->next)
        assert(d && slice_eq(x->json, d->json) && slice_eq(x->twin, d->twin));
    const struct seed_enrollment *e = b->enrollments;
    for (const struct seed_enrollment *x = a->enrollments; x; x = x->next, e = e->next)
        assert(e && x->kind == e->kind && slice_eq(x->json, e->json));
    const struct seed_configuration *c = b->configurations;
    for (const struct seed_configuration *x = a->configurations; x; x = x->next, c = c->next)
        assert(c && slice_eq(x->json, c->json));
    const struct seed_step *t = b->steps;
    for (const struct seed_step *x = a->steps; x; x = x->next, t = t->next)
        assert(t && same_thing(x, t) && slice_eq(x->text, t->text) &&
               x->wish.partitions == t->wish.partitions &&
               x->wish.keep.bytes == t->wish.keep.bytes);
    assert(!d && !e && !c && !t && slice_eq(a->routing, b->routing));
}

/* Where texts are expected what is nothing is the text that it is. */
static bool has_other_null(const struct yaml *item)
{
    bool has = yaml_is_null(item) && !slice_is(item->text, "null");
    for (const struct yaml *m = item->child; m; m = m->next) has = has || has_other_null(m);
    return has;
}

/* YAML does not take all characters as JSON does. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~') return false;
    return true;
}

static void check_json(const struct seed *s, const struct yaml *top)
{
    static const char *const no_texts[] = {NULL};
    struct buf json = {0};
    struct seed again;
    yaml_put_json(&json, top, no_texts);
    if (is_plain(buf_slice(&json)) && !has_other_null(top)) {
        write_file(buf_slice(&json));
        enum err e = seed_load(&again, path);
        assert(e == OK);
        check_same(s, &again);
        seed_free(&again);
    }
    buf_free(&json);
}

/* ---- planted */

static void on_done(void *ctx)
{
    (void)ctx;
    done_count++;
}

static void check_planted(const struct seed *s)
{
    assert(done_count == 1);
    enum err e = seed_result(s);
    assert(e == (was_refused ? ERR_INVALID : OK));
    if (was_refused) check_refusal(e);
    for (unsigned i = 0; i < DOORS; i++)
        assert(asked[i] <= wanted[i] && (was_refused || there || asked[i] == wanted[i]));
    if (there) assert(asked[SETTING] == 0);
}

static void plant(struct seed *s)
{
    const struct seed_doors doors = {.hub_name = HUB_NAME};
    memset(asked, 0, sizeof asked);
    requests = done_count = 0;
    was_refused = false;
    seed_plant(s, &doors, on_done, NULL);
    answer_all();
    check_planted(s);
}

void fuzz_one(struct slice input)
{
    struct slice text = slice_from(input, 2);
    struct seed s;
    struct yaml *top;
    there = input.len && input.ptr[0] & THERE;
    refused_at = input.len > 1 ? input.ptr[1] : 0;
    memset(wanted, 0, sizeof wanted);
    write_file(text);
    enum err e = seed_load(&s, path);
    if (e != OK) {
        check_refusal(e);
    } else {
        count_wanted(&s);
        check_steps(&s);
        check_enrollments(&s);
        e = yaml_parse(&s.arena, path, text, &top);
        assert(e == OK);
        check_nothing_lost(&s, top);
        check_json(&s, top);
        plant(&s);
    }
    seed_free(&s);
}
