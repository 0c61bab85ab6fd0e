/* upload.c - begin and end. */
#include "hub/upload/upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/upload/internal.h"
#include "hub/upload/upload_sql.h"

LIMIT_REACHED(too_many, "uploads-of-device")
COUNTER(begun, "azimuth_uploads_begun_total", "Uploads that devices began");
COUNTER(ended, "azimuth_uploads_ended_total", "Uploads that devices said to have completed");
COUNTER(failed, "azimuth_uploads_failed_total", "Uploads that devices said to have failed");

struct blob_name upload_blob(const struct uploads *u, struct slice blob_name)
{
    return (struct blob_name){slice_str(u->cfg->container), blob_name};
}

/* ---- waiting */

void upload_forget(struct upload_wait *w)
{
    if (w->waits == UPLOAD_WAITS_FOR_STORE)
        store_forget(w->uploads->lane, &w->store);
    else if (w->waits == UPLOAD_WAITS_FOR_BLOB)
        blobs_forget(w->uploads->lane, &w->blob);
    w->waits = UPLOAD_WAITS_FOR_NOTHING;
    buf_free(&w->blob_name);
}

static void finish(struct upload_wait *w, const struct upload_answer *a)
{
    struct buf kept = w->blob_name; /* the answer's name */
    w->blob_name = (struct buf){0};
    w->waits = UPLOAD_WAITS_FOR_NOTHING;
    w->fn(w, a);
    buf_free(&kept);
}

static void refuse(struct upload_wait *w, enum status s, const char *text)
{
    finish(w, &(struct upload_answer){.status = s, .text = text});
}

static void refuse_err(struct upload_wait *w, enum err e)
{
    refuse(w, status_of_err(e),
           e == ERR_THROTTLED || e == ERR_FULL
               ? "too much waits, or the disk is nearly full; try again later"
               : "the store does not answer");
}

static void ask_store(struct upload_wait *w, struct store_request *r,
                      void (*fn)(struct store_wait *w, struct store_answer *a))
{
    w->store.fn = fn;
    w->waits = UPLOAD_WAITS_FOR_STORE;
    store_ask(w->uploads->hub->store, w->uploads->lane, r, &w->store);
}

static struct upload_wait *of(struct store_wait *w)
{
    return CONTAINER_OF(w, struct upload_wait, store);
}

static void wait_init(struct upload_wait *w, struct uploads *u, struct slice device_id)
{
    w->uploads = u;
    w->blob_name = (struct buf){0};
    w->again = false;
    snprintf(w->device_id, sizeof w->device_id, "%.*s", SLICE_ARG(device_id));
}

/* ---- begin */

static void answer_place(struct upload_wait *w)
{
    const struct upload_config *cfg = w->uploads->cfg;
    struct slice name = buf_slice(&w->blob_name);
    int64_t now_us = clock_wall_us();
    struct buf sas = BUF_SECRET;
    blob_sas_make(&sas, &cfg->account, slice_str(cfg->container), name, now_us - UPLOAD_SKEW_US,
                  now_us + UPLOAD_SAS_US);
    metric_inc(&begun);
    finish(w, &(struct upload_answer){.correlation_id = w->correlation_id,
                                      .host = w->host,
                                      .container = cfg->container,
                                      .blob_name = name,
                                      .sas = buf_slice(&sas)});
    buf_wipe(&sas);
}

static void insert(struct upload_wait *w);

/* One of its uploads may have ended since: it is tried once more. */
static void on_counted(struct store_wait *sw, struct store_answer *a)
{
    struct upload_wait *w = of(sw);
    if (a->err != OK || !store_next(a)) {
        refuse_err(w, a->err != OK ? a->err : ERR_CORRUPT);
    } else if (a->col[1].number == 0) {
        refuse(w, STATUS_DEVICE_NOT_FOUND, "the device is not registered");
    } else if (a->col[0].number < UPLOAD_ACTIVE_MAX && !w->again) {
        w->again = true;
        insert(w);
    } else {
        metric_inc(&too_many);
        refuse(w, STATUS_DEVICE_MAXIMUM_ACTIVE_FILE_UPLOADS,
               "10 uploads of the device are under way; end one of them first");
    }
}

/* The unit did not insert: the device is not there, or has as many as it may. */
static void on_inserted(struct store_wait *sw, struct store_answer *a)
{
    struct upload_wait *w = of(sw);
    struct store_request r;
    if (a->err == OK) {
        answer_place(w);
        return;
    }
    if (a->err != ERR_CONFLICT) {
        refuse_err(w, a->err);
        return;
    }
    store_begin_query(&r, &sql_upload_count);
    store_put_text(&r, "device_id", slice_str(w->device_id));
    store_put_int(&r, "now_us", clock_wall_us());
    ask_store(w, &r, on_counted);
}

static void insert(struct upload_wait *w)
{
    struct store_request u;
    int64_t now_us = clock_wall_us();
    rand_guid(w->correlation_id);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_upload_insert, 1);
    store_put_text(&u, "device_id", slice_str(w->device_id));
    store_put_text(&u, "correlation_id", slice_str(w->correlation_id));
    store_put_text(&u, "blob_name", buf_slice(&w->blob_name));
    store_put_text(&u, "host", slice_str(w->host));
    store_put_int(&u, "expires_us", now_us + UPLOAD_SAS_US);
    store_put_int(&u, "now_us", now_us);
    store_put_int(&u, "most", UPLOAD_ACTIVE_MAX);
    ask_store(w, &u, on_inserted);
}

/* What would not survive in a URL, or could be taken for another path. */
static bool is_name(struct slice name)
{
    struct slice rest = name, segment;
    if (name.len == 0 || !text_is_utf8(name)) return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < ' ' || name.ptr[i] == 0x7f || name.ptr[i] == '\\') return false;
    while (slice_split(&rest, '/', &segment))
        if (segment.len == 0 || slice_is(segment, ".") || slice_is(segment, "..")) return false;
    return true;
}

enum err upload_begin(struct uploads *u, struct slice device_id, struct slice name,
                      struct slice host, struct upload_wait *w)
{
    const struct upload_config *cfg = u->cfg;
    if (!is_name(name))
        return fail(ERR_INVALID,
                    "blobName must be a path without empty segments, . and .., without "
                    "control characters and backslashes");
    if (device_id.len + 1 + name.len > UPLOAD_NAME_MAX)
        return fail(ERR_INVALID, "blobName is too long");
    if (host.len > UPLOAD_HOST_MAX) return fail(ERR_INVALID, "the host's name is too long");
    wait_init(w, u, device_id);
    snprintf(w->host, sizeof w->host, "%.*s",
             SLICE_ARG(cfg->blobs ? host : slice_str(cfg->account.endpoint)));
    buf_printf(&w->blob_name, "%.*s/", SLICE_ARG(device_id));
    buf_put_slice(&w->blob_name, name);
    insert(w);
    return OK;
}

/* ---- end */

static const char *const unknown = "no upload of that correlation id is under way";

static void on_ended(struct store_wait *sw, struct store_answer *a)
{
    struct upload_wait *w = of(sw);
    struct uploads *u = w->uploads;
    if (a->err == ERR_CONFLICT) { /* somebody ended it meanwhile */
        refuse(w, STATUS_ARGUMENT_INVALID, unknown);
        return;
    }
    if (a->err != OK) {
        refuse_err(w, a->err);
        return;
    }
    metric_inc(w->success ? &ended : &failed);
    if (!w->success && u->cfg->blobs)
        blobs_discard(u->cfg->blobs, u->lane, upload_blob(u, buf_slice(&w->blob_name)));
    if (w->success && !u->cfg->quiet) notices_news(u->notices);
    finish(w, &(struct upload_answer){0});
}

static void end(struct upload_wait *w)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_upload_remove, 1);
    store_put_text(&u, "device_id", slice_str(w->device_id));
    store_put_text(&u, "correlation_id", slice_str(w->correlation_id));
    if (w->success && !w->uploads->cfg->quiet) upload_add_notice(&u, w);
    ask_store(w, &u, on_ended);
}

/* Of the hub's own container: what came of it. */
static void on_blob(struct blobs_wait *bw, const struct blobs_answer *a)
{
    struct upload_wait *w = CONTAINER_OF(bw, struct upload_wait, blob);
    w->size = a->props.size;
    w->modified_us = a->props.modified_us;
    if (a->err == ERR_NOT_FOUND)
        refuse(w, STATUS_ARGUMENT_INVALID, "the file was not uploaded");
    else if (a->err != OK)
        refuse_err(w, a->err);
    else
        end(w);
}

static void on_found(struct store_wait *sw, struct store_answer *a)
{
    struct upload_wait *w = of(sw);
    struct uploads *u = w->uploads;
    if (a->err != OK) {
        refuse_err(w, a->err);
        return;
    }
    if (!store_next(a)) {
        refuse(w, STATUS_ARGUMENT_INVALID, unknown);
        return;
    }
    buf_put_slice(&w->blob_name, a->col[0].bytes);
    snprintf(w->host, sizeof w->host, "%.*s", SLICE_ARG(a->col[1].bytes));
    if (!w->success || u->cfg->blobs == NULL) {
        end(w);
        return;
    }
    w->blob.fn = on_blob;
    w->waits = UPLOAD_WAITS_FOR_BLOB;
    blobs_get(u->cfg->blobs, u->lane, upload_blob(u, buf_slice(&w->blob_name)), &w->blob);
}

enum err upload_end(struct uploads *u, struct slice device_id, struct slice correlation_id,
                    bool success, struct upload_wait *w)
{
    struct store_request r;
    if (correlation_id.len != RAND_GUID_LEN || !text_is_utf8(correlation_id))
        return fail(ERR_INVALID, "%s", unknown);
    wait_init(w, u, device_id);
    snprintf(w->correlation_id, sizeof w->correlation_id, "%.*s", SLICE_ARG(correlation_id));
    w->success = success;
    w->size = 0;
    w->modified_us = clock_wall_us();
    store_begin_query(&r, &sql_upload_get);
    store_put_text(&r, "device_id", device_id);
    store_put_text(&r, "correlation_id", correlation_id);
    store_put_int(&r, "now_us", clock_wall_us());
    ask_store(w, &r, on_found);
    return OK;
}

/* ---- life */

struct uploads *uploads_new(const struct hub *hub, struct lane *lane,
                            const struct upload_config *cfg)
{
    struct uploads *u = NEW(struct uploads);
    *u = (struct uploads){.hub = hub, .lane = lane, .cfg = cfg};
    u->notices = notices_new(hub, lane, &upload_source);
    sweep_start(u);
    return u;
}

void uploads_free(struct uploads *u)
{
    if (u == NULL) return;
    timer_stop(&u->sweep);
    notices_free(u->notices);
    free(u);
}

struct notices *upload_notices(struct uploads *u)
{
    return u->notices;
}
