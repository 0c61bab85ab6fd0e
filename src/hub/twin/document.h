/* document.h - one twin: immutable in memory, as a row, as JSON; and how a write makes the next one.
 * For hub/twin and hub/query. */
#ifndef HUB_TWIN_DOCUMENT_H
#define HUB_TWIN_DOCUMENT_H

#include "hub/twin/section.h"
#include "store/store.h"

enum {
    TWIN_VERSION_FRESH = 2, /* of the whole; IoT Hub counts its making */
    TWIN_SECTION_FRESH = 1, /* $version of desired and reported */
    TWIN_ETAG_FRESH = 1,
    TWIN_ETAG_LEN = 12,
};

struct twin {
    bool stored;      /* it has a row */
    unsigned indexed; /* by its properties: enum twin_index_half */
    int64_t version, etag, desired_version, reported_version;
    struct slice tags, desired, desired_stamps, reported, reported_stamps; /* see section.h */
    struct slice configurations; /* JSON: those that mean the twin; empty: none */
};

/* One allocation with all its bytes; free() it. */
struct twin *twin_copy(const struct twin *t);
size_t twin_bytes(const struct twin *t);

/* What an identity has before anybody wrote its twin; its generation tells since when. */
void twin_fresh(struct arena *a, struct slice generation, struct twin *out);

void twin_of_row(const struct store_value *col, struct twin *out); /* of twin_get; borrows */

/* The unit's statements that make `old` into `next`, which learns whether it is indexed. */
void twin_put_write(struct store_request *u, struct slice who, struct slice generation,
                    const struct twin *old, struct twin *next);

/* base64 of the counter in eight bytes, big-endian: "AAAAAAAAAAE=". */
void twin_etag(const struct twin *t, char out[TWIN_ETAG_LEN + 1]);

/* ---- what a write says */

struct twin_change {
    const struct json *tags, *desired, *reported; /* NULL: stays as it is */
    const struct json *configurations;            /* likewise */
    bool replace_tags, replace_desired, replace_reported;
    bool no_null; /* ... by a PUT, which says nothing by null; what is imported may */
};

/* `doc` is a twin; `how` as twin_write() has it.  ERR_INVALID with a text. */
enum err twin_change_read(struct arena *a, enum twin_write how, const struct json *doc,
                          struct twin_change *out) MUST_USE;

/* The next twin, in the arena.  ERR_INVALID, ERR_TOO_BIG: a rule is broken, with a text. */
enum err twin_change_apply(struct arena *a, const struct twin *old,
                           const struct twin_change *change, int64_t wall_us,
                           struct twin *next) MUST_USE;

/* What the device is told of it: the change of desired properties, with "$version". */
void twin_change_put_desired(struct buf *out, const struct twin_change *change,
                             const struct twin *next);

/* ---- JSON */

/* As the device sees it. */
void twin_put_for_device(struct buf *out, const struct twin *t);

/* As services see it; `identity` are the members that mirror the identity. */
enum err twin_put_for_service(struct buf *out, const struct twin *t,
                              struct slice identity) MUST_USE;

/* As files of many identities have it: members of their objects, without braces. */
enum err twin_put_for_bulk(struct buf *out, const struct twin *t) MUST_USE;

/* A section's text and one more member, whose value is `value`. */
void twin_put_section(struct buf *out, struct slice section, const char *key, struct slice value);

#endif
