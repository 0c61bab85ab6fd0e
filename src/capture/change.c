/* change.c - a description is put or deleted: parts stop, the store is told, parts start again.
 *
 *   asked ──▶ (ends of the partitions) ──▶ parts stopped, unit ──▶ rows read ──▶ parts started, answer
 *
 * What a part had under way in the store is behind it when the unit is answered, so the rows that are
 * read then are what holds.  What is captured first is what is enqueued from the change on. */
#include <stdlib.h>

#include "capture/capture_sql.h"
#include "capture/home.h"

struct change {
    struct list node;
    struct captures *cs;
    struct msg *ask; /* kept for its answer */
    struct addr slot;
    unsigned stream;
    struct description description;
    unsigned ends_left; /* partitions whose end is not known yet */
    unsigned part_count;
    uint64_t ends[LOG_PARTITIONS_MAX];
    bool begins; /* at `ends` */
    enum err stored;
    struct store_wait wait;
    bool waiting;
};

static void run(struct change *ch);

static const struct capture_ask *ask_of(const struct change *ch)
{
    return (const void *)ch->ask->body;
}

static struct slice name_of(const struct change *ch)
{
    return slice_of(ask_of(ch)->bytes, ask_of(ch)->name_len);
}

static struct slice json_of(const struct change *ch)
{
    return slice_of(ask_of(ch)->bytes + ask_of(ch)->name_len, ask_of(ch)->json_len);
}

/* ---- life */

static void change_free(struct change *ch)
{
    struct captures *cs = ch->cs;
    if (ch->waiting) store_forget(cs->cfg.lane, &ch->wait);
    slot_free(cs->cfg.lane, ch->slot);
    list_remove(&ch->node);
    cs->change_count--;
    mem_wipe(ch->ask->body, ch->ask->len); /* has a connection string */
    msg_free(ch->ask);
    mem_wipe(&ch->description, sizeof ch->description);
    free(ch);
}

static void end(struct change *ch, enum status status, struct slice body, const char *text)
{
    struct captures *cs = ch->cs;
    capture_answer(cs, ch->ask, status, body, text);
    change_free(ch);
    if (!list_empty(&cs->changes)) run(CONTAINER_OF(cs->changes.next, struct change, node));
}

void changes_free(struct captures *cs)
{
    LIST_EACH(node, &cs->changes) change_free(CONTAINER_OF(node, struct change, node));
}

void change_take(struct captures *cs, struct msg *ask)
{
    if (cs->change_count == CAPTURE_ASKS_MAX) {
        capture_answer(cs, ask, STATUS_SERVICE_UNAVAILABLE, SLICE_NONE,
                       "as many changes of captures wait as may");
        return;
    }
    struct change *ch = NEW(struct change);
    msg_keep(ask);
    ch->cs = cs;
    ch->ask = ask;
    ch->slot = slot_new(cs->cfg.lane, ch);
    bool is_first = list_empty(&cs->changes);
    list_push(&cs->changes, &ch->node);
    cs->change_count++;
    if (is_first) run(ch);
}

/* ---- after the store */

static void answer(struct change *ch, struct capture *c)
{
    struct buf json = {0};
    if (ch->stored != OK) {
        end(ch, status_of_err(ch->stored), SLICE_NONE, "the store does not take the change now");
        return;
    }
    if (c) capture_write(&json, c);
    end(ch, STATUS_OK, buf_slice(&json), "");
    buf_free(&json);
}

static void on_rows(struct store_wait *w, struct store_answer *a)
{
    struct change *ch = CONTAINER_OF(w, struct change, wait);
    struct capture *c = capture_find(ch->cs, ch->stream);
    ch->waiting = false;
    if (a->err != OK && ch->stored == OK) ch->stored = a->err;
    if (c && a->err == OK) {
        capture_take_rows(c, a);
        capture_start(c);
    }
    answer(ch, c);
}

static void read_rows(struct change *ch)
{
    struct store_request q;
    store_begin_query(&q, &sql_capture_partition_page);
    store_put_int(&q, "stream", ch->stream);
    ch->wait.fn = on_rows;
    ch->waiting = true;
    store_ask(ch->cs->cfg.hub->store, ch->cs->cfg.lane, &q, &ch->wait);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct change *ch = CONTAINER_OF(w, struct change, wait);
    struct capture *c = capture_find(ch->cs, ch->stream);
    ch->waiting = false;
    ch->stored = a->err;
    if (a->err == OK && ask_of(ch)->verb == CAPTURE_DELETE) {
        capture_free(c);
        answer(ch, NULL);
        return;
    }
    if (a->err == OK) {
        if (c == NULL) c = capture_new(ch->cs, ch->stream);
        c->description = ch->description;
    }
    read_rows(ch);
}

/* ---- the unit */

static void add_row(struct change *ch, struct store_request *u, unsigned partition)
{
    store_add(u, &sql_capture_partition_put, 1);
    store_put_int(u, "stream", ch->stream);
    store_put_int(u, "partition", partition);
    store_put_int(u, "ordinal", (int64_t)ch->ends[partition]);
}

static void add_description(struct change *ch, struct store_request *u)
{
    struct buf json = {0};
    description_write(&json, &ch->description, true);
    store_add(u, &sql_capture_put, 1);
    store_put_int(u, "stream", ch->stream);
    store_put_text(u, "description", buf_slice(&json));
    buf_wipe(&json);
}

static void add_deletion(struct change *ch, struct store_request *u,
                         const struct store_statement *s)
{
    store_add(u, s, STORE_ANY);
    store_put_int(u, "stream", ch->stream);
}

static void store_change(struct change *ch)
{
    struct store_request u;
    bool deletes = ask_of(ch)->verb == CAPTURE_DELETE;
    struct capture *c = capture_find(ch->cs, ch->stream);
    if (c) capture_stop(c);
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (deletes)
        add_deletion(ch, &u, &sql_capture_delete);
    else
        add_description(ch, &u);
    if (deletes || !ch->description.enabled) add_deletion(ch, &u, &sql_capture_partition_delete);
    for (unsigned i = 0; ch->begins && i < ch->part_count; i++) add_row(ch, &u, i);
    ch->wait.fn = on_stored;
    ch->waiting = true;
    store_ask(ch->cs->cfg.hub->store, ch->cs->cfg.lane, &u, &ch->wait);
}

/* ---- where the partitions end now */

void change_on_ends(void *ctx, struct lane *lane, struct msg *m)
{
    struct change *ch = slot_get(lane, m->to);
    struct log_seek_done done;
    (void)ctx;
    if (ch == NULL) return;
    memcpy(&done, m->body, sizeof done);
    if (done.err == OK && done.partition < ch->part_count)
        ch->ends[done.partition] = done.ends.next_ordinal;
    if (--ch->ends_left == 0) store_change(ch);
}

static void ask_ends(struct change *ch)
{
    struct captures *cs = ch->cs;
    ch->begins = true;
    ch->ends_left = ch->part_count;
    for (unsigned i = 0; i < ch->part_count; i++) {
        struct msg *m = msg_new(LOG_ENDS, sizeof(struct log_seek_msg));
        const struct log_seek_msg seek = {.stream = (uint16_t)ch->stream, .partition = (uint16_t)i};
        memcpy(m->body, &seek, sizeof seek);
        m->call = 0;
        post(cs->cfg.lane, ch->slot, log_addr(cs->cfg.hub->log), m);
    }
}

/* ---- a change's turn has come */

static void run(struct change *ch)
{
    struct captures *cs = ch->cs;
    if (!capture_stream_of(cs, name_of(ch), &ch->stream)) {
        end(ch, STATUS_HUB_NOT_FOUND, SLICE_NONE, "there is no event hub of that name");
        return;
    }
    struct capture *c = capture_find(cs, ch->stream);
    if (ask_of(ch)->verb == CAPTURE_DELETE) {
        if (c)
            store_change(ch);
        else
            end(ch, STATUS_HUB_NOT_FOUND, SLICE_NONE, "the event hub is not captured");
        return;
    }
    if (description_parse(json_of(ch), c ? &c->description : NULL, &ch->description) != OK) {
        end(ch, STATUS_ARGUMENT_INVALID, SLICE_NONE, fail_text());
        return;
    }
    if (ch->description.is_folder && cs->cfg.ephemeral) {
        end(ch, STATUS_ARGUMENT_INVALID, SLICE_NONE,
            "an ephemeral server keeps no files: capture to a container, or serve without "
            "--ephemeral");
        return;
    }
    ch->part_count = log_partitions(cs->cfg.hub->log, ch->stream);
    if (ch->description.enabled && (c == NULL || c->parts == NULL))
        ask_ends(ch);
    else
        store_change(ch);
}
