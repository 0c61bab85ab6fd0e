/* capture.c - life of all captures, what is shown of them, and the way there from other lanes. */
#include "capture/capture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"
#include "capture/capture_sql.h"
#include "capture/home.h"

enum { BUILT_IN_STREAM = 0 };

/* ---- event hubs */

bool capture_stream_of(const struct captures *cs, struct slice event_hub, unsigned *stream)
{
    *stream = BUILT_IN_STREAM;
    return slice_eq_nocase(event_hub, slice_str(cs->cfg.hub->name));
}

struct capture *capture_find(struct captures *cs, unsigned stream)
{
    LIST_EACH(node, &cs->all)
    {
        struct capture *c = CONTAINER_OF(node, struct capture, node);
        if (c->stream == stream) return c;
    }
    return NULL;
}

struct capture *capture_new(struct captures *cs, unsigned stream)
{
    struct capture *c = NEW(struct capture);
    c->cs = cs;
    c->stream = stream;
    snprintf(c->event_hub, sizeof c->event_hub, "%s", cs->cfg.hub->name);
    list_push(&cs->all, &c->node);
    return c;
}

void capture_stop(struct capture *c)
{
    for (unsigned i = 0; i < c->part_count; i++) part_stop(&c->parts[i]);
    free(c->parts);
    c->parts = NULL;
    c->part_count = 0;
}

void capture_free(struct capture *c)
{
    capture_stop(c);
    list_remove(&c->node);
    mem_wipe(&c->description, sizeof c->description);
    free(c);
}

void capture_take_rows(struct capture *c, struct store_answer *rows)
{
    unsigned most = log_partitions(c->cs->cfg.hub->log, c->stream);
    assert(c->parts == NULL);
    if (rows->rows_left == 0) return;
    c->parts = mem_zero(most * sizeof *c->parts);
    while (c->part_count < most && store_next(rows)) {
        struct part *p = &c->parts[c->part_count++];
        p->capture = c;
        p->partition = (unsigned)rows->col[0].number;
        p->from = (uint64_t)rows->col[1].number;
        p->until = (uint64_t)rows->col[2].number;
        snprintf(p->name, sizeof p->name, "%.*s", SLICE_ARG(rows->col[3].bytes));
        p->named_us = rows->col[4].number;
    }
}

void capture_start(struct capture *c)
{
    for (unsigned i = 0; i < c->part_count; i++) part_start(&c->parts[i]);
}

/* ---- what is shown */

static const char *const states[] = {"filling", "sealing", "placing", "committing", "waiting"};

static void write_part(struct buf *out, const struct part *p)
{
    struct cursor_status s;
    cursor_status(p->cursor, &s);
    buf_printf(out,
               "{\"partitionId\":\"%u\",\"state\":\"%s\",\"files\":%" PRIu64 ",\"events\":%" PRIu64
               ",\"lagRecords\":%" PRIu64 ",\"lagSeconds\":%" PRId64 ",\"lostRecords\":%" PRIu64,
               p->partition, states[p->state], p->files, p->captured, s.lag_records,
               s.lag_us / 1000000, s.lost);
    if (p->file_us) {
        char iso[CLOCK_ISO_LEN + 1];
        clock_iso(p->file_us, iso);
        buf_printf(out, ",\"lastFileTime\":\"%s\"", iso);
    }
    buf_put_str(out, ",\"lastError\":");
    text_json_string(out, slice_str(p->error));
    buf_put_str(out, "}");
}

void capture_write(struct buf *out, struct capture *c)
{
    buf_put_str(out, "{\"eventHub\":");
    text_json_string(out, slice_str(c->event_hub));
    buf_put_str(out, ",\"captureDescription\":");
    description_write(out, &c->description, false);
    buf_put_str(out, ",\"partitions\":[");
    for (unsigned i = 0; i < c->part_count; i++) {
        if (i) buf_put_u8(out, ',');
        write_part(out, &c->parts[i]);
    }
    buf_put_str(out, "]}");
}

static void show(struct captures *cs, const struct msg *m, struct slice event_hub)
{
    struct buf json = {0};
    unsigned stream;
    struct capture *c = capture_stream_of(cs, event_hub, &stream) ? capture_find(cs, stream) : NULL;
    if (c) {
        capture_write(&json, c);
        capture_answer(cs, m, STATUS_OK, buf_slice(&json), "");
    } else {
        capture_answer(cs, m, STATUS_HUB_NOT_FOUND, SLICE_NONE, "the event hub is not captured");
    }
    buf_free(&json);
}

static void show_all(struct captures *cs, const struct msg *m)
{
    struct buf json = {0};
    buf_put_u8(&json, '[');
    LIST_EACH(node, &cs->all)
    {
        if (node->prev != &cs->all) buf_put_u8(&json, ',');
        capture_write(&json, CONTAINER_OF(node, struct capture, node));
    }
    buf_put_u8(&json, ']');
    capture_answer(cs, m, STATUS_OK, buf_slice(&json), "");
    buf_free(&json);
}

/* ---- from lane to lane */

struct done {
    enum status status;
    uint32_t body_len, text_len;
    uint8_t bytes[];
};

void capture_answer(struct captures *cs, const struct msg *ask, enum status status,
                    struct slice body, const char *text)
{
    size_t text_len = strlen(text);
    struct msg *m = msg_new(CAPTURE_DONE, sizeof(struct done) + body.len + text_len);
    struct done *d = (void *)m->body;
    *d = (struct done){status, (uint32_t)body.len, (uint32_t)text_len};
    if (body.len) memcpy(d->bytes, body.ptr, body.len);
    memcpy(d->bytes + body.len, text, text_len);
    post_reply(cs->cfg.lane, ask, m);
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct captures *cs = ctx;
    const struct capture_ask *a = (const void *)m->body;
    (void)lane;
    switch (a->verb) {
    case CAPTURE_GET: show(cs, m, slice_of(a->bytes, a->name_len)); break;
    case CAPTURE_LIST: show_all(cs, m); break;
    case CAPTURE_PUT:
    case CAPTURE_DELETE: change_take(cs, m); break;
    }
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct capture_wait *w = slot_get(lane, m->to);
    const struct done *d = (const void *)m->body;
    (void)ctx;
    if (w == NULL) return;
    capture_forget(lane, w);
    w->fn(w, &(struct capture_answer){.status = d->status,
                                      .body = slice_of(d->bytes, d->body_len),
                                      .text = slice_of(d->bytes + d->body_len, d->text_len)});
}

void capture_attach(struct lane *lane)
{
    lane_on(lane, CAPTURE_DONE, on_done, NULL);
}

void capture_forget(struct lane *lane, struct capture_wait *w)
{
    slot_free(lane, w->slot);
}

static void ask(struct captures *cs, struct lane *lane, enum capture_verb verb,
                struct slice event_hub, struct slice json, struct capture_wait *w)
{
    struct msg *m = msg_new(CAPTURE_ASK, sizeof(struct capture_ask) + event_hub.len + json.len);
    struct capture_ask *a = (void *)m->body;
    ON_LANE(lane);
    *a = (struct capture_ask){verb, (uint32_t)event_hub.len, (uint32_t)json.len};
    if (event_hub.len) memcpy(a->bytes, event_hub.ptr, event_hub.len);
    if (json.len) memcpy(a->bytes + event_hub.len, json.ptr, json.len);
    w->slot = slot_new(lane, w);
    post(lane, w->slot, lane_addr(cs->cfg.lane), m);
}

void capture_put(struct captures *cs, struct lane *lane, struct slice event_hub, struct slice json,
                 struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_PUT, event_hub, json, w);
}

void capture_get(struct captures *cs, struct lane *lane, struct slice event_hub,
                 struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_GET, event_hub, SLICE_NONE, w);
}

void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_LIST, SLICE_NONE, SLICE_NONE, w);
}

void capture_delete(struct captures *cs, struct lane *lane, struct slice event_hub,
                    struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_DELETE, event_hub, SLICE_NONE, w);
}

/* ---- life */

static enum err load_rows(struct capture *c)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_capture_partition_page);
    store_put_int(&q, "stream", c->stream);
    enum err e = store_now_query(c->cs->cfg.hub->store, &q, &a, &page);
    if (e == OK) capture_take_rows(c, &a);
    msg_free(page);
    return e;
}

/* A description of which a newer program knows more than we is not captured, and says so. */
static void take_description(struct captures *cs, const struct store_answer *a)
{
    struct capture *c = capture_new(cs, (unsigned)a->col[0].number);
    if (description_parse(a->col[1].bytes, NULL, &c->description) == OK) return;
    say_error("capture.description", "event_hub=%s reason=\"%s\" next=\"it is not captured\"",
              c->event_hub, fail_text());
    c->description.enabled = false;
}

static enum err load(struct captures *cs)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_capture_page);
    store_put_int(&q, "after", -1);
    enum err e = store_now_query(cs->cfg.hub->store, &q, &a, &page);
    while (e == OK && store_next(&a)) take_description(cs, &a);
    msg_free(page);
    LIST_EACH(node, &cs->all)
    {
        struct capture *c = CONTAINER_OF(node, struct capture, node);
        if (e == OK && c->description.enabled) e = load_rows(c);
    }
    return e;
}

/* The first message of all: nobody asks anything before the parts have started. */
static void on_begin(void *ctx, struct lane *lane, struct msg *m)
{
    struct captures *cs = ctx;
    (void)lane, (void)m;
    LIST_EACH(node, &cs->all) capture_start(CONTAINER_OF(node, struct capture, node));
}

enum err capture_open(const struct capture_config *cfg, struct captures **out)
{
    struct captures *cs = NEW(struct captures);
    cs->cfg = *cfg;
    *out = cs;
    list_init(&cs->all);
    list_init(&cs->changes);
    lane_on(cfg->lane, CAPTURE_BEGIN, on_begin, cs);
    lane_on(cfg->lane, CAPTURE_ASK, on_ask, cs);
    lane_on(cfg->lane, LOG_SEEK_DONE, change_on_ends, cs);
    cs->cursors = cursors_new(cfg->lane, cfg->hub->log, NULL);
    TRY(load(cs));
    post(cfg->lane, lane_addr(cfg->lane), lane_addr(cfg->lane), msg_new(CAPTURE_BEGIN, 0));
    return OK;
}

void capture_close(struct captures *cs)
{
    if (cs == NULL) return;
    changes_free(cs);
    LIST_EACH(node, &cs->all) capture_free(CONTAINER_OF(node, struct capture, node));
    cursors_free(cs->cursors);
    free(cs);
}
