/* section.h - one section of a twin (tags, desired, reported): read, checked, merged, measured and
 * written.  Private to hub/twin.
 *
 * In memory a section is a tree of nodes in an arena; at rest it is two texts.  One is its JSON.  The
 * other has the stamps, when and in which version each node was last written, in the same order:
 *
 *   {"a":1,"b":{"c":[2]}}     [now,3,[[then,1],[now,3,[[now,3]]]]]
 *
 * Sizes count as IoT Hub counts: UTF-8 bytes of keys and strings without control characters, 8 for a
 * number, 4 for true and false, the sum of what is in an object or array.
 */
#ifndef HUB_TWIN_SECTION_H
#define HUB_TWIN_SECTION_H

#include "base/arena.h"
#include "base/json.h"
#include "hub/twin/twin.h"

enum {
    SECTION_TEXT_MAX = 256 << 10, /* bytes of its JSON: what the count leaves out has an end, too */
    SECTION_NUMBER_MAX = 64,      /* characters of a number */
    SECTION_NESTING_MAX = 20,     /* objects and arrays in each other */
};

struct section_stamp {
    int64_t wall_us;
    int64_t version; /* 0: of no version */
};

struct section {
    struct slice key;
    const struct json *value; /* a scalar or an array; NULL: an object */
    struct section *child;    /* of an object */
    struct section *next;
    struct section_stamp stamp;
    bool gone;
};

/* The tree of the two texts; `stamps` empty: they are all zero.  ERR_CORRUPT: not texts of ours. */
enum err section_read(struct arena *a, struct slice json, struct slice stamps,
                      struct section **out) MUST_USE;

/* Rules of what is written into a section. */
struct section_rules {
    const char *name;   /* "desired", for texts */
    bool from_device;   /* a '#' in keys is fine; of '$' keys only $version may stand there */
    uint32_t count_max; /* of the section afterwards */
};

/* May that be merged?  `whole`: or written in place of all, where null has nothing to take away.  ERR_INVALID or
 * ERR_TOO_BIG with a text. */
enum err section_check(const struct json *patch, const struct section_rules *rules,
                       bool whole) MUST_USE;

/* Merges a patch that section_check() liked: null deletes, objects merge, all else replaces.  Members
 * of the patch itself that begin with '$' do not count.  The tree borrows from the patch. */
void section_merge(struct arena *a, struct section *section, const struct json *patch,
                   struct section_stamp now);

/* An empty one. */
struct section *section_new(struct arena *a, struct section_stamp now);

size_t section_count(const struct section *section);
void section_write(struct buf *out, const struct section *section);
void section_write_stamps(struct buf *out, const struct section *section);
void section_write_metadata(struct buf *out, const struct section *section); /* $metadata's value */

/* Writes the members of a patch that do not begin with '$', without braces; true: there were some. */
bool section_write_patch(struct buf *out, const struct json *patch);

/* The patch that makes `from` into `to`; both are objects.  NULL: there is no difference. */
struct json *section_diff(struct arena *a, const struct json *from, const struct json *to);

#endif
