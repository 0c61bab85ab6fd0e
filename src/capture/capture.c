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

/* ---- event hubs */

struct capture *capture_find(struct captures *cs, unsigned stream)
{
    LIST_EACH(node, &cs->all)
    {
        struct capture *c = CONTAINER_OF(node, struct capture, node);
        if (c->stream == stream) return c;
    }
    return NULL;
}

void capture_owner(unsigned stream, char out[ARCHIVE_OWNER_MAX + 1])
{
    snprintf(out, ARCHIVE_OWNER_MAX + 1, "capture/%u", stream);
}

struct capture *capture_new(struct captures *cs, unsigned stream, struct slice event_hub)
{
    struct capture *c = NEW(struct capture);
    char owner[ARCHIVE_OWNER_MAX + 1];
    capture_owner(stream, owner);
    c->cs = cs;
    c->stream = stream;
    snprintf(c->event_hub, sizeof c->event_hub, "%.*s", SLICE_ARG(event_hub));
    c->archive =
        archive_new(cs->cfg.archives, &(struct archive_config){.kind = &capture_kind,
                                                               .ctx = c,
                                                               .owner = slice_str(owner),
                                                               .label = slice_str(c->event_hub),
                                                               .stream = stream,
                                                               .destinations = RECORD_TO_STREAM});
    list_push(&cs->all, &c->node);
    return c;
}

void capture_start(struct capture *c, void (*started)(void *ctx, enum err e))
{
    c->runs = true;
    archive_start(c->archive, &c->description.archive, started);
}

void capture_stop(struct capture *c)
{
    c->runs = false;
    archive_stop(c->archive);
}

void capture_free(struct capture *c)
{
    archive_free(c->archive);
    list_remove(&c->node);
    mem_wipe(&c->description, sizeof c->description);
    free(c);
}

/* ---- what is shown */

static void write_part(struct buf *out, const struct archive_part_status *p)
{
    buf_printf(out,
               "{\"partitionId\":\"%u\",\"state\":\"%s\",\"files\":%" PRIu64 ",\"events\":%" PRIu64
               ",\"lagRecords\":%" PRIu64 ",\"lagSeconds\":%" PRId64 ",\"lostRecords\":%" PRIu64,
               p->partition, p->state, p->files, p->events, p->cursor.lag_records,
               p->cursor.lag_us / 1000000, p->cursor.lost);
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
    struct archive_part_status status;
    for (unsigned i = 0; archive_part_status(c->archive, i, &status); i++) {
        if (i) buf_put_u8(out, ',');
        write_part(out, &status);
    }
    buf_put_str(out, "]}");
}

static void show(struct captures *cs, const struct msg *m, unsigned stream)
{
    struct buf json = {0};
    struct capture *c = capture_find(cs, stream);
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
    const struct capture_ask *asked = (const void *)ask->body;
    if (asked->verb == CAPTURE_GONE) return; /* nobody waits */
    struct msg *m = msg_new(CAPTURE_DONE, sizeof(struct done) + body.len + text_len);
    struct done *d = (void *)m->body;
    *d = (struct done){status, (uint32_t)body.len, (uint32_t)text_len};
    memcpy(slice_copy(d->bytes, body), text, text_len);
    post_reply(cs->cfg.lane, ask, m);
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct captures *cs = ctx;
    const struct capture_ask *a = (const void *)m->body;
    (void)lane;
    switch (a->verb) {
    case CAPTURE_GET: show(cs, m, a->stream); break;
    case CAPTURE_LIST: show_all(cs, m); break;
    case CAPTURE_PUT:
    case CAPTURE_DELETE:
    case CAPTURE_GONE: change_take(cs, m); break;
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

/* `w` NULL: nobody waits. */
static void ask(struct captures *cs, struct lane *lane, enum capture_verb verb,
                struct capture_hub hub, struct slice json, struct capture_wait *w)
{
    struct msg *m = msg_new(CAPTURE_ASK, sizeof(struct capture_ask) + hub.name.len + json.len);
    struct capture_ask *a = (void *)m->body;
    ON_LANE(lane);
    *a = (struct capture_ask){verb, hub.stream, (uint32_t)hub.name.len, (uint32_t)json.len};
    if (hub.name.len) memcpy(a->bytes, hub.name.ptr, hub.name.len);
    if (json.len) memcpy(a->bytes + hub.name.len, json.ptr, json.len);
    if (w) w->slot = slot_new(lane, w);
    post(lane, w ? w->slot : lane_addr(lane), lane_addr(cs->cfg.lane), m);
}

void capture_put(struct captures *cs, struct lane *lane, struct capture_hub hub, struct slice json,
                 struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_PUT, hub, json, w);
}

void capture_get(struct captures *cs, struct lane *lane, struct capture_hub hub,
                 struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_GET, hub, SLICE_NONE, w);
}

void capture_list(struct captures *cs, struct lane *lane, struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_LIST, (struct capture_hub){0}, SLICE_NONE, w);
}

void capture_delete(struct captures *cs, struct lane *lane, struct capture_hub hub,
                    struct capture_wait *w)
{
    ask(cs, lane, CAPTURE_DELETE, hub, SLICE_NONE, w);
}

void capture_gone(struct captures *cs, struct lane *lane, unsigned stream)
{
    ask(cs, lane, CAPTURE_GONE, (struct capture_hub){.stream = stream}, SLICE_NONE, NULL);
}

/* ---- life */

/* A description of which a newer program knows more than we is not captured, and says so. */
static void take_description(struct captures *cs, const struct store_answer *a)
{
    unsigned stream = (unsigned)a->col[0].number;
    struct slice name = stream ? a->col[2].bytes : slice_str(cs->cfg.hub->name);
    struct capture *c = capture_new(cs, stream, name);
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
    return e;
}

/* The first message of all: nobody asks anything before the archives have started.  Of an event hub that
 * went while nobody could say so, what is left goes now. */
static void on_begin(void *ctx, struct lane *lane, struct msg *m)
{
    struct captures *cs = ctx;
    (void)m;
    LIST_EACH(node, &cs->all)
    {
        struct capture *c = CONTAINER_OF(node, struct capture, node);
        if (c->event_hub[0] == '\0')
            capture_gone(cs, lane, c->stream);
        else if (c->description.enabled)
            capture_start(c, NULL);
    }
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
    TRY(load(cs));
    post(cfg->lane, lane_addr(cfg->lane), lane_addr(cfg->lane), msg_new(CAPTURE_BEGIN, 0));
    return OK;
}

void capture_close(struct captures *cs)
{
    if (cs == NULL) return;
    changes_free(cs);
    LIST_EACH(node, &cs->all) capture_free(CONTAINER_OF(node, struct capture, node));
    free(cs);
}
