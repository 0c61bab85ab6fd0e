/* missed.c - notes of who has read and what changed since. */
#include "hub/twin/missed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/twin/document.h"

COUNTER(
    dropped, "azimuth_twin_missed_dropped_total",
    "Devices that were not told what changed between reading and subscribing, for lack of room");

struct note {
    struct addr session;
    struct buf before, now; /* empty: nothing changed yet */
    int64_t version;
    size_t who_len;
    uint8_t who[];
};

static size_t bytes_of(const struct note *n)
{
    return buf_size(&n->before) + buf_size(&n->now);
}

static void drop(struct missed *m, struct note *n)
{
    m->bytes -= bytes_of(n);
    map_remove(&m->notes, slice_of(n->who, n->who_len));
    buf_free(&n->before);
    buf_free(&n->now);
    free(n);
}

void twin_missed_fini(struct missed *m)
{
    struct note *n;
    for (size_t at = 0; (n = map_next(&m->notes, &at)) != NULL;) {
        buf_free(&n->before);
        buf_free(&n->now);
        free(n);
    }
    map_free(&m->notes);
}

void twin_missed_forget(struct missed *m, struct slice who)
{
    struct note *n = map_get(&m->notes, who);
    if (n) drop(m, n);
}

void twin_missed_read(struct missed *m, struct slice who, struct addr session)
{
    twin_missed_forget(m, who);
    struct note *n = mem_zero(sizeof *n + who.len);
    n->session = session;
    n->who_len = who.len;
    memcpy(n->who, who.ptr, who.len);
    map_put(&m->notes, slice_of(n->who, n->who_len), n);
}

static void keep(struct buf *b, struct slice text)
{
    buf_clear(b);
    buf_put_slice(b, text);
}

void twin_missed_changed(struct missed *m, struct slice who, struct addr session,
                         struct slice before, struct slice now, int64_t version)
{
    struct note *n = map_get(&m->notes, who);
    if (n == NULL || !addr_eq(n->session, session)) return;
    m->bytes -= bytes_of(n);
    if (buf_size(&n->before) == 0) keep(&n->before, before);
    keep(&n->now, now);
    n->version = version;
    m->bytes += bytes_of(n);
    if (m->bytes <= m->bytes_max) return;
    metric_inc(&dropped);
    drop(m, n);
}

static void write_difference(const struct note *n, struct buf *out)
{
    struct arena a = {0};
    struct json *before = NULL, *now = NULL;
    enum err e = json_parse(&a, buf_slice(&n->before), &before);
    if (e == OK) e = json_parse(&a, buf_slice(&n->now), &now);
    assert(e == OK); /* we wrote them */
    const struct json *patch = section_diff(&a, before, now);
    struct buf text = {0};
    char version[24];
    int len = snprintf(version, sizeof version, "%" PRId64, n->version);
    if (patch)
        json_write(&text, patch);
    else
        buf_put_str(&text, "{}");
    twin_put_section(out, buf_slice(&text), "$version", slice_of(version, (size_t)len));
    buf_free(&text);
    arena_free(&a);
}

bool twin_missed_take(struct missed *m, struct slice who, struct addr session, struct buf *patch,
                      int64_t *version)
{
    struct note *n = map_get(&m->notes, who);
    if (n == NULL || !addr_eq(n->session, session)) return false;
    bool changed = buf_size(&n->before) > 0;
    if (changed) write_difference(n, patch);
    *version = n->version;
    drop(m, n);
    return changed;
}
