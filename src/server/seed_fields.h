/* seed_fields.h - what a seed may say of a thing, and the JSON of what it says.  Private to server's seed. */
#ifndef SERVER_SEED_FIELDS_H
#define SERVER_SEED_FIELDS_H

#include "base/buf.h"
#include "base/err.h"

struct seed;
struct yaml;

enum seed_field_kind {
    SEED_TEXT,      /* whatever it looks like */
    SEED_SWITCH,    /* true or false */
    SEED_OBJECT,    /* of `members` */
    SEED_TEXTS,     /* names and texts, whatever those look like */
    SEED_SECTION,   /* of a twin: names and values of any kind, none of them null */
    SEED_FREE,      /* whatever it is */
    SEED_ELSEWHERE, /* known, and written by somebody else */
};

struct seed_field {
    const char *name; /* NULL ends a list */
    enum seed_field_kind kind;
    const struct seed_field *members; /* SEED_OBJECT */
};

/* Appends the map as a JSON object.  ERR_INVALID with "file:line: reason", also for names that are not in `fields`. */
enum err seed_put_object(const struct seed *s, struct buf *out, const struct yaml *map,
                         const struct seed_field *fields) MUST_USE;

/* Likewise those of its members that are in `fields`; nothing if none is. */
enum err seed_put_members(const struct seed *s, struct buf *out, const struct yaml *map,
                          const struct seed_field *fields) MUST_USE;

#endif
