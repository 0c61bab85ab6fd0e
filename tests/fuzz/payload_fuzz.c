/* payload_fuzz.c - cli/payload.h: what simulated devices say. Any text, template or CSV file is refused with a reason, or
 * each device says the same whenever it is asked for it: a text as it is, of a template numbers that are some, of a file
 * each row once, as an object with a member for each column.
 *
 * Input: a byte of modes, a line of properties, and the text.
 */
#include "base/json.h"
#include "cli/csv.h"
#include "cli/payload.h"
#include "fuzz.h"

enum {
    KIND = 3, /* bits: the kind, or the next one of three */
    TIMED = 4,
    BY_DEVICE = 8,
    DEVICES = 3,
    SAID_MAX = 4, /* messages of a device, unless it has rows */
    SEED = 7
};

#define WALL_US INT64_C(1700000000123000)

static struct arena arena;

static size_t device_count(const struct payload *p)
{
    size_t count = payload_device_count(p);
    return count ? count : DEVICES;
}

static struct slice device_name(const struct payload *p, size_t index)
{
    return payload_device_count(p) ? payload_device(p, index) : SLICE_LIT("d7");
}

/* ---- one message */

static bool has_word(struct slice text, const char *word)
{
    struct slice w = slice_str(word);
    for (size_t i = 0; i + w.len <= text.len; i++)
        if (slice_eq_nocase(slice_of(text.ptr + i, w.len), w)) return true;
    return false;
}

/* What can say so itself: a text, letters, a word to pick together with the text beside it. */
static bool may_say(struct slice given, const char *word)
{
    return has_word(given, word) || has_word(given, "pad") || has_word(given, "pick");
}

static void check_numbers(struct slice given, struct slice said)
{
    static const char *const none[] = {"nan", "inf"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert(may_say(given, none[i]) || !has_word(said, none[i]));
}

static void check_row(struct slice body, size_t columns)
{
    struct arena scratch = {0};
    struct json *row;
    size_t members = 0;
    enum err e = json_parse(&scratch, body, &row);
    assert(e == OK && row->type == JSON_OBJECT && body.len <= PAYLOAD_BODY_MAX);
    for (const struct json *j = row->child; j; j = j->next) members++;
    assert(members == columns);
    arena_free(&scratch);
}

/* A topic carries it. */
static void check_bag(struct slice bag)
{
    for (size_t i = 0; i < bag.len; i++) assert(bag.ptr[i] > ' ' && bag.ptr[i] < 0x7f);
}

static void check_said(const struct payload_config *config, struct slice bag, struct slice body,
                       size_t columns)
{
    check_bag(bag);
    if (config->kind == PAYLOAD_TEXT) assert(slice_eq(body, config->body));
    if (config->kind == PAYLOAD_TEMPLATE) check_numbers(config->body, body);
    if (config->kind == PAYLOAD_CSV) check_row(body, columns);
}

/* ---- all of a device */

static size_t say_all(const struct payload *p, const struct payload_config *config, size_t index,
                      size_t columns)
{
    struct payload_state s, same;
    struct buf bag = {0}, body = {0}, bag_again = {0}, body_again = {0};
    size_t said = 0;
    int64_t after_us;
    payload_begin(p, &arena, device_name(p, index), index, device_count(p), SEED, &s);
    payload_begin(p, &arena, device_name(p, index), index, device_count(p), SEED, &same);
    while (payload_due(&s, &after_us) && (config->kind == PAYLOAD_CSV || said < SAID_MAX)) {
        assert(after_us >= 0 && s.counter == said);
        buf_clear(&bag), buf_clear(&body), buf_clear(&bag_again), buf_clear(&body_again);
        payload_write(&s, WALL_US, &bag, &body);
        payload_write(&same, WALL_US, &bag_again, &body_again);
        assert(slice_eq(buf_slice(&bag), buf_slice(&bag_again)));
        assert(slice_eq(buf_slice(&body), buf_slice(&body_again)));
        check_said(config, buf_slice(&bag), buf_slice(&body), columns);
        said++;
    }
    buf_free(&bag), buf_free(&body), buf_free(&bag_again), buf_free(&body_again);
    return said;
}

static size_t count_columns(struct slice text)
{
    struct csv csv;
    struct csv_cell cell = {.last = false};
    size_t count = 0;
    enum err e = OK;
    csv_begin(&csv, text);
    for (; e == OK && !cell.last; count++) e = csv_next(&csv, &cell);
    csv_fini(&csv);
    assert(e == OK);
    return count;
}

static void check_payload(const struct payload *p, const struct payload_config *config)
{
    bool is_csv = config->kind == PAYLOAD_CSV;
    size_t columns = is_csv ? count_columns(config->body) : 0, said = 0;
    for (size_t i = 0; i < device_count(p); i++) said += say_all(p, config, i, columns);
    assert((payload_row_count(p) > 0) == is_csv && (!is_csv || said == payload_row_count(p)));
}

void fuzz_one(struct slice input)
{
    static const enum payload_kind kinds[] = {PAYLOAD_TEMPLATE, PAYLOAD_CSV, PAYLOAD_TEXT,
                                              PAYLOAD_TEMPLATE};
    unsigned modes = input.len ? input.ptr[0] : 0;
    struct slice text = slice_from(input, 1);
    struct payload_config config = {.kind = kinds[modes & KIND]};
    struct payload *p;
    slice_split(&text, '\n', &config.properties);
    config.body = text;
    config.time_column = modes & TIMED ? "" : NULL;
    config.device_column = modes & BY_DEVICE ? "device" : NULL;
    enum err e = payload_new(&arena, &config, &p);
    assert(e == OK || ((e == ERR_INVALID || e == ERR_TOO_BIG) && *fail_text()));
    if (e == OK) check_payload(p, &config);
    arena_free(&arena);
}
