/* storage.c - which storage endpoints there are, an archive for each, and how they stand.
 *
 * An endpoint that is changed ends the files that it has begun where they were to go, then goes on. */
#include "deliver/storage/storage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "base/say.h"
#include "deliver/deliver.h"
#include "deliver/health.h"
#include "deliver/storage/format.h"
#include "deliver/storage/settings.h"

enum { STORAGE_LIST = POST_DELIVER + 0x20, TICK_US = 1000000 };

COUNTER(files_total, "azimuth_storage_files_total", "Files of storage endpoints.");
COUNTER(events_total, "azimuth_storage_messages_total", "Messages in files of storage endpoints.");
COUNTER(bytes_total, "azimuth_storage_bytes_total", "Bytes of files of storage endpoints.");
COUNTER(failures_total, "azimuth_storage_failures_total",
        "Files of storage endpoints that could not be made; tried again.");
COUNTER(damaged_total, "azimuth_storage_messages_damaged_total",
        "Messages that are not in files because they cannot be read.");
GAUGE(failing_now, "azimuth_storage_failing_partitions",
      "Partitions of storage endpoints whose file cannot be made now.");

struct storage {
    struct list node;
    struct storages *home;
    char name[ROUTE_NAME_MAX + 1];
    unsigned bit;
    int64_t since_us;
    struct buf json; /* as this version of it is */
    struct buf next; /* ... as it is to be, when the archive has settled; empty: as it is */
    struct storage_settings settings;
    struct archive *archive;
    struct message message; /* its memory */
    struct routing_health health;
    int64_t failing_since_us; /* monotonic; 0: it is not */
    bool untold;
    struct health_counters counters;
    bool listed;
};

/* The store forgets an endpoint's rows. */
struct farewell {
    struct list node;
    struct store_wait wait;
};

struct storages {
    struct storages_config cfg;
    struct list all, farewells;
    struct timer tick;
};

/* ---- what archives ask */

static enum err put(const struct archive *a, const struct record *r, struct buf *scratch,
                    struct buf *out)
{
    struct storage *st = archive_ctx(a);
    if (message_read(r, st->bit, &st->message) != OK) return ERR_CORRUPT;
    storage_put_avro(&st->message, scratch, out);
    return OK;
}

static enum err put_line(const struct archive *a, const struct record *r, struct buf *scratch,
                         struct buf *out)
{
    struct storage *st = archive_ctx(a);
    (void)scratch;
    if (message_read(r, st->bit, &st->message) != OK) return ERR_CORRUPT;
    storage_put_json(&st->message, out);
    return OK;
}

static enum err name(const struct archive *a, unsigned partition, int64_t named_us,
                     char out[ARCHIVE_NAME_MAX + 1])
{
    const struct storage *st = archive_ctx(a);
    return storage_name(&st->settings, st->home->cfg.hub->name, partition, named_us, out);
}

/* ---- health */

static void tell(struct storage *st)
{
    st->untold = false;
    health_post(st->home->cfg.hub, st->home->cfg.lane, st->bit, st->since_us, &st->health);
}

static bool is_failing(const struct storage *st)
{
    struct archive_part_status s;
    for (unsigned i = 0; archive_part_status(st->archive, i, &s); i++)
        if (s.error[0]) return true;
    return false;
}

static enum routing_status status_of(struct storage *st)
{
    int64_t now_us = clock_mono_us();
    if (!is_failing(st)) {
        st->failing_since_us = 0;
        return st->health.success_us ? ROUTING_HEALTHY : ROUTING_UNKNOWN;
    }
    if (st->failing_since_us == 0) st->failing_since_us = now_us;
    bool dead = now_us - st->failing_since_us >= INT64_C(1000000) * DELIVER_RETRIAL_S;
    return dead ? ROUTING_DEAD : ROUTING_UNHEALTHY;
}

static void look(struct storage *st)
{
    enum routing_status status = status_of(st);
    if (status != st->health.status) st->untold = true;
    st->health.status = status;
    if (st->untold) tell(st);
}

static void note_error(struct storage *st, const char *text)
{
    snprintf(st->health.error, sizeof st->health.error, "%s", text);
    st->health.error_us = clock_wall_us();
}

static void count(struct storage *st, enum archive_news what, const struct record_tally *records)
{
    if (what == ARCHIVE_PLACED)
        health_count_taken(&st->counters, records);
    else if (what == ARCHIVE_DAMAGED)
        health_count_lost(&st->counters, DELIVERY_REFUSED, records);
    else
        metric_add(st->counters.deliveries[DELIVERY_FAILED], record_tally_count(records));
}

static void on_news(const struct archive *a, enum archive_news what,
                    const struct record_tally *records, const char *text)
{
    struct storage *st = archive_ctx(a);
    count(st, what, records);
    st->health.attempt_us = clock_wall_us();
    if (what == ARCHIVE_PLACED)
        st->health.success_us = st->health.attempt_us;
    else
        note_error(st, text);
    st->untold = true;
    if (what == ARCHIVE_FAILED) look(st);
}

#define KIND(put_record, file_schema)                                                              \
    {                                                                                              \
        .failing = "storage.failing", .recovered = "storage.recovered", .file = "storage.file",    \
        .label = "endpoint", .root = STORAGE_FOLDER, .schema = file_schema,                        \
        .counters = {.files = &files_total,                                                        \
                     .events = &events_total,                                                      \
                     .bytes = &bytes_total,                                                        \
                     .failures = &failures_total,                                                  \
                     .damaged = &damaged_total,                                                    \
                     .failing = &failing_now},                                                     \
        .put = put_record, .next_us = storage_next_us, .name = name, .news = on_news               \
    }

static const struct archive_kind avro_kind = KIND(put, storage_schema);
static const struct archive_kind lines_kind = KIND(put_line, NULL);

/* ---- versions */

static void start(struct storage *st)
{
    archive_start(st->archive, &st->settings.archive, NULL);
}

static enum err read_settings(struct storage *st)
{
    struct arena a = {0};
    struct json *endpoint;
    enum err e = json_parse(&a, buf_slice(&st->json), &endpoint);
    if (e == OK) e = storage_settings_read(endpoint, &st->settings);
    arena_wipe(&a);
    if (e == OK && st->settings.archive.target.is_folder && st->home->cfg.ephemeral)
        e = fail(ERR_UNSUPPORTED, "an ephemeral server keeps no files: name a container, or serve "
                                  "without --ephemeral");
    return e;
}

/* A document that another program wrote, or that is for a server with a disk. */
static void refuse(struct storage *st)
{
    note_error(st, fail_text());
    st->health.status = ROUTING_UNHEALTHY;
    say_error("storage.settings", "endpoint=%s reason=\"%s\" next=\"nothing is written\"", st->name,
              st->health.error);
    tell(st);
}

static void begin_version(struct storage *st)
{
    char owner[ARCHIVE_OWNER_MAX + 1];
    if (read_settings(st) != OK) {
        refuse(st);
        return;
    }
    snprintf(owner, sizeof owner, "endpoint/%s@%lld", st->name, (long long)st->since_us);
    bool lines = st->settings.encoding == STORAGE_JSON;
    st->archive = archive_new(st->home->cfg.archives,
                              &(struct archive_config){.kind = lines ? &lines_kind : &avro_kind,
                                                       .ctx = st,
                                                       .owner = slice_str(owner),
                                                       .label = slice_str(st->name),
                                                       .destinations = UINT64_C(1) << st->bit,
                                                       .begins_by_time = true,
                                                       .start_us = st->since_us});
    start(st);
}

static void on_settled(void *ctx)
{
    struct storage *st = ctx;
    archive_free(st->archive);
    st->archive = NULL;
    buf_wipe(&st->json);
    st->json = st->next;
    st->next = BUF_SECRET;
    st->failing_since_us = 0;
    st->health.status = ROUTING_UNKNOWN;
    begin_version(st);
    tell(st);
}

static void change(struct storage *st, struct slice json)
{
    bool settles = buf_size(&st->next) > 0;
    struct slice now = settles ? buf_slice(&st->next) : buf_slice(&st->json);
    if (slice_eq(json, now)) return;
    buf_wipe(&st->next);
    buf_put_slice(&st->next, json);
    if (settles) return;
    if (st->archive)
        archive_settle(st->archive, on_settled);
    else
        on_settled(st);
}

/* ---- life of one */

static struct storage *storage_new(struct storages *ss, struct slice label, unsigned bit,
                                   int64_t since_us)
{
    struct storage *st = NEW(struct storage);
    st->home = ss;
    snprintf(st->name, sizeof st->name, "%.*s", SLICE_ARG(label));
    st->bit = bit;
    st->since_us = since_us;
    health_counters_init(&st->counters, &storage_kind, st->name);
    list_push(&ss->all, &st->node);
    return st;
}

static void storage_free(struct storage *st)
{
    archive_free(st->archive);
    health_counters_fini(&st->counters);
    list_remove(&st->node);
    buf_wipe(&st->json);
    buf_wipe(&st->next);
    message_free(&st->message);
    mem_wipe(&st->settings, sizeof st->settings);
    free(st);
}

static void on_farewell(struct store_wait *w, struct store_answer *a)
{
    struct farewell *f = CONTAINER_OF(w, struct farewell, wait);
    if (a->err != OK) say_warn("storage.row_left", "why=%s", err_name(a->err));
    list_remove(&f->node);
    free(f);
}

static void forget_rows(const struct storage *st)
{
    struct farewell *f = NEW(struct farewell);
    struct store_request u;
    char owner[ARCHIVE_OWNER_MAX + 1];
    snprintf(owner, sizeof owner, "endpoint/%s@%lld", st->name, (long long)st->since_us);
    store_begin_unit(&u, STORE_INTERACTIVE);
    archive_add_removal(&u, slice_str(owner));
    f->wait.fn = on_farewell;
    list_push(&st->home->farewells, &f->node);
    store_ask(st->home->cfg.hub->store, st->home->cfg.lane, &u, &f->wait);
}

/* ---- the list */

struct entry {
    int64_t since_us;
    uint32_t bit, name_len, json_len; /* both follow */
};

static struct storage *find(struct storages *ss, const struct entry *e)
{
    LIST_EACH(node, &ss->all)
    {
        struct storage *st = CONTAINER_OF(node, struct storage, node);
        if (st->bit == e->bit && st->since_us == e->since_us) return st;
    }
    return NULL;
}

static void take(struct storages *ss, const struct entry *e, struct slice label, struct slice json)
{
    struct storage *st = find(ss, e);
    if (st) {
        change(st, json);
    } else {
        st = storage_new(ss, label, e->bit, e->since_us);
        buf_put_slice(&st->json, json);
        begin_version(st);
    }
    st->listed = true;
}

/* What is not there any more goes first: its bit may be another's. */
static void drop_unlisted(struct storages *ss)
{
    LIST_EACH(node, &ss->all)
    {
        struct storage *st = CONTAINER_OF(node, struct storage, node);
        if (st->listed) continue;
        forget_rows(st);
        storage_free(st);
    }
}

static void on_list(void *ctx, struct lane *lane, struct msg *m)
{
    struct storages *ss = ctx;
    struct cur c = cur_of(msg_body(m));
    (void)lane;
    LIST_EACH(node, &ss->all) CONTAINER_OF(node, struct storage, node)->listed = false;
    while (cur_left(&c)) {
        struct entry e;
        struct slice head = cur_take(&c, sizeof e);
        assert(head.ptr != NULL);
        memcpy(&e, head.ptr, sizeof e);
        struct slice label = cur_take(&c, e.name_len), json = cur_take(&c, e.json_len);
        take(ss, &e, label, json);
    }
    drop_unlisted(ss);
    mem_wipe(m->body, m->len); /* has connection strings */
}

static void add(struct buf *list, const struct routing_endpoint *e)
{
    struct buf json = BUF_SECRET;
    json_write(&json, e->json);
    const struct entry entry = {e->since_us, e->bit, (uint32_t)strlen(e->name),
                                (uint32_t)buf_size(&json)};
    buf_put(list, &entry, sizeof entry);
    buf_put_str(list, e->name);
    buf_put_slice(list, buf_slice(&json));
    buf_wipe(&json);
}

void storages_tell(struct lane *core, struct lane *to, const struct routing *r)
{
    const struct routing_endpoint *e;
    struct buf list = BUF_SECRET;
    for (unsigned i = 0; (e = routing_endpoint_at(r, i)) != NULL; i++)
        if (e->kind == &storage_kind) add(&list, e);
    struct msg *m = msg_new(STORAGE_LIST, buf_size(&list));
    if (buf_size(&list)) memcpy(m->body, buf_slice(&list).ptr, buf_size(&list));
    buf_wipe(&list);
    post(core, lane_addr(core), lane_addr(to), m);
}

/* ---- once a second */

static void show_lag(struct storage *st)
{
    struct archive_part_status s;
    struct health_lag lag = {.unknown = archive_is_starting(st->archive)};
    for (unsigned i = 0; archive_part_status(st->archive, i, &s); i++)
        health_lag_add(&lag, &s.cursor);
    health_counters_lag(&st->counters, &lag);
}

static void on_tick(struct timer *t, int64_t now_us)
{
    struct storages *ss = CONTAINER_OF(t, struct storages, tick);
    LIST_EACH(node, &ss->all)
    {
        struct storage *st = CONTAINER_OF(node, struct storage, node);
        if (st->archive == NULL) continue;
        show_lag(st);
        look(st);
    }
    timer_set(&ss->cfg.lane->timers, t, now_us + TICK_US);
}

/* ---- life of all */

struct storages *storages_new(const struct storages_config *cfg)
{
    struct storages *ss = NEW(struct storages);
    ss->cfg = *cfg;
    list_init(&ss->all);
    list_init(&ss->farewells);
    lane_on(cfg->lane, STORAGE_LIST, on_list, ss);
    timer_init(&ss->tick, on_tick);
    timer_set(&cfg->lane->timers, &ss->tick, clock_mono_us());
    return ss;
}

void storages_free(struct storages *ss)
{
    if (ss == NULL) return;
    LIST_EACH(node, &ss->all) storage_free(CONTAINER_OF(node, struct storage, node));
    LIST_EACH(node, &ss->farewells)
    {
        struct farewell *f = CONTAINER_OF(node, struct farewell, node);
        store_forget(ss->cfg.lane, &f->wait);
        free(f);
    }
    timer_stop(&ss->tick);
    free(ss);
}

const struct routing_kind storage_kind = {
    .list = "storageContainers", .check = storage_check, .mask = storage_mask};
