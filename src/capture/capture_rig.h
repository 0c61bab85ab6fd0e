/* capture_rig.h - captures on a log in memory, and what is in their folder; for *_test.c files only. */
#ifndef CAPTURE_CAPTURE_RIG_H
#define CAPTURE_CAPTURE_RIG_H

#include "cursor/cursor_rig.h"

#include "avro/avro.h"
#include "base/amqp.h"
#include "blob/remote_rig.h"
#include "capture/capture.h"

enum {
    EVENTS_MAX = 3000,
    RIG_SECOND_US = 10000,
    RIG_READ_US = RIG_SECOND_US / ARCHIVE_READS_A_SECOND,
    RIG_WINDOW_US = 61 * RIG_SECOND_US
};

struct capture_rig {
    struct cursor_rig base;
    struct hub hub;
    struct archives *archives;
    struct captures *captures;
    bool ephemeral;
    struct remote_rig account;
    struct lane *core; /* asks */
    /* of the newest answer */
    unsigned answers;
    enum status status;
    struct buf body;
    struct capture_wait wait;
    /* what the folder had at the newest look */
    unsigned seen[EVENTS_MAX]; /* by sequence number */
    unsigned files, events, empty;
    struct buf names; /* one per line */
};

/* ---- life */

static inline enum err capture_rig_open(struct capture_rig *r)
{
    enum err e = cursor_rig_open(&r->base);
    if (e != OK) return e;
    cursors_free(r->base.cursors);
    r->base.cursors = NULL;
    r->hub.log = r->base.rig->log;
    r->hub.store = r->base.store;
    r->core = &r->base.rig->cores[0].lane;
    blobs_attach(&r->base.lane);
    capture_attach(r->core);
    remote_rig_open(&r->account, &r->base.lane);
    r->archives = archives_new(&(struct archives_config){.lane = &r->base.lane,
                                                         .log = r->hub.log,
                                                         .store = r->hub.store,
                                                         .io = r->base.io,
                                                         .remote = r->account.remote,
                                                         .second_us = RIG_SECOND_US});
    return capture_open(&(struct capture_config){.hub = &r->hub,
                                                 .lane = &r->base.lane,
                                                 .archives = r->archives,
                                                 .ephemeral = r->ephemeral},
                        &r->captures);
}

static inline enum err capture_rig_init(struct capture_rig *r, unsigned partitions)
{
    memset(r, 0, sizeof *r);
    cursor_rig_init(&r->base, partitions);
    snprintf(r->hub.name, sizeof r->hub.name, "hub");
    return capture_rig_open(r);
}

static inline void capture_rig_stop(struct capture_rig *r)
{
    lane_running = &r->base.lane;
    capture_close(r->captures);
    archives_free(r->archives);
    r->captures = NULL;
    r->archives = NULL;
}

static inline void capture_rig_close(struct capture_rig *r)
{
    rig_run(r->base.rig);
    capture_rig_stop(r);
    cursor_rig_close(&r->base);
    remote_free(r->account.remote);
}

static inline void capture_rig_fini(struct capture_rig *r)
{
    capture_rig_close(r);
    cursor_rig_fini(&r->base);
    buf_free(&r->body);
    buf_free(&r->names);
}

/* ---- asking */

static inline void capture_rig_note(struct capture_wait *w, const struct capture_answer *a)
{
    struct capture_rig *r = CONTAINER_OF(w, struct capture_rig, wait);
    r->answers++;
    r->status = a->status;
    buf_clear(&r->body);
    buf_put_slice(&r->body, a->body.len ? a->body : a->text);
}

static const struct capture_hub rig_hub = {0, {(const uint8_t *)"hub", 3}};

static inline enum status capture_rig_put(struct capture_rig *r, const char *json)
{
    lane_running = r->core;
    r->wait.fn = capture_rig_note;
    capture_put(r->captures, r->core, rig_hub, slice_str(json), &r->wait);
    cursor_rig_run(&r->base, 0);
    return r->status;
}

/* ---- events */

static inline void capture_rig_send(struct capture_rig *r, unsigned partition, size_t size)
{
    struct rig_core *core = &r->base.rig->cores[0];
    struct buf body = {0};
    lane_running = &core->lane;
    struct buf *b = log_begin(&core->writer, 0, partition, RECORD_TELEMETRY, RECORD_TO_STREAM);
    amqp_put_sym(b, "iothub-connection-device-id");
    amqp_put_str(b, "device-1");
    log_pairs_done(&core->writer, 1);
    memset(buf_reserve(&body, size), 'e', size);
    buf_commit(&body, size);
    amqp_put_data(b, buf_slice(&body));
    log_end(&core->writer, rig_note, core->slot, 1);
    rig_run(r->base.rig);
    buf_free(&body);
}

/* ---- the folder */

struct capture_walk {
    struct capture_rig *r;
    char path[IO_NAME_MAX];
};

static inline void capture_rig_read(struct capture_rig *r, const char *path)
{
    struct buf bytes = {0};
    struct avro_reader *reader = avro_reader_new();
    struct avro_value v;
    unsigned events = 0;
    assert_int_equal(io_load(r->base.io, path, &bytes), OK);
    avro_reader_feed(reader, buf_slice(&bytes));
    while (avro_reader_next(reader) == OK) {
        assert_true(avro_field(reader, "SequenceNumber", &v));
        assert_in_range(v.number, 0, EVENTS_MAX - 1);
        r->seen[v.number]++;
        events++;
    }
    assert_int_equal(avro_reader_end(reader), OK);
    r->files++;
    r->empty += events == 0;
    r->events += events;
    buf_printf(&r->names, "%s\n", path);
    avro_reader_free(reader);
    buf_free(&bytes);
}

static inline void capture_rig_walk(void *ctx, const char *name)
{
    struct capture_walk *above = ctx, here = {.r = above->r};
    int len = snprintf(here.path, sizeof here.path, "%s/%s", above->path, name);
    assert_in_range(len, 1, IO_NAME_MAX - 1);
    if (strstr(name, ".avro"))
        capture_rig_read(here.r, here.path);
    else
        assert_int_equal(io_list(here.r->base.io, here.path, capture_rig_walk, &here), OK);
}

/* Reads every file that is there. */
static inline void capture_rig_look(struct capture_rig *r)
{
    struct capture_walk root = {.r = r, .path = CAPTURE_FOLDER};
    memset(r->seen, 0, sizeof r->seen);
    r->files = r->events = r->empty = 0;
    buf_clear(&r->names);
    enum err e = io_list(r->base.io, CAPTURE_FOLDER, capture_rig_walk, &root);
    assert_true(e == OK || e == ERR_NOT_FOUND);
}

#define CONTAINER                                                                                  \
    "{\"skipEmptyArchives\":true,\"intervalInSeconds\":60,\"sizeLimitInBytes\":10485760,"          \
    "\"destination\":{\"blobContainer\":\"events\",\"connectionString\":"                          \
    "\"AccountName=acct;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/acct\"}}"
#define ELSEWHERE                                                                                  \
    "{\"skipEmptyArchives\":true,\"intervalInSeconds\":60,\"sizeLimitInBytes\":10485760,"          \
    "\"destination\":{\"name\":\"Azimuth.Folder\",\"folder\":\"else\"}}"
#define FOLDER(more)                                                                               \
    "{\"intervalInSeconds\":60,\"sizeLimitInBytes\":10485760" more                                 \
    ",\"destination\":{\"name\":\"Azimuth.Folder\"}}"

#endif
