/* change.c - a description is put or deleted: the archive stops, the store is told, it starts again.
 *
 *   asked ──▶ (ends of the partitions) ──▶ archive settled, stopped; unit ──▶ started again, answer
 *
 * What an archive had under way in the store is behind it when the unit is answered, so the rows that are
 * read then are what holds.  What is captured first is what is enqueued from the change on. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limit.h"
#include "capture/capture_sql.h"
#include "capture/home.h"

LIMIT_REACHED(changes_refused, "capture-changes")

struct change {
    struct list node;
    struct captures *cs;
    struct msg *ask; /* kept for its answer */
    struct description description;
    struct archive_seek ends;
    bool seeking;
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
    struct capture *c = capture_find(cs, ask_of(ch)->stream);
    if (ch->waiting) store_forget(cs->cfg.lane, &ch->wait);
    if (ch->seeking) archives_forget(cs->cfg.archives, &ch->ends);
    if (c && c->change == ch) c->change = NULL;
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
    const struct capture_ask *a = (const void *)ask->body;
    if (cs->change_count >= CAPTURE_ASKS_MAX && a->verb != CAPTURE_GONE) {
        metric_inc(&changes_refused);
        capture_answer(cs, ask, STATUS_SERVICE_UNAVAILABLE, SLICE_NONE,
                       "as many changes of captures wait as may");
        return;
    }
    struct change *ch = NEW(struct change);
    msg_keep(ask);
    ch->cs = cs;
    ch->ask = ask;
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

/* Whatever came of it: an archive that does not run now is tried again by itself. */
static void on_started(void *ctx, enum err e)
{
    struct capture *c = ctx;
    (void)e;
    if (c->change) answer(c->change, c);
}

static void start_again(struct change *ch, struct capture *c)
{
    if (c == NULL || !c->description.enabled) {
        answer(ch, c);
        return;
    }
    c->change = ch;
    capture_start(c, on_started);
}

static bool deletes(const struct change *ch)
{
    return ask_of(ch)->verb != CAPTURE_PUT;
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct change *ch = CONTAINER_OF(w, struct change, wait);
    struct capture *c = capture_find(ch->cs, ask_of(ch)->stream);
    ch->waiting = false;
    ch->stored = a->err;
    if (a->err == OK && deletes(ch)) {
        if (c) capture_free(c);
        answer(ch, NULL);
        return;
    }
    if (a->err == OK) {
        if (c == NULL) c = capture_new(ch->cs, ask_of(ch)->stream, name_of(ch));
        c->description = ch->description;
    }
    start_again(ch, c);
}

/* ---- the unit */

static void add_description(struct change *ch, struct store_request *u)
{
    struct buf json = BUF_SECRET;
    description_write(&json, &ch->description, true);
    store_add(u, &sql_capture_put, 1);
    store_put_int(u, "stream", ask_of(ch)->stream);
    store_put_text(u, "description", buf_slice(&json));
    buf_wipe(&json);
}

static void add_deletion(struct change *ch, struct store_request *u)
{
    store_add(u, &sql_capture_delete, STORE_ANY);
    store_put_int(u, "stream", ask_of(ch)->stream);
}

static void store_change(struct change *ch)
{
    struct store_request u;
    char owner[ARCHIVE_OWNER_MAX + 1];
    struct capture *c = capture_find(ch->cs, ask_of(ch)->stream);
    if (c) capture_stop(c);
    capture_owner(ask_of(ch)->stream, owner);
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (deletes(ch))
        add_deletion(ch, &u);
    else
        add_description(ch, &u);
    if (deletes(ch) || !ch->description.enabled) archive_add_removal(&u, slice_str(owner));
    for (unsigned i = 0; ch->begins && i < ch->ends.count; i++)
        archive_add_row(&u, slice_str(owner), i, ch->ends.at[i]);
    ch->wait.fn = on_stored;
    ch->waiting = true;
    store_ask(ch->cs->cfg.hub->store, ch->cs->cfg.lane, &u, &ch->wait);
}

/* ---- what must be behind it before */

static void on_settled(void *ctx)
{
    struct capture *c = ctx;
    store_change(c->change);
}

static void settle(struct change *ch, struct capture *c)
{
    c->change = ch;
    archive_settle(c->archive, on_settled);
}

static void on_ends(struct archive_seek *s, enum err e)
{
    struct change *ch = CONTAINER_OF(s, struct change, ends);
    ch->seeking = false;
    if (e == ERR_NOT_FOUND)
        end(ch, STATUS_HUB_NOT_FOUND, SLICE_NONE, "there is no event hub of that name");
    else if (e != OK)
        end(ch, status_of_err(e), SLICE_NONE, "the log does not say where the event hub ends");
    else
        store_change(ch);
}

static void ask_ends(struct change *ch)
{
    ch->begins = ch->seeking = true;
    ch->ends.fn = on_ends;
    archives_seek(ch->cs->cfg.archives, ask_of(ch)->stream, LOG_LATEST, 0, &ch->ends);
}

/* ---- a change's turn has come */

static void run_removal(struct change *ch, struct capture *c)
{
    if (c || ask_of(ch)->verb == CAPTURE_GONE)
        store_change(ch);
    else
        end(ch, STATUS_HUB_NOT_FOUND, SLICE_NONE, "the event hub is not captured");
}

static enum err read_description(struct change *ch, const struct capture *c)
{
    TRY(description_parse(json_of(ch), c ? &c->description : NULL, &ch->description));
    if (ch->description.archive.target.is_folder && ch->cs->cfg.ephemeral)
        return fail(ERR_INVALID,
                    "an ephemeral server keeps no files: capture to a container, or serve without "
                    "--ephemeral");
    char event_hub[EVENT_HUB_NAME_MAX + 1];
    snprintf(event_hub, sizeof event_hub, "%.*s", SLICE_ARG(name_of(ch)));
    const struct description_place longest = {ch->cs->cfg.hub->name, event_hub,
                                              LOG_PARTITIONS_MAX - 1};
    return description_check(&ch->description, &longest);
}

static void run(struct change *ch)
{
    struct capture *c = capture_find(ch->cs, ask_of(ch)->stream);
    if (deletes(ch))
        run_removal(ch, c);
    else if (read_description(ch, c) != OK)
        end(ch, STATUS_ARGUMENT_INVALID, SLICE_NONE, fail_text());
    else if (c && c->runs)
        settle(ch, c);
    else if (ch->description.enabled)
        ask_ends(ch);
    else
        store_change(ch);
}
