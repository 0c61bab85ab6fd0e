/* diagnostic.c - the settings on their lane: asked about, changed, kept; and the records that come. */
#include "hub/diagnostic/diagnostic.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/say.h"
#include "hub/diagnostic/home.h"

LIMIT_REACHED(too_many_settings, "diagnostic-settings")

/* ---- records */

static void on_note(void *ctx, struct lane *lane, struct msg *m)
{
    struct diagnostics *d = ctx;
    const struct note_msg *note = (const void *)m->body;
    struct slice record = slice_from(msg_body(m), offsetof(struct note_msg, record));
    (void)lane;
    atomic_fetch_sub(&d->queued, m->len);
    for (unsigned i = 0; i < d->count; i++) {
        struct setting *s = d->settings[i];
        if (!(s->categories >> note->category & 1)) continue;
        if (s->to_file) log_file_put(&s->log, record);
        if (s->to_events) stream_put(s, record);
    }
}

static void on_turn_end(struct turn_hook *hook, int64_t now_us)
{
    struct diagnostics *d = CONTAINER_OF(hook, struct diagnostics, hook);
    (void)now_us;
    for (unsigned i = 0; i < d->count; i++) {
        log_file_flush(&d->settings[i]->log, &d->cfg);
        stream_flush(d->settings[i]);
    }
}

/* ---- settings */

static void publish(struct diagnostics *d)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < d->count; i++) wanted |= d->settings[i]->categories;
    atomic_store(&d->wanted, wanted);
}

static void write_all(const struct diagnostics *d, struct buf *out)
{
    buf_put_u8(out, '[');
    for (unsigned i = 0; i < d->count; i++) {
        if (i) buf_put_u8(out, ',');
        setting_write(out, d->settings[i]);
    }
    buf_put_u8(out, ']');
}

static enum err keep_all(const struct diagnostics *d)
{
    struct buf json = {0};
    write_all(d, &json);
    enum err e = io_store(d->cfg.io, DIAGNOSTIC_SETTINGS_FILE, buf_slice(&json));
    buf_free(&json);
    return e;
}

/* Its place, or d->count. */
static unsigned find(const struct diagnostics *d, struct slice name)
{
    unsigned i = 0;
    while (i < d->count && !slice_eq_nocase(slice_str(d->settings[i]->name), name)) i++;
    return i;
}

static enum err add(struct diagnostics *d, struct slice name, const struct json *doc)
{
    unsigned at = find(d, name);
    if (at == DIAGNOSTIC_SETTINGS_MAX) {
        metric_inc(&too_many_settings);
        return fail(ERR_FULL, "there are %d settings, as many as may be", DIAGNOSTIC_SETTINGS_MAX);
    }
    struct setting *s = setting_parse(d, name, doc);
    if (s == NULL) return ERR_INVALID;
    if (at == d->count) d->count++;
    setting_free(d->settings[at]);
    d->settings[at] = s;
    return OK;
}

static void take_away(struct diagnostics *d, unsigned at)
{
    setting_free(d->settings[at]);
    for (d->count--; at < d->count; at++) d->settings[at] = d->settings[at + 1];
    d->settings[d->count] = NULL;
}

/* ---- asked */

static void answer(struct diagnostics *d, const struct msg *ask, enum status status,
                   struct slice json, const char *text)
{
    struct slice words = slice_str(text);
    struct msg *m = msg_new(DIAGNOSTIC_DONE, sizeof(struct setting_done) + json.len + words.len);
    struct setting_done *done = (void *)m->body;
    *done = (struct setting_done){.status = status, .json_len = (uint32_t)json.len};
    slice_copy(slice_copy(done->bytes, json), words);
    post_reply(d->cfg.lane, ask, m);
}

/* What was changed, as it is now; what could not be kept counts until a restart. */
static void answer_changed(struct diagnostics *d, const struct msg *ask, struct slice json)
{
    publish(d);
    if (keep_all(d) == OK)
        answer(d, ask, STATUS_OK, json, "");
    else
        answer(d, ask, STATUS_SERVICE_UNAVAILABLE, SLICE_NONE, fail_text());
}

static void put(struct diagnostics *d, const struct msg *ask, struct slice name, struct slice json)
{
    struct arena arena = {0};
    struct json *doc;
    struct buf shown = {0};
    enum err e = json_parse(&arena, json, &doc);
    if (e == OK) e = add(d, name, doc);
    if (e == OK) {
        setting_write(&shown, d->settings[find(d, name)]);
        answer_changed(d, ask, buf_slice(&shown));
    } else {
        answer(d, ask, e == ERR_FULL ? STATUS_QUOTA_EXCEEDED : STATUS_ARGUMENT_INVALID, SLICE_NONE,
               fail_text());
    }
    buf_free(&shown);
    arena_free(&arena);
}

static void show(struct diagnostics *d, const struct msg *ask, unsigned at)
{
    struct buf json = {0};
    setting_write(&json, d->settings[at]);
    answer(d, ask, STATUS_OK, buf_slice(&json), "");
    buf_free(&json);
}

static void show_all(struct diagnostics *d, const struct msg *ask)
{
    struct buf json = {0};
    write_all(d, &json);
    answer(d, ask, STATUS_OK, buf_slice(&json), "");
    buf_free(&json);
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct diagnostics *d = ctx;
    const struct setting_ask *ask = (const void *)m->body;
    struct slice name = slice_of(ask->bytes, ask->name_len);
    struct slice json = slice_from(msg_body(m), offsetof(struct setting_ask, bytes) + name.len);
    unsigned at = find(d, name);
    (void)lane;
    if (ask->verb == SETTING_LIST) {
        show_all(d, m);
    } else if (ask->verb == SETTING_PUT) {
        put(d, m, name, json);
    } else if (at == d->count) {
        answer(d, m, STATUS_HUB_NOT_FOUND, SLICE_NONE, "there is no such diagnostic setting");
    } else if (ask->verb == SETTING_GET) {
        show(d, m, at);
    } else {
        take_away(d, at);
        answer_changed(d, m, SLICE_NONE);
    }
}

/* ---- asking, on a core */

static void ask_lane(struct diagnostics *d, struct lane *core, enum setting_verb verb,
                     struct slice name, struct slice json, struct diagnostic_wait *w)
{
    size_t head = offsetof(struct setting_ask, bytes);
    struct msg *m = msg_new(DIAGNOSTIC_ASK, head + name.len + json.len);
    struct setting_ask *ask = (void *)m->body;
    ask->verb = verb;
    ask->name_len = (uint32_t)name.len;
    if (name.len) memcpy(ask->bytes, name.ptr, name.len);
    if (json.len) memcpy(ask->bytes + name.len, json.ptr, json.len);
    w->slot = slot_new(core, w);
    post(core, w->slot, lane_addr(d->cfg.lane), m);
}

void diagnostic_setting_list(struct diagnostics *d, struct lane *core, struct diagnostic_wait *w)
{
    ask_lane(d, core, SETTING_LIST, SLICE_NONE, SLICE_NONE, w);
}

void diagnostic_setting_get(struct diagnostics *d, struct lane *core, struct slice name,
                            struct diagnostic_wait *w)
{
    ask_lane(d, core, SETTING_GET, name, SLICE_NONE, w);
}

void diagnostic_setting_put(struct diagnostics *d, struct lane *core, struct slice name,
                            struct slice json, struct diagnostic_wait *w)
{
    ask_lane(d, core, SETTING_PUT, name, json, w);
}

void diagnostic_setting_delete(struct diagnostics *d, struct lane *core, struct slice name,
                               struct diagnostic_wait *w)
{
    ask_lane(d, core, SETTING_DELETE, name, SLICE_NONE, w);
}

void diagnostic_forget(struct lane *core, struct diagnostic_wait *w)
{
    slot_free(core, w->slot);
}

static void on_done(void *ctx, struct lane *core, struct msg *m)
{
    const struct setting_done *done = (const void *)m->body;
    struct diagnostic_wait *w = slot_get(core, m->to);
    struct slice bytes = slice_from(msg_body(m), offsetof(struct setting_done, bytes));
    (void)ctx;
    if (w == NULL) return;
    diagnostic_forget(core, w);
    w->fn(w, &(struct diagnostic_answer){.status = done->status,
                                         .json = slice_head(bytes, done->json_len),
                                         .text = slice_from(bytes, done->json_len)});
}

/* ---- life */

/* A setting that is none any more (a newer program's, or it was edited) is left out with a word. */
static enum err load(struct diagnostics *d)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct json *all;
    enum err e = io_load(d->cfg.io, DIAGNOSTIC_SETTINGS_FILE, &text);
    if (e == OK) e = json_parse(&arena, buf_slice(&text), &all);
    for (const struct json *j = e == OK ? all->child : NULL; j; j = j->next)
        if (add(d, json_str(j, "name"), j) != OK)
            say_warn("diagnostic.setting", "name=\"%.*s\" reason=\"%s\"",
                     SLICE_ARG(slice_head(json_str(j, "name"), DIAGNOSTIC_NAME_MAX)), fail_text());
    if (e == ERR_INVALID)
        say_warn("diagnostic.settings", "file=" DIAGNOSTIC_SETTINGS_FILE " reason=\"%s\"",
                 fail_text());
    publish(d);
    arena_free(&arena);
    buf_free(&text);
    return e == ERR_NOT_FOUND || e == ERR_INVALID ? OK : e;
}

enum err diagnostics_open(const struct diagnostics_config *cfg, struct diagnostics **out)
{
    struct diagnostics *d = *out = NEW(struct diagnostics);
    d->cfg = *cfg;
    d->hook.fn = on_turn_end;
    list_init(&d->appends);
    lane_on(cfg->lane, DIAGNOSTIC_NOTE, on_note, d);
    lane_on(cfg->lane, DIAGNOSTIC_ASK, on_ask, d);
    lane_on_turn_end(cfg->lane, &d->hook);
    stream_join_lane(d);
    return load(d);
}

void diagnostics_attach(struct diagnostics *d, struct lane *core, struct log_writer *writer,
                        struct event_hubs *event_hubs)
{
    lane_on(core, DIAGNOSTIC_DONE, on_done, d);
    if (writer == NULL) return;
    d->writer = writer;
    d->event_hubs = event_hubs;
    stream_join_core(d, core);
}

void diagnostics_free(struct diagnostics *d)
{
    if (d == NULL) return;
    for (unsigned i = 0; i < d->count; i++) setting_free(d->settings[i]);
    stream_fini(d);
    free(d);
}
