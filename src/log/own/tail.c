/* tail.c - chunks of the newest records. */
#include "log/own/tail.h"

#include <stdlib.h>

#include "base/num.h"

void tails_init(struct tails *t, uint64_t limit)
{
    *t = (struct tails){.limit = limit};
    list_init(&t->by_age);
    list_init(&t->touched);
}

/* ---- streams */

struct tail_stream *tails_add_stream(struct tails *t, unsigned stream, unsigned partitions)
{
    assert(t->count < LOG_STREAMS_MAX);
    struct tail_stream *s = NEW(struct tail_stream);
    *s = (struct tail_stream){(uint16_t)stream, partitions, NULL};
    s->partitions = mem_zero(partitions * sizeof *s->partitions);
    for (unsigned i = 0; i < partitions; i++) {
        struct partition *p = &s->partitions[i];
        p->id = (struct shelf_id){(uint16_t)stream, (uint16_t)i};
        list_init(&p->chunks);
        list_init(&p->touched);
        list_init(&p->waiting);
    }
    t->streams[t->count++] = s;
    return s;
}

/* LOG_STREAMS_MAX: no such stream. */
static unsigned place_of(const struct tails *t, unsigned stream)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->streams[i]->id == stream) return i;
    return LOG_STREAMS_MAX;
}

struct tail_stream *tails_take_stream(struct tails *t, unsigned stream)
{
    unsigned at = place_of(t, stream);
    if (at == LOG_STREAMS_MAX) return NULL;
    struct tail_stream *s = t->streams[at];
    t->count--;
    memmove(&t->streams[at], &t->streams[at + 1], (t->count - at) * sizeof *t->streams);
    for (unsigned i = 0; i < s->count; i++) s->partitions[i].gone = true;
    return s;
}

struct partition *tails_partition(struct tails *t, unsigned stream, unsigned partition)
{
    unsigned at = place_of(t, stream);
    if (at == LOG_STREAMS_MAX || partition >= t->streams[at]->count) return NULL;
    return &t->streams[at]->partitions[partition];
}

struct partition *tails_next(const struct tails *t, const struct partition *p)
{
    if (p == NULL) return t->streams[0]->partitions;
    unsigned at = place_of(t, p->id.stream);
    if (p->id.partition + 1u < t->streams[at]->count)
        return &t->streams[at]->partitions[p->id.partition + 1u];
    return ++at < t->count ? t->streams[at]->partitions : NULL;
}

void tails_start(struct partition *p, struct mark first, struct mark next)
{
    p->first = first;
    p->durable = p->next = next;
    p->requested = p->written = p->synced = next.ordinal;
}

/* ---- chunks */

static struct chunk *chunk_of(struct list *node)
{
    return CONTAINER_OF(node, struct chunk, in_partition);
}

static struct chunk *newest(const struct partition *p)
{
    struct list *last = p->chunks.prev;
    return last == &p->chunks ? NULL : chunk_of(last);
}

static uint64_t end_of(const struct chunk *c)
{
    return c->first.ordinal + c->count;
}

static uint32_t offset_of(const struct chunk *c, uint64_t ordinal)
{
    uint64_t i = ordinal - c->first.ordinal;
    return i < c->count ? c->offsets[i] : c->used;
}

static uint64_t memory_of(const struct chunk *c)
{
    return sizeof *c + sizeof *c->blob + c->blob->len + c->offsets_cap * sizeof *c->offsets;
}

/* A reader may have it still. */
static void give_back(struct tails *t, struct blob *b)
{
    if (b->len == CHUNK_MAX && t->spare_count < SPARES_MAX && blob_is_alone(b))
        t->spares[t->spare_count++] = b;
    else
        blob_drop(b);
}

static struct blob *take_blob(struct tails *t, size_t size)
{
    if (size == CHUNK_MAX && t->spare_count) return t->spares[--t->spare_count];
    return blob_new(size);
}

static void drop_chunk(struct tails *t, struct chunk *c)
{
    t->bytes -= memory_of(c);
    list_remove(&c->in_partition);
    list_remove(&c->in_age);
    give_back(t, c->blob);
    free(c->offsets);
    free(c);
}

/* An idle partition begins small; each chunk that fills up makes the next one larger. */
static size_t chunk_size(const struct chunk *before, size_t frame)
{
    size_t size = before ? MIN((size_t)before->blob->len * 2, (size_t)CHUNK_MAX) : CHUNK_MIN;
    return MAX(size, frame);
}

static struct chunk *add_chunk(struct tails *t, struct partition *p, size_t frame)
{
    struct chunk *c = NEW(struct chunk);
    c->owner = p;
    c->blob = take_blob(t, chunk_size(newest(p), frame));
    c->first = p->next;
    list_push(&p->chunks, &c->in_partition);
    list_push(&t->by_age, &c->in_age);
    t->bytes += memory_of(c);
    return c;
}

static void note_offset(struct tails *t, struct chunk *c)
{
    if (c->count == c->offsets_cap) {
        t->bytes -= memory_of(c);
        c->offsets_cap = c->offsets_cap ? c->offsets_cap * 2 : 8;
        c->offsets = mem_grow(c->offsets, c->offsets_cap * sizeof *c->offsets);
        t->bytes += memory_of(c);
    }
    c->offsets[c->count++] = c->used;
}

void tails_free_stream(struct tails *t, struct tail_stream *s)
{
    for (unsigned i = 0; i < s->count; i++)
        LIST_EACH(node, &s->partitions[i].chunks) drop_chunk(t, chunk_of(node));
    free(s->partitions);
    free(s);
}

void tails_fini(struct tails *t)
{
    while (t->count) tails_free_stream(t, t->streams[--t->count]);
    while (t->spare_count) blob_drop(t->spares[--t->spare_count]);
}

/* ---- growth */

static bool fits(const struct partition *p, size_t len)
{
    const struct chunk *c = newest(p);
    return c && c->blob->len - c->used >= len;
}

void tails_add(struct tails *t, struct partition *p, const struct record *r)
{
    struct chunk *c = fits(p, r->frame.len) ? newest(p) : add_chunk(t, p, r->frame.len);
    note_offset(t, c);
    memcpy(c->blob->bytes + c->used, r->frame.ptr, r->frame.len);
    c->used += (uint32_t)r->frame.len;
    mark_pass(&p->next, r);
    if (!list_linked(&p->touched)) list_push(&t->touched, &p->touched);
}

void tails_publish(struct partition *p)
{
    p->durable = p->next;
    list_remove(&p->touched);
}

/* ---- reading */

static struct chunk *chunk_with(const struct partition *p, uint64_t ordinal)
{
    for (struct list *node = p->chunks.prev; node != &p->chunks; node = node->prev)
        if (chunk_of(node)->first.ordinal <= ordinal) return chunk_of(node);
    return NULL;
}

/* The last record boundary at most `max` bytes behind the record, at least one record on. */
static uint64_t fit(const struct chunk *c, uint64_t from, uint64_t end, size_t max)
{
    uint64_t low = from + 1, high = end;
    uint64_t limit = (uint64_t)offset_of(c, from) + max;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (offset_of(c, middle) <= limit)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

bool tails_read(const struct partition *p, uint64_t from, size_t max, struct blob **blob,
                uint32_t *offset, uint32_t *len, uint64_t *next)
{
    const struct chunk *c = chunk_with(p, from);
    if (c == NULL) return false;
    *next = fit(c, from, MIN(end_of(c), p->durable.ordinal), max);
    *blob = c->blob;
    *offset = offset_of(c, from);
    *len = offset_of(c, *next) - *offset;
    return true;
}

static struct chunk *chunk_before(const struct partition *p, const struct target *t)
{
    for (struct list *node = p->chunks.prev; node != &p->chunks; node = node->prev)
        if (mark_before(&chunk_of(node)->first, t)) return chunk_of(node);
    return NULL;
}

static bool seek_in(const struct chunk *c, const struct target *t, uint64_t *ordinal)
{
    struct record r;
    for (uint32_t i = 0; i < c->count; i++) {
        enum err whole =
            record_parse(slice_from(slice_of(c->blob->bytes, c->used), c->offsets[i]), &r);
        assert(whole == OK);
        *ordinal = r.ordinal;
        if (mark_hits(&r, t)) return true;
    }
    return false;
}

bool tails_seek(const struct partition *p, const struct target *t, uint64_t *ordinal)
{
    *ordinal = p->durable.ordinal;
    if (mark_before(&p->durable, t)) return true;
    struct chunk *c = chunk_before(p, t);
    if (c == NULL) {
        if (list_empty(&p->chunks)) return false;
        c = chunk_of(p->chunks.next);
        if (c->first.ordinal > p->first.ordinal) return false;
    }
    for (struct list *node = &c->in_partition; node != &p->chunks; node = node->next)
        if (seek_in(chunk_of(node), t, ordinal)) return true;
    *ordinal =
        p->durable.ordinal; /* it is trimmed, and nobody of the stream sees what came since */
    return true;
}

/* ---- leaving memory */

bool tails_next_write(struct partition *p, bool partial, struct slice *frames)
{
    if (p->requested >= p->durable.ordinal) return false;
    const struct chunk *c = chunk_with(p, p->requested);
    assert(c != NULL); /* what was not asked for yet stays in memory */
    if (!partial && c == newest(p)) return false;
    uint64_t end = MIN(end_of(c), p->durable.ordinal);
    uint32_t from = offset_of(c, p->requested);
    *frames = slice_of(c->blob->bytes + from, offset_of(c, end) - from);
    p->requested = end;
    return true;
}

void tails_written(struct partition *p, uint64_t next)
{
    p->written = MAX(p->written, next);
}

void tails_not_written(struct partition *p)
{
    p->requested = p->written;
}

struct partition *tails_evict(struct tails *t)
{
    LIST_EACH(node, &t->by_age)
    {
        struct chunk *c = CONTAINER_OF(node, struct chunk, in_age);
        if (t->bytes <= t->limit) return NULL;
        if (chunk_of(c->owner->chunks.next) != c) continue;
        if (end_of(c) <= c->owner->written)
            drop_chunk(t, c);
        else if (c->owner->requested < end_of(c) && !c->owner->gone)
            return c->owner;
    }
    return NULL;
}

void tails_trim(struct tails *t, struct partition *p, struct mark first)
{
    p->first = first;
    LIST_EACH(node, &p->chunks)
    {
        struct chunk *c = chunk_of(node);
        if (end_of(c) > first.ordinal || end_of(c) > p->written) return;
        drop_chunk(t, c);
    }
}
