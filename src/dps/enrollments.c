/* enrollments.c - reading and changing enrollments, and the states of registrations.
 *
 * A change loads what is there, decides, and writes only if it is still that: whoever was overtaken
 * meanwhile is told so (412, 409). */
#include "base/clock.h"
#include "base/limit.h"
#include "base/rand.h"
#include "dps/call.h"
#include "dps/dps_sql.h"
#include "hub/etag.h"
#include "out/out.h"

LIMIT_REACHED(too_many_groups, "enrollment-groups")

static enum dps_kind kind_of(const struct call *c)
{
    return c->head->kind;
}

static void fail_absent(struct call *c)
{
    if (kind_of(c) == DPS_GROUP)
        dps_call_fail(c, DPS_NO_GROUP, "there is no such enrollment group");
    else
        dps_call_fail(c, DPS_NO_ENROLLMENT, "there is no enrollment for that registration id");
}

/* ---- reading */

static void load(struct call *c, void (*fn)(struct store_wait *, struct store_answer *))
{
    struct store_request q;
    if (kind_of(c) == DPS_INDIVIDUAL) {
        dps_call_load(c, fn);
        return;
    }
    store_begin_query(&q, &sql_dps_enrollment_get);
    store_put_int(&q, "kind", DPS_GROUP);
    store_put_text(&q, "id_lower", c->id_lower);
    dps_call_ask(c, &q, fn);
}

/* False: the call has ended. */
static bool loaded(struct call *c, struct store_answer *a)
{
    if (kind_of(c) == DPS_INDIVIDUAL) return dps_call_loaded(c, a);
    enum err e = a->err;
    if (e == OK && store_next(a)) e = dps_call_take_enrollment(c, DPS_GROUP, a->col);
    if (e != OK) dps_call_fail_store(c, e);
    return e == OK;
}

static bool found(struct call *c, struct store_answer *a)
{
    if (!loaded(c, a)) return false;
    if (c->has_enrollment) return true;
    fail_absent(c);
    return false;
}

static void answer_enrollment(struct call *c, const struct enrollment *e, enum enrollment_view view)
{
    char etag[ETAG_MAX + 1];
    struct buf body = BUF_SECRET, state = {0};
    if (c->has_registration && e->kind == DPS_INDIVIDUAL && c->registration.group.len == 0)
        registration_write(&state, &c->registration, false);
    enrollment_write(&body, e, view, buf_slice(&state));
    etag_of_number(e->etag, etag);
    dps_call_answer(
        c, &(struct dps_answer){.code = DPS_OK, .body = buf_slice(&body), .etag = slice_str(etag)});
    buf_wipe(&body);
    buf_free(&state);
}

static void on_got(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    if (found(c, a)) answer_enrollment(c, &c->enrollment, ENROLLMENT_SHOWN);
}

void enrollment_verb_get(struct call *c)
{
    load(c, on_got);
}

static void on_got_attestation(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct buf body = BUF_SECRET;
    if (!found(c, a)) return;
    attestation_write(&body, &c->enrollment, ENROLLMENT_CREATED);
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_wipe(&body);
}

void enrollment_verb_attestation(struct call *c)
{
    load(c, on_got_attestation);
}

/* ---- changing */

static void answer_changed(struct call *c)
{
    if (c->head->verb == VERB_ENROLLMENT_DELETE)
        dps_call_answer_json(c, DPS_NO_CONTENT, SLICE_NONE);
    else
        answer_enrollment(c, &c->next, ENROLLMENT_CREATED);
}

/* Of a group every core's copy has to change, too. */
static void tell_cores(struct call *c, struct slice document)
{
    const struct group_row row = {.id_lower = c->id_lower,
                                  .document = document,
                                  .etag = c->next.etag,
                                  .created_us = c->next.created_us,
                                  .updated_us = c->next.updated_us};
    dps_call_tell_cores(c, DPS_GROUP_APPLY, &row, answer_changed);
}

static void on_written(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    bool creates = !c->has_enrollment, group = kind_of(c) == DPS_GROUP;
    struct buf document = BUF_SECRET;
    if (a->err == ERR_CONFLICT && creates) {
        dps_call_fail(c, group ? DPS_GROUP_CONFLICT : DPS_ENROLLMENT_CONFLICT,
                      "somebody else has created it at the same time");
    } else if (a->err == ERR_CONFLICT) {
        dps_call_fail(c, DPS_PRECONDITION, "somebody else has changed it at the same time");
    } else if (a->err != OK) {
        dps_call_fail_store(c, a->err);
    } else if (!group) {
        answer_changed(c);
    } else {
        if (c->head->verb == VERB_ENROLLMENT_PUT)
            enrollment_write(&document, &c->next, ENROLLMENT_STORED, SLICE_NONE);
        tell_cores(c, buf_slice(&document));
    }
    buf_wipe(&document);
}

/* False: If-Match is another's; the call has ended. */
static bool matches(struct call *c)
{
    char etag[ETAG_MAX + 1];
    etag_of_number(c->enrollment.etag, etag);
    if (!c->head->has_if_match || etag_matches(c->text, slice_str(etag))) return true;
    dps_call_fail(c, DPS_PRECONDITION, "the enrollment has another etag");
    return false;
}

/* Is a PUT with or without If-Match about what is there?  Otherwise the call has ended. */
static bool may_put(struct call *c)
{
    if (c->head->has_if_match) {
        if (c->has_enrollment) return matches(c);
        fail_absent(c);
        return false;
    }
    if (c->has_enrollment) {
        bool group = kind_of(c) == DPS_GROUP;
        dps_call_fail(c, group ? DPS_GROUP_CONFLICT : DPS_ENROLLMENT_CONFLICT,
                      "it exists already: to change it, If-Match must say which version is meant");
        return false;
    }
    if (kind_of(c) == DPS_INDIVIDUAL || c->dps->groups.by_id.count < DPS_GROUPS_MAX) return true;
    metric_inc(&too_many_groups);
    dps_call_fail(c, DPS_TOO_MANY_ENROLLMENTS,
                  "there are as many enrollment groups as there may be");
    return false;
}

/* Nine digits, another one for each version. */
static void stamp(struct call *c)
{
    struct enrollment *next = &c->next;
    next->updated_us = clock_wall_us();
    next->created_us = c->has_enrollment ? c->enrollment.created_us : next->updated_us;
    next->etag = c->has_enrollment ? c->enrollment.etag + 1 : 100000000 + rand_u64() % 900000000;
}

/* Is its webhook, if it has one, as we ask it? */
static bool may_be_called(const struct enrollment *e)
{
    static const struct slice oldest = {(const uint8_t *)"2019-03-31", 10};
    if (e->webhook_url.len == 0) return true;
    return out_url_host(e->webhook_url).len && e->webhook_version.len >= oldest.len &&
           slice_cmp(slice_head(e->webhook_version, oldest.len), oldest) >= 0;
}

static bool read_next(struct call *c)
{
    struct json *doc;
    unsigned code = DPS_BAD_ARGUMENT;
    enum err e = OK;
    if (json_parse_within(&c->arena, c->json, ENROLLMENT_LEVELS_MAX, "an enrollment", &doc) != OK)
        e = ERR_INVALID;
    else
        e = enrollment_read(&c->arena, kind_of(c), doc, c->has_enrollment ? &c->enrollment : NULL,
                            &c->next, &code);
    if (e != OK)
        dps_call_fail(c, e == ERR_TOO_BIG ? DPS_TOO_LARGE : code, fail_text());
    else if (!may_be_called(&c->next))
        dps_call_fail(c, DPS_BAD_ARGUMENT,
                      "customAllocationDefinition needs a webhookUrl of https and an apiVersion of "
                      "2019-03-31 or later");
    else if (!slice_eq_nocase(c->next.id, c->id))
        dps_call_fail(c, DPS_BAD_ARGUMENT, "the id of the body is not the one of the address");
    else
        return true;
    return false;
}

static void begin_change(struct call *c, struct store_request *u, const struct store_statement *s)
{
    store_begin_unit(u, STORE_INTERACTIVE);
    store_add(u, s, 1);
    store_put_int(u, "kind", kind_of(c));
    store_put_text(u, "id_lower", c->id_lower);
    if (c->has_enrollment) store_put_int(u, "old_etag", (int64_t)c->enrollment.etag);
}

static void write_next(struct call *c, void (*fn)(struct store_wait *, struct store_answer *))
{
    struct store_request u;
    struct buf document = BUF_SECRET;
    stamp(c);
    enrollment_write(&document, &c->next, ENROLLMENT_STORED, SLICE_NONE);
    begin_change(c, &u,
                 c->has_enrollment ? &sql_dps_enrollment_update : &sql_dps_enrollment_insert);
    store_put_text(&u, "document", buf_slice(&document));
    store_put_int(&u, "etag", (int64_t)c->next.etag);
    store_put_int(&u, "created_us", c->next.created_us);
    store_put_int(&u, "updated_us", c->next.updated_us);
    buf_wipe(&document);
    dps_call_ask(c, &u, fn);
}

static void on_loaded_to_put(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    if (loaded(c, a) && may_put(c) && read_next(c)) write_next(c, on_written);
}

void enrollment_verb_put(struct call *c)
{
    if (c->json.len > DPS_DOCUMENT_MAX)
        dps_call_fail(c, DPS_TOO_LARGE, "an enrollment has at most 128 KiB of JSON");
    else
        load(c, on_loaded_to_put);
}

/* ---- cut off */

static void on_disabled(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct buf document = BUF_SECRET;
    if (a->err == ERR_CONFLICT) {
        dps_call_fail(c, DPS_PRECONDITION, "somebody else has changed it at the same time");
        return;
    }
    if (a->err != OK) {
        dps_call_fail_store(c, a->err);
        return;
    }
    enrollment_write(&document, &c->next, ENROLLMENT_STORED, SLICE_NONE);
    const struct group_row row = {.id_lower = c->id_lower,
                                  .document = buf_slice(&document),
                                  .etag = c->next.etag,
                                  .created_us = c->next.created_us,
                                  .updated_us = c->next.updated_us};
    dps_call_tell_cores(c, DPS_GROUP_APPLY, &row, c->applied);
    buf_wipe(&document);
}

void enrollment_disable_group(struct call *c, const struct group *g, void (*fn)(struct call *c))
{
    group_copy(&c->arena, g, &c->enrollment);
    c->has_enrollment = true;
    c->next = c->enrollment;
    c->next.disabled = true;
    c->applied = fn;
    write_next(c, on_disabled);
}

/* What became of its devices goes with it; their identities at the hub stay. */
static void add_registrations(struct call *c, struct store_request *u)
{
    if (kind_of(c) == DPS_GROUP) {
        store_add(u, &sql_dps_registration_remove_group, STORE_ANY);
        store_put_text(u, "group_lower", c->id_lower);
    } else {
        store_add(u, &sql_dps_registration_remove, STORE_ANY);
        store_put_text(u, "id_lower", c->id_lower);
    }
}

static void on_loaded_to_delete(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct store_request u;
    if (!found(c, a) || !matches(c)) return;
    begin_change(c, &u, &sql_dps_enrollment_remove);
    add_registrations(c, &u);
    dps_call_ask(c, &u, on_written);
}

void enrollment_verb_delete(struct call *c)
{
    load(c, on_loaded_to_delete);
}

/* ---- states of registrations */

static bool registration_found(struct call *c, struct store_answer *a)
{
    if (!dps_call_loaded(c, a)) return false;
    if (c->has_registration) return true;
    dps_call_fail(c, DPS_NO_REGISTRATION, "that device has not registered");
    return false;
}

static void on_got_registration(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    char etag[ETAG_MAX + 1];
    struct buf body = {0};
    if (!registration_found(c, a)) return;
    registration_write(&body, &c->registration, false);
    etag_of_number(c->registration.etag, etag);
    dps_call_answer(
        c, &(struct dps_answer){.code = DPS_OK, .body = buf_slice(&body), .etag = slice_str(etag)});
    buf_free(&body);
}

void registration_verb_get(struct call *c)
{
    dps_call_load(c, on_got_registration);
}

static void on_removed(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    if (a->err == ERR_CONFLICT)
        dps_call_fail(c, DPS_PRECONDITION, "the registration was changed at the same time");
    else if (a->err != OK)
        dps_call_fail_store(c, a->err);
    else
        dps_call_answer_json(c, DPS_NO_CONTENT, SLICE_NONE);
}

static void on_loaded_to_remove(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    char etag[ETAG_MAX + 1];
    struct store_request u;
    if (!registration_found(c, a)) return;
    etag_of_number(c->registration.etag, etag);
    if (c->head->has_if_match && !etag_matches(c->text, slice_str(etag))) {
        dps_call_fail(c, DPS_PRECONDITION, "the registration has another etag");
        return;
    }
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_dps_registration_remove_if, 1);
    store_put_text(&u, "id_lower", c->id_lower);
    store_put_int(&u, "old_etag", (int64_t)c->registration.etag);
    dps_call_ask(c, &u, on_removed);
}

void registration_verb_delete(struct call *c)
{
    dps_call_load(c, on_loaded_to_remove);
}
