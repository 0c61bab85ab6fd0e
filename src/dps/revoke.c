/* revoke.c - see revoke.h. */
#include "dps/revoke.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "dps/dps_sql.h"
#include "dps/hubs.h"

COUNTER(disabled_total, "azimuth_dps_revoked_devices_total",
        "Devices that were disabled because their enrollment group was revoked");

struct hit {
    struct slice id, hub, device_id;
};

struct revocation {
    struct call *call;
    struct hub_ask ask;
    struct timer again;
    bool dry, devices;
    struct arena page; /* `hits`, the last id, and identities with their keys */
    struct hit *hits;
    unsigned count, at;
    bool more, late; /* late: `hits` are those whose identity was not there */
    struct slice last;
    struct arena kept; /* `missing` and what is shown */
    struct hit missing[DPS_REVOKED_LATE_MAX];
    unsigned missing_count;
    struct buf shown;
    unsigned shown_count;
    unsigned registrations, disabled, failed, absent;
};

static void next_hit(struct revocation *r);

/* ---- the end */

void revoke_drop(struct call *c)
{
    struct revocation *r = c->revocation;
    if (r == NULL) return;
    hub_ask_forget(&r->ask);
    timer_stop(&r->again);
    arena_wipe(&r->page);
    arena_wipe(&r->kept);
    buf_free(&r->shown);
    free(r);
}

static void finish(struct revocation *r)
{
    struct call *c = r->call;
    struct buf body = {0};
    if (!r->dry)
        say_info("dps.revoked",
                 "group=%.*s registrations=%u devices=%s disabled=%u absent=%u failed=%u",
                 SLICE_ARG(c->id_lower), r->registrations, r->devices ? "yes" : "no", r->disabled,
                 r->absent, r->failed);
    buf_put_str(&body, "{\"enrollmentGroupId\":");
    text_json_string(&body, c->id);
    buf_printf(
        &body,
        ",\"dryRun\":%s,\"disableDevices\":%s,\"registrations\":%u,\"disabled\":%u,\"absent\":%u,"
        "\"failed\":%u,\"devices\":[",
        r->dry ? "true" : "false", r->devices ? "true" : "false", r->registrations, r->disabled,
        r->absent, r->failed);
    buf_put_slice(&body, buf_slice(&r->shown));
    buf_put_str(&body, "]}");
    dps_call_answer_json(c, DPS_OK, buf_slice(&body));
    buf_free(&body);
}

/* ---- one device */

static struct revocation *of_ask(struct hub_ask *ask)
{
    return CONTAINER_OF(ask, struct revocation, ask);
}

static void on_disabled(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct revocation *r = of_ask(ask);
    const struct hit *h = &r->hits[r->at];
    if (reply->http >= 200 && reply->http < 300) {
        r->disabled++;
        metric_inc(&disabled_total);
        say_info("dps.device_disabled", "group=%.*s hub=%.*s device=%.*s",
                 SLICE_ARG(r->call->id_lower), SLICE_ARG(h->hub), SLICE_ARG(h->device_id));
    } else {
        r->failed++;
        say_warn("dps.device_not_disabled", "group=%.*s hub=%.*s device=%.*s status=%u",
                 SLICE_ARG(r->call->id_lower), SLICE_ARG(h->hub), SLICE_ARG(h->device_id),
                 reply->http);
    }
    r->at++;
    next_hit(r);
}

/* Everything else of the identity stays as it is. */
static void disable(struct revocation *r, struct json *identity)
{
    const struct hit *h = &r->hits[r->at];
    struct arena *a = &r->page;
    struct buf text = BUF_SECRET;
    json_set(a, identity, SLICE_LIT("status"), json_new_string(a, SLICE_LIT("disabled")));
    json_set(a, identity, SLICE_LIT("statusReason"),
             json_new_string(a, SLICE_LIT("its enrollment group was revoked")));
    json_write(&text, identity);
    r->ask.fn = on_disabled;
    hub_put_identity(&r->ask, h->hub, h->device_id, buf_slice(&text));
    buf_wipe(&text);
}

static void note_missing(struct revocation *r, const struct hit *h)
{
    if (r->late || r->missing_count == DPS_REVOKED_LATE_MAX) {
        r->absent++;
        return;
    }
    r->missing[r->missing_count++] = (struct hit){.id = arena_copy(&r->kept, h->id),
                                                  .hub = arena_copy(&r->kept, h->hub),
                                                  .device_id = arena_copy(&r->kept, h->device_id)};
}

static void on_identity(struct hub_ask *ask, const struct hub_reply *reply)
{
    struct revocation *r = of_ask(ask);
    struct json *identity;
    if (reply->http == 200 &&
        json_parse(&r->page, arena_copy(&r->page, reply->body), &identity) == OK) {
        disable(r, identity);
        return;
    }
    if (reply->http == 404)
        note_missing(r, &r->hits[r->at]);
    else
        r->failed++;
    r->at++;
    next_hit(r);
}

/* ---- pages */

static void take_row(struct revocation *r, const struct registration *row)
{
    r->registrations++;
    if (row->hub.len == 0) return;
    r->hits[r->count++] = (struct hit){row->id, row->hub, row->device_id};
    if (r->shown_count == DPS_REVOKED_SHOWN_MAX) return;
    buf_put_str(&r->shown, r->shown_count++ ? ",{\"registrationId\":" : "{\"registrationId\":");
    text_json_string(&r->shown, row->id);
    buf_put_str(&r->shown, ",\"assignedHub\":");
    text_json_string(&r->shown, row->hub);
    buf_put_str(&r->shown, ",\"deviceId\":");
    text_json_string(&r->shown, row->device_id);
    buf_put_u8(&r->shown, '}');
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct call *c = dps_call_of_wait(w);
    struct revocation *r = c->revocation;
    struct registration row;
    unsigned rows = 0;
    if (a->err != OK) {
        dps_call_fail_store(c, a->err);
        return;
    }
    while (store_next(a) && registration_of_row(&r->page, a->col + 4, &row)) {
        take_row(r, &row);
        r->last = arena_copy(&r->page, a->col[REGISTRATION_COLUMNS + 4].bytes);
        rows++;
    }
    r->more = rows == DPS_PAGE_MAX || a->more;
    if (!r->devices || r->dry) r->count = 0;
    next_hit(r);
}

static void ask_page(struct revocation *r)
{
    struct store_request q;
    struct buf after = {0};
    buf_put_slice(&after, r->last);
    arena_wipe(&r->page);
    r->hits = arena_alloc(&r->page, DPS_PAGE_MAX * sizeof *r->hits);
    r->count = r->at = 0;
    store_begin_query(&q, &sql_dps_registration_page);
    store_put_text(&q, "group_lower", r->call->id_lower);
    store_put_text(&q, "after", buf_slice(&after));
    store_put_int(&q, "top", DPS_PAGE_MAX);
    dps_call_ask(r->call, &q, on_page);
    buf_free(&after);
}

/* What was on its way when the group was disabled is there by now. */
static void on_again(struct timer *t, int64_t now_us)
{
    struct revocation *r = CONTAINER_OF(t, struct revocation, again);
    (void)now_us;
    r->late = true;
    r->hits = r->missing;
    r->count = r->missing_count;
    r->at = 0;
    next_hit(r);
}

static void next_hit(struct revocation *r)
{
    if (r->at < r->count) {
        r->ask.fn = on_identity;
        hub_get_identity(&r->ask, r->hits[r->at].hub, r->hits[r->at].device_id);
    } else if (r->more && !r->late) {
        ask_page(r);
    } else if (r->missing_count && !r->late) {
        timer_set(&r->call->dps->lane->timers, &r->again, clock_mono_us() + DPS_REVOKED_AGAIN_US);
    } else {
        finish(r);
    }
}

/* ---- the beginning */

static void on_group_disabled(struct call *c)
{
    ask_page(c->revocation);
}

static bool read_wish(struct call *c, struct revocation *r)
{
    struct json *doc = NULL;
    if (slice_trim(c->json).len && json_parse(&c->arena, c->json, &doc) != OK) return false;
    return member_bool(doc, "dryRun", false, &r->dry) == OK &&
           member_bool(doc, "disableDevices", false, &r->devices) == OK;
}

void revoke_verb(struct call *c)
{
    const struct group *g = groups_find(&c->dps->groups, c->id_lower);
    if (g == NULL) {
        dps_call_fail(c, DPS_NO_GROUP, "there is no such enrollment group");
        return;
    }
    struct revocation *r = c->revocation = NEW(struct revocation);
    r->call = c;
    hub_ask_init(&r->ask, c->dps);
    timer_init(&r->again, on_again);
    if (!read_wish(c, r))
        dps_call_fail(c, DPS_BAD_ARGUMENT,
                      "a revocation is {\"dryRun\":bool,\"disableDevices\":bool}");
    else if (r->dry || g->enrollment.disabled)
        ask_page(r);
    else
        enrollment_disable_group(c, g, on_group_disabled);
}
