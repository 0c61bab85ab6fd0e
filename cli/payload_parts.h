/* payload_parts.h - what payloads are made of.  Private to payload. */
#ifndef CLI_PAYLOAD_PARTS_H
#define CLI_PAYLOAD_PARTS_H

#include "cli/csv.h"
#include "cli/payload.h"

/* ---- templates */

enum payload_shape {
    SHAPE_TEXT,
    SHAPE_DEVICE,
    SHAPE_INDEX,
    SHAPE_COUNTER,
    SHAPE_NOW,
    SHAPE_EPOCH,
    SHAPE_GUID,
    SHAPE_WALK,
    SHAPE_WAVE,
    SHAPE_RANDOM,
    SHAPE_PICK,
    SHAPE_PAD,
};

struct payload_part {
    enum payload_shape shape;
    struct slice text;         /* SHAPE_TEXT */
    const struct slice *words; /* the arguments, word_count of them */
    size_t word_count;
    double numbers[3]; /* their values, where they are numbers */
    int decimals;      /* the most that any of them is written with */
    size_t slot;       /* SHAPE_WALK: where its value is kept */
};

struct payload_template {
    struct payload_part *parts;
    size_t count;
};

/* `slots` counts the values that a device keeps.  `plain`: the text is one part as it is. */
enum err payload_template_parse(struct arena *a, struct slice text, bool plain, size_t *slots,
                                struct payload_template *out) MUST_USE;
void payload_template_write(const struct payload_template *t, struct payload_state *s,
                            struct buf *out);

/* Every value that a device keeps, at its start. */
void payload_template_begin(const struct payload_template *t, struct payload_state *s);

/* Appends what a placeholder stands for. */
void payload_part_write(const struct payload_part *part, struct payload_state *s, struct buf *out);

double payload_random(struct payload_state *s); /* from 0 to 1, 1 not included */

/* ---- properties */

struct payload_bag {
    struct {
        struct slice name; /* encoded */
        struct payload_template value;
    } items[PAYLOAD_PROPERTIES_MAX];
    size_t count;
};

enum err payload_bag_parse(struct arena *a, struct slice text, bool plain, size_t *slots,
                           struct payload_bag *out) MUST_USE;

/* Adds a property unless there is one of that name. */
enum err payload_bag_default(struct arena *a, struct payload_bag *bag, const char *name,
                             const char *value) MUST_USE;
void payload_bag_write(const struct payload_bag *bag, struct payload_state *s, struct buf *out);

/* ---- rows of a CSV file (csv.h) */

struct payload_row {
    size_t at, len;  /* its JSON in rows->text */
    int64_t time_us; /* by the time column */
    size_t device;   /* by the device column */
};

struct payload_rows {
    struct buf json;          /* while it is read */
    struct slice text;        /* all rows' JSON, one behind the other */
    struct payload_row *rows; /* those of one device lie together when there is a device column */
    size_t count;
    struct slice *devices;
    size_t *device_ends; /* device i has the rows from device_ends[i - 1] to device_ends[i] */
    size_t device_count;
    int64_t earliest_us;
};

enum err payload_rows_read(struct arena *a, const struct payload_config *config,
                           struct payload_rows *out) MUST_USE;

#endif
