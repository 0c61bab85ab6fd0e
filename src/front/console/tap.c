/* tap.c - see tap.h. */
#include "front/console/tap.h"

#include <stdlib.h>

#include "base/mem.h"

/* ---- answers of the log */

static void come_to(struct tap *t, uint64_t ordinal)
{
    if (ordinal > t->next) t->of->skipped += ordinal - t->next;
    t->next = ordinal;
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    struct tap *t = CONTAINER_OF(a, struct tap, asker);
    t->end = done->ends.next_ordinal;
    if (done->err == OK) {
        t->blob = done->blob;
        t->frames = slice_of(done->blob->bytes + done->offset, done->len);
        t->next = done->next;
    } else if (done->err == ERR_NOT_FOUND) {
        come_to(t, done->ends.first_ordinal);
    } else if (done->err == ERR_CORRUPT) {
        come_to(t, done->next);
    } else {
        come_to(t, t->end);
    }
    t->of->came(t->of);
}

static void on_sought(struct log_asker *a, const struct log_seek_done *done)
{
    struct tap *t = CONTAINER_OF(a, struct tap, asker);
    t->placed = true;
    t->next = done->ordinal;
    t->end = done->ends.next_ordinal;
    t->of->came(t->of);
}

/* ---- taps */

void taps_open(struct taps *t, tap_where_fn where, void *ctx)
{
    t->count = log_partitions(t->log, 0);
    t->items = mem_zero(t->count * sizeof *t->items);
    for (unsigned i = 0; i < t->count; i++) {
        struct tap *tap = &t->items[i];
        const struct log_seek_msg seek = where(ctx, (uint16_t)i);
        tap->of = t;
        tap->partition = (uint16_t)i;
        tap->asker = (struct log_asker){
            .lane = t->lane, .log = t->log, .read = on_read, .sought = on_sought};
        log_ask_seek(&tap->asker, &seek);
    }
}

void taps_close(struct taps *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        log_ask_forget(&t->items[i].asker);
        blob_drop(t->items[i].blob);
    }
    free(t->items);
    t->items = NULL;
    t->count = 0;
}

bool taps_placed(const struct taps *t)
{
    for (unsigned i = 0; i < t->count; i++)
        if (!t->items[i].placed) return false;
    return true;
}

static void drop(struct tap *t)
{
    blob_drop(t->blob);
    t->blob = NULL;
    t->frames = SLICE_NONE;
}

bool tap_next(struct tap *t, struct record *out)
{
    if (t->frames.len && record_parse(t->frames, out) == OK) {
        t->frames = slice_from(t->frames, out->frame.len);
        return true;
    }
    drop(t);
    return false;
}

void tap_let_go(struct tap *t)
{
    struct record r;
    if (t->frames.len && record_parse(t->frames, &r) == OK) t->next = r.ordinal;
    drop(t);
}

void tap_to_end(struct tap *t)
{
    tap_let_go(t);
    come_to(t, t->end);
    t->behind = 0;
}

void taps_read_on(struct taps *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        struct tap *tap = &t->items[i];
        const struct log_read_msg read = {.partition = tap->partition,
                                          .max_bytes = t->read_bytes,
                                          .from_ordinal = tap->next,
                                          .wait = true};
        if (!tap->placed || tap->finished || tap->asker.reading || tap->frames.len) continue;
        log_ask_read(&tap->asker, &read);
    }
}
