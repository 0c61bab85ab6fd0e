/* payload.h - what simulated devices say: a text, a template with placeholders, or the rows of a
 * CSV file, each with the properties that go with it.
 *
 * A template is text with {{name}} or {{name argument ...}} in it; PAYLOAD_HELP has the list.  A row
 * of a CSV file becomes a JSON object whose keys are the columns' names: a cell that is a JSON number,
 * true or false stays one, an empty cell is null, anything else and whatever stands in quotes is a
 * string.
 *
 * Runs on: one thread.
 * Life:    payload_new() reads everything and complains about everything; afterwards a payload does
 *          not change and cannot fail.  Each device has a `struct payload_state`, made by
 *          payload_begin(); both live in the arena that was given.
 * Limits:  below.  A body is at most PAYLOAD_BODY_MAX, IoT Hub's 256 KiB less the properties.
 * Errors:  ERR_INVALID, ERR_TOO_BIG; the text names the placeholder, or the line and the column.
 * Source:  RFC 4180 (CSV); `az iot device send-d2c-message --props` (properties); the property bag
 *          of "Communicate with your IoT hub using the MQTT protocol".
 */
#ifndef CLI_PAYLOAD_H
#define CLI_PAYLOAD_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    PAYLOAD_BODY_MAX = 256 << 10,
    PAYLOAD_BAG_MAX = 60 << 10, /* what an MQTT topic has room for, less the ids */
    PAYLOAD_PARTS_MAX = 4096,   /* texts and placeholders of a template */
    PAYLOAD_WORDS_MAX = 32,     /* arguments of a placeholder */
    PAYLOAD_PROPERTIES_MAX = 64,
    PAYLOAD_COLUMNS_MAX = 1024,
    PAYLOAD_CSV_MAX = 256 << 20, /* bytes of a CSV file */
};

enum payload_kind { PAYLOAD_TEXT, PAYLOAD_TEMPLATE, PAYLOAD_CSV };

struct payload_config {
    enum payload_kind kind;
    struct slice body;       /* the text, the template, or what is in the CSV file */
    struct slice properties; /* "name=value;$.ct=text%2Fplain": values as they are, not encoded; in
                                  all but PAYLOAD_TEXT they may have placeholders */
    const char *time_column; /* CSV: when a row is due; NULL: no matter; "": the
                                  first called time, timestamp, datetime or date */
    const char *device_column; /* CSV: which device sends a row, '-' for what no id may have; NULL:
                                  all in turn */
};

/* The body of a template, when none is given: sensible sensors. */
extern const char payload_initial[];

/* The placeholders, one a line, for --help. */
#define PAYLOAD_HELP                                                                               \
    "  {{device}} {{index}}           the device's id; its number, from 0\n"                       \
    "  {{counter}}                    1, 2, 3, ... of this device\n"                               \
    "  {{now}} {{epoch}}              the time: ISO 8601; milliseconds since 1970\n"               \
    "  {{guid}}                       another one each time\n"                                     \
    "  {{temperature}} {{humidity}}   sensors in a room that wander: degrees Celsius, per cent,\n" \
    "  {{pressure}} {{battery}}       hectopascal, volt\n"                                         \
    "  {{walk MIN MAX [STEP]}}        a sensor of your own that wanders\n"                         \
    "  {{wave MIN MAX SECONDS}}       a sine with that period\n"                                   \
    "  {{random MIN MAX}}             anything between\n"                                          \
    "  {{pick WORD WORD ...}}         one of the words\n"                                          \
    "  {{pad N}}                      N letters\n"                                                 \
    "Numbers have as many decimals as their bounds are written with: {{random 1 6}} is a die."

struct payload;

/* The texts of `config` are borrowed for as long as the payload lives. */
enum err payload_new(struct arena *a, const struct payload_config *config,
                     struct payload **out) MUST_USE;

/* The devices that a CSV file names in its device column, in order of appearance; 0: it names none. */
size_t payload_device_count(const struct payload *p);
struct slice payload_device(const struct payload *p, size_t index);

size_t payload_row_count(const struct payload *p); /* 0: there are no rows, it never ends */

/* ---- the messages of one device */

struct payload_state {
    const struct payload *payload;
    struct slice device; /* borrowed */
    size_t index;        /* its number, from 0 */
    uint64_t counter;    /* messages made so far */
    uint64_t random;     /* the state of its generator */
    int64_t wall_us;     /* of the message that is being made */
    double *values;      /* where its sensors stand */
    size_t row, row_end, row_step;
};

/* Device `index` of `count`.  Two runs with one seed say the same, but for times. */
void payload_begin(const struct payload *p, struct arena *a, struct slice device, size_t index,
                   size_t count, uint64_t seed, struct payload_state *out);

/* When the next message is due, counted from the earliest row of all, by the time column; 0 without
 * one.  False: this device has nothing more to say. */
bool payload_due(const struct payload_state *s, int64_t *after_us);

/* Appends the property bag, encoded for a topic, and the body of the next message, which there must
 * be. */
void payload_write(struct payload_state *s, int64_t wall_us, struct buf *bag, struct buf *body);

#endif
