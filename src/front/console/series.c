/* series.c - see series.h. */
#include "front/console/series.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"

/* ---- the request */

static const char *read_texts(struct series *s, const struct json *list, struct slice *out,
                              unsigned max, size_t len_max, unsigned *count)
{
    if (list == NULL) return NULL;
    if (list->type != JSON_ARRAY) return "devices, paths: expected lists of texts";
    for (const struct json *j = list->child; j; j = j->next) {
        if (*count == max) return "devices, paths: at most 8 of each";
        if (j->type != JSON_STRING || j->text.len == 0 || j->text.len > len_max)
            return "devices, paths: expected texts of 1 to 256 bytes";
        out[(*count)++] = arena_copy(&s->arena, j->text);
    }
    return NULL;
}

/* 1795640000000, "-10m".  Nothing is older than 1970, so that differences of such times fit. */
static bool read_time(const struct json *time, int64_t now_us, int64_t *us)
{
    int64_t ms, ago_us;
    if (time->type == JSON_STRING && slice_starts(time->text, SLICE_LIT("-")) &&
        num_duration_us(slice_from(time->text, 1), &ago_us) == OK) {
        *us = MAX(now_us - ago_us, 0);
        return true;
    }
    if (time->type != JSON_NUMBER || json_i64(time, &ms) != OK || ms < 0 || ms > INT64_MAX / 1000)
        return false;
    *us = ms * 1000;
    return true;
}

static const char *read_span(struct series *s, const struct json *m, int64_t now_us)
{
    const struct json *from = json_given(m, "from"), *to = json_given(m, "to");
    const struct json *buckets = json_given(m, "buckets");
    int64_t count = SERIES_BUCKETS_DEFAULT;
    s->to_us = now_us;
    if (from == NULL || !read_time(from, now_us, &s->from_us) ||
        (to && !read_time(to, now_us, &s->to_us)) || s->from_us >= s->to_us)
        return "from, to: expected milliseconds, or a time ago such as \"-1h\", in that order";
    if (buckets && (json_i64(buckets, &count) != OK || count < 1 || count > SERIES_BUCKETS_MAX))
        return "buckets: expected 1 to 2000";
    s->bucket_count = (unsigned)count;
    return NULL;
}

static const char *read_places(struct series *s, const struct json *next)
{
    uint64_t partition;
    int64_t ordinal;
    memset(s->places, 0xff, sizeof s->places);
    for (const struct json *j = next ? next->child : NULL; j; j = j->next) {
        if (num_u64(j->key, &partition) != OK || partition >= SERIES_PLACES_MAX ||
            json_i64(j, &ordinal) != OK || ordinal < 0)
            return "next: not that of an answer";
        s->places[partition] = (uint64_t)ordinal;
    }
    return NULL;
}

static const char *make_lines(struct series *s)
{
    unsigned each = s->device_count ? s->device_count : 1;
    if (each * s->path_count > SERIES_LINES_MAX) return "at most 16 lines: devices times paths";
    for (unsigned i = 0; i < each * s->path_count; i++) {
        struct series_line *l = &s->lines[s->line_count++];
        size_t size = s->bucket_count * sizeof *l->buckets;
        l->device = s->device_count ? s->devices[i / s->path_count] : SLICE_NONE;
        l->path = s->paths[i % s->path_count];
        l->buckets = memset(arena_alloc(&s->arena, size), 0, size);
    }
    return NULL;
}

static const char *read_request(struct series *s, const struct json *m, int64_t now_us)
{
    const char *fault = read_texts(s, json_given(m, "devices"), s->devices, SERIES_DEVICES_MAX,
                                   SERIES_PATH_MAX, &s->device_count);
    if (fault == NULL)
        fault = read_texts(s, json_given(m, "paths"), s->paths, SERIES_PATHS_MAX, SERIES_PATH_MAX,
                           &s->path_count);
    if (fault == NULL) fault = read_span(s, m, now_us);
    if (fault == NULL) fault = read_places(s, json_given(m, "next"));
    return fault ? fault : make_lines(s);
}

const char *series_init(struct series *s, struct slice request, int64_t now_us)
{
    struct arena a = {0};
    struct json *m = NULL;
    const char *fault = "expected a JSON object";
    *s = (struct series){0};
    if (json_parse(&a, request, &m) == OK && m->type == JSON_OBJECT)
        fault = read_request(s, m, now_us);
    arena_free(&a);
    return fault;
}

void series_fini(struct series *s)
{
    arena_free(&s->arena);
}

/* ---- values */

bool series_wants(const struct series *s, struct slice device)
{
    for (unsigned i = 0; i < s->device_count; i++)
        if (slice_eq(s->devices[i], device)) return true;
    return s->device_count == 0;
}

static bool number_of(const struct json *j, double *out)
{
    char text[64];
    if (j->type != JSON_NUMBER || j->text.len >= sizeof text) return false;
    memcpy(text, j->text.ptr, j->text.len);
    text[j->text.len] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out);
}

/* Of an object by its key, of an array by its place. */
static struct slice key_of(const struct json *parent, const struct json *child, unsigned place,
                           char text[NUM_TEXT_MAX])
{
    if (parent->type == JSON_OBJECT) return child->key;
    return slice_of(text, num_text(place, text));
}

/* A key may have dots of its own: whichever way the path leads to a number is right. */
static bool find_number(const struct json *at, struct slice path, double *out)
{
    unsigned place = 0;
    char text[NUM_TEXT_MAX];
    if (at->type != JSON_OBJECT && at->type != JSON_ARRAY) return false;
    for (const struct json *j = at->child; j; j = j->next) {
        struct slice key = key_of(at, j, place++, text);
        if (!slice_starts(path, key)) continue;
        if (path.len == key.len && number_of(j, out)) return true;
        if (path.len > key.len && path.ptr[key.len] == '.' &&
            find_number(j, slice_from(path, key.len + 1), out))
            return true;
    }
    return false;
}

static unsigned bucket_of(const struct series *s, int64_t at_us)
{
    double share = (double)(at_us - s->from_us) / (double)(s->to_us - s->from_us);
    unsigned i = (unsigned)(share * s->bucket_count);
    return i < s->bucket_count ? i : s->bucket_count - 1;
}

static void add_value(struct series_bucket *b, double value)
{
    if (b->count == 0 || value < b->least) b->least = value;
    if (b->count == 0 || value > b->largest) b->largest = value;
    b->count++;
    b->mean += value / (double)b->count - b->mean / (double)b->count;
}

static void take_lines(struct series *s, struct slice device, const struct json *body,
                       int64_t at_us)
{
    double value;
    for (unsigned i = 0; i < s->line_count; i++) {
        struct series_line *l = &s->lines[i];
        if (l->device.ptr && !slice_eq(l->device, device)) continue;
        if (!find_number(body, l->path, &value)) continue;
        add_value(&l->buckets[bucket_of(s, at_us)], value);
        l->values++;
    }
}

/* ---- names */

static void add_name(struct series *s, struct slice name)
{
    if (s->name_count == SERIES_NAMES_MAX) return;
    for (unsigned i = 0; i < s->name_count; i++)
        if (slice_eq(s->names[i], name)) return;
    s->names[s->name_count++] = arena_copy(&s->arena, name);
}

/* `path` has SERIES_PATH_MAX bytes, `len` of which lead to `at`; what does not fit is left out. */
static void take_names(struct series *s, const struct json *at, char *path, size_t len)
{
    unsigned place = 0;
    char text[NUM_TEXT_MAX];
    double value;
    if (at->type != JSON_OBJECT && at->type != JSON_ARRAY) return;
    for (const struct json *j = at->child; j; j = j->next) {
        struct slice key = key_of(at, j, place++, text);
        size_t begin = len ? len + 1 : 0;
        if (key.len == 0 || begin + key.len > SERIES_PATH_MAX) continue;
        if (len) path[len] = '.';
        memcpy(path + begin, key.ptr, key.len);
        if (number_of(j, &value)) add_name(s, slice_of(path, begin + key.len));
        take_names(s, j, path, begin + key.len);
    }
}

void series_take(struct series *s, struct slice device, struct slice body, int64_t at_us)
{
    struct arena a = {0};
    char path[SERIES_PATH_MAX];
    struct json *m = NULL;
    s->records++;
    if (json_parse(&a, body, &m) != OK || (m->type != JSON_OBJECT && m->type != JSON_ARRAY))
        s->skipped++;
    else if (s->line_count)
        take_lines(s, device, m, at_us);
    else
        take_names(s, m, path, 0);
    arena_free(&a);
}

bool series_is_enough(const struct series *s)
{
    if (s->path_count == 0 && s->records >= SERIES_LOOK_MAX) return true;
    return s->bytes >= SERIES_BYTES_MAX;
}

/* ---- the answer */

static void put_line(struct buf *out, const struct series *s, const struct series_line *l)
{
    const char *comma = "";
    buf_put_str(out, "{\"device\":");
    if (l->device.ptr)
        text_json_string(out, l->device);
    else
        buf_put_str(out, "null");
    buf_put_str(out, ",\"path\":");
    text_json_string(out, l->path);
    buf_printf(out, ",\"values\":%" PRIu64 ",\"points\":[", l->values);
    for (unsigned i = 0; i < s->bucket_count; i++) {
        const struct series_bucket *b = &l->buckets[i];
        if (b->count == 0) continue;
        buf_printf(out, "%s[%u,%" PRIu64 ",%.15g,%.15g,%.15g]", comma, i, b->count, b->least,
                   b->largest, b->mean);
        comma = ",";
    }
    buf_put_str(out, "]}");
}

void series_put(const struct series *s, struct buf *out)
{
    buf_printf(out,
               "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"buckets\":%u,\"records\":%" PRIu64
               ",\"skipped\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"series\":[",
               s->from_us / 1000, s->to_us / 1000, s->bucket_count, s->records, s->skipped,
               s->bytes);
    for (unsigned i = 0; i < s->line_count; i++) {
        if (i) buf_put_u8(out, ',');
        put_line(out, s, &s->lines[i]);
    }
    buf_put_str(out, "],\"found\":[");
    for (unsigned i = 0; i < s->name_count; i++) {
        if (i) buf_put_u8(out, ',');
        text_json_string(out, s->names[i]);
    }
    buf_put_u8(out, ']');
}
