/* document.c - copies, rows, JSON. */
#include "hub/twin/document.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "hub/key.h"
#include "hub/twin/prop.h"
#include "hub/twin/twin_sql.h"

enum { SLICES = 6 };

/* Microseconds from .NET's first instant to 1970. */
static const int64_t dotnet_epoch_us = INT64_C(62135596800) * 1000000;

static void list_slices(struct twin *t, struct slice *out[SLICES])
{
    struct slice *all[SLICES] = {&t->tags,     &t->desired,         &t->desired_stamps,
                                 &t->reported, &t->reported_stamps, &t->configurations};
    memcpy(out, all, sizeof all);
}

size_t twin_bytes(const struct twin *t)
{
    return sizeof *t + t->tags.len + t->desired.len + t->desired_stamps.len + t->reported.len +
           t->reported_stamps.len + t->configurations.len;
}

struct twin *twin_copy(const struct twin *t)
{
    struct twin *copy = mem_new(twin_bytes(t));
    struct slice *slices[SLICES];
    uint8_t *at = (uint8_t *)(copy + 1);
    *copy = *t;
    list_slices(copy, slices);
    for (int i = 0; i < SLICES; i++) {
        if (slices[i]->len) memcpy(at, slices[i]->ptr, slices[i]->len);
        slices[i]->ptr = at;
        at += slices[i]->len;
    }
    return copy;
}

/* generationId begins with the time at which the identity was made, in ticks of 100 ns. */
static int64_t made_us(struct slice generation)
{
    uint64_t ticks;
    if (num_u64(generation, &ticks) != OK || ticks / 10 > INT64_MAX) return 0;
    int64_t us = (int64_t)(ticks / 10) - dotnet_epoch_us;
    return us > 0 ? us : 0;
}

void twin_fresh(struct arena *a, struct slice generation, struct twin *out)
{
    char stamps[40];
    int len = snprintf(stamps, sizeof stamps, "[%" PRId64 ",0]", made_us(generation));
    struct slice fresh = arena_copy(a, slice_of(stamps, (size_t)len));
    *out = (struct twin){.version = TWIN_VERSION_FRESH,
                         .etag = TWIN_ETAG_FRESH,
                         .desired_version = TWIN_SECTION_FRESH,
                         .reported_version = TWIN_SECTION_FRESH,
                         .tags = SLICE_LIT("{}"),
                         .desired = SLICE_LIT("{}"),
                         .desired_stamps = fresh,
                         .reported = SLICE_LIT("{}"),
                         .reported_stamps = fresh};
}

/* ---- rows */

void twin_of_row(const struct store_value *col, struct twin *out)
{
    *out = (struct twin){.stored = true,
                         .version = col[0].number,
                         .etag = col[1].number,
                         .desired_version = col[2].number,
                         .reported_version = col[3].number,
                         .tags = col[4].bytes,
                         .desired = col[5].bytes,
                         .desired_stamps = col[6].bytes,
                         .reported = col[7].bytes,
                         .reported_stamps = col[8].bytes,
                         .indexed = (unsigned)col[9].number,
                         .configurations = col[10].bytes};
}

static void put_reported(struct store_request *u, const struct twin *t)
{
    store_put_int(u, "version", t->version);
    store_put_int(u, "reported_version", t->reported_version);
    store_put_text(u, "reported", t->reported);
    store_put_text(u, "reported_stamps", t->reported_stamps);
    store_put_int(u, "indexed", t->indexed);
}

static void put_all(struct store_request *u, const struct twin *t)
{
    put_reported(u, t);
    store_put_int(u, "etag", t->etag);
    store_put_int(u, "desired_version", t->desired_version);
    store_put_text(u, "tags", t->tags);
    store_put_text(u, "desired", t->desired);
    store_put_text(u, "desired_stamps", t->desired_stamps);
    store_put_text(u, "configurations", t->configurations.len ? t->configurations : SLICE_LIT(""));
}

static void put_row(struct store_request *u, struct slice who, struct slice generation,
                    const struct twin *old, const struct twin *next)
{
    bool reported_only =
        old->etag == next->etag && slice_eq(old->configurations, next->configurations);
    if (!old->stored) {
        store_add(u, &sql_twin_insert, 1);
        put_all(u, next);
        store_put_text(u, "generation_id", generation);
    } else {
        store_add(u, reported_only ? &sql_twin_update_reported : &sql_twin_update, 1);
        if (reported_only)
            put_reported(u, next);
        else
            put_all(u, next);
        store_put_int(u, "old_version", old->version);
        store_put_int(u, "old_indexed", old->indexed);
    }
    hub_put_key(u, who);
}

/* The halves of the index that a write concerns. */
static unsigned halves_of(const struct twin *old, const struct twin *next)
{
    if (!old->stored) return TWIN_INDEX_BOTH;
    return (old->etag == next->etag ? 0 : TWIN_INDEX_SERVICE) |
           (slice_eq(old->reported, next->reported) ? 0 : TWIN_INDEX_REPORTED);
}

void twin_put_write(struct store_request *u, struct slice who, struct slice generation,
                    const struct twin *old, struct twin *next)
{
    struct arena arena = {0};
    struct props before = {0}, after;
    bool of_module = hub_module_of(who).len > 0;
    unsigned halves = halves_of(old, next);
    next->indexed = old->indexed;
    if (halves == 0) {
        put_row(u, who, generation, old, next);
        return;
    }
    if (old->stored) props_of_row(&arena, of_module, halves, old, &before);
    props_of(&arena, of_module, halves, next, &after);
    next->indexed = (old->indexed & ~halves) | after.indexed;
    put_row(u, who, generation, old, next);
    props_put_change(u, who, &before, &after);
    arena_free(&arena);
}

/* ---- JSON */

void twin_etag(const struct twin *t, char out[TWIN_ETAG_LEN + 1])
{
    struct buf bytes = {0}, text = {0};
    buf_put_be64(&bytes, (uint64_t)t->etag);
    text_base64(&text, buf_slice(&bytes));
    snprintf(out, TWIN_ETAG_LEN + 1, "%s", buf_cstr(&text));
    buf_free(&bytes);
    buf_free(&text);
}

void twin_put_section(struct buf *out, struct slice section, const char *key, struct slice value)
{
    buf_put_slice(out, slice_head(section, section.len - 1));
    buf_printf(out, "%s\"%s\":", section.len > 2 ? "," : "", key);
    buf_put_slice(out, value);
    buf_put_u8(out, '}');
}

static struct slice number_text(char *out, size_t size, int64_t number)
{
    int len = snprintf(out, size, "%" PRId64, number);
    return slice_of(out, (size_t)len);
}

void twin_put_for_device(struct buf *out, const struct twin *t)
{
    char number[24];
    buf_put_str(out, "{\"desired\":");
    twin_put_section(out, t->desired, "$version",
                     number_text(number, sizeof number, t->desired_version));
    buf_put_str(out, ",\"reported\":");
    twin_put_section(out, t->reported, "$version",
                     number_text(number, sizeof number, t->reported_version));
    buf_put_u8(out, '}');
}

/* {..,"$metadata":{..},"$version":n} */
static enum err put_properties(struct buf *out, struct slice section, struct slice stamps,
                               int64_t version)
{
    struct arena arena = {0};
    struct section *tree;
    struct buf metadata = {0};
    enum err e = section_read(&arena, section, stamps, &tree);
    if (e == OK) {
        section_write_metadata(&metadata, tree);
        buf_printf(&metadata, ",\"$version\":%" PRId64, version);
        twin_put_section(out, section, "$metadata", buf_slice(&metadata));
    }
    buf_free(&metadata);
    arena_free(&arena);
    return e;
}

static enum err put_tags_and_properties(struct buf *out, const struct twin *t)
{
    buf_put_str(out, ",\"tags\":");
    buf_put_slice(out, t->tags);
    buf_put_str(out, ",\"properties\":{\"desired\":");
    TRY(put_properties(out, t->desired, t->desired_stamps, t->desired_version));
    buf_put_str(out, ",\"reported\":");
    TRY(put_properties(out, t->reported, t->reported_stamps, t->reported_version));
    buf_put_u8(out, '}');
    return OK;
}

enum err twin_put_for_bulk(struct buf *out, const struct twin *t)
{
    char etag[TWIN_ETAG_LEN + 1];
    twin_etag(t, etag);
    buf_printf(out, "\"twinETag\":\"%s\"", etag);
    return put_tags_and_properties(out, t);
}

enum err twin_put_for_service(struct buf *out, const struct twin *t, struct slice identity)
{
    char etag[TWIN_ETAG_LEN + 1];
    twin_etag(t, etag);
    buf_put_u8(out, '{');
    buf_put_slice(out, identity);
    buf_printf(out, ",\"etag\":\"%s\",\"version\":%" PRId64, etag, t->version);
    if (t->configurations.len) {
        buf_put_str(out, ",\"configurations\":");
        buf_put_slice(out, t->configurations);
    }
    TRY(put_tags_and_properties(out, t));
    buf_put_u8(out, '}');
    return OK;
}
