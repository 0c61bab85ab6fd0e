/* blob_front_fuzz.c - requests to the upload target (front/blob), before a disk of one blob.
 *
 *     byte 0    how large the blob is: sizes[]; 16 in chunks, 32 it leaves before the last answer
 *     byte 1    which of what is asked of the disk fails first, and how; 255: nothing
 *     byte 2..  requests as http_work.h has them, "~" in a line between them; "sig=rw", "sig=r" and "sig=d" are good
 *
 * Nothing is asked of the disk without a signature that allows it, and what is asked is within the limits of src/blob; a
 * writer is put, staged or given back once.  An answer with a blob has as many bytes as it says, and those of its range.
 */
#include "base/num.h"
#include "blob/blob.h"
#include "front/blob/blob.h"
#include "fuzz.h"
#include "http_work.h"

enum { SIZES = 8, CHUNKED = 16, LEAVES = 32 };
enum { WAITING_MAX = 4, WRITER = 7, MODIFIED_US = 0x1234 };

static const uint64_t sizes[SIZES] = {0,      1, 10, 1000, BLOBS_PIECE_MAX, BLOBS_PIECE_MAX + 1,
                                      600000, 3};

static struct world {
    struct hub hub;
    struct rest_config config;
    struct rest_service *rest;
    struct blob_service *service;
    struct blobs_wait *waiting;
    struct blobs_answer answer;
    struct buf bytes; /* of the answer */
    uint64_t size;
    unsigned calls, fails, rights;
    bool writes; /* a writer is open */
} w;

static struct blobs *disk(void)
{
    return (struct blobs *)(void *)&w;
}

/* ---- the disk (CMakeLists.txt) */

/* One is asked after the other. */
static void ask(const struct blobs *b, struct blobs_wait *wait, unsigned right)
{
    static const struct {
        enum err err;
        const char *text;
    } faults[] = {{ERR_NOT_FOUND, "no"},           {ERR_FULL, "the disk is <full>"},
                  {ERR_TOO_BIG, "large & larger"}, {ERR_INVALID, "no"},
                  {ERR_THROTTLED, "later"},        {ERR_IO, "no"},
                  {ERR_CONFLICT, "other"}};
    assert(b == disk() && wait->fn && w.waiting == NULL);
    assert(w.rights & right);
    w.waiting = wait;
    w.answer = (struct blobs_answer){.writer = WRITER};
    w.answer.props =
        (struct blobs_props){.size = w.size, .created_us = 1, .modified_us = MODIFIED_US};
    w.answer.props.text[BLOBS_TYPE] = SLICE_LIT("text/plain");
    w.answer.props.text[BLOBS_METADATA] = SLICE_LIT("name:value\nother:\n");
    if (w.calls++ != w.fails % 16) return;
    unsigned fault = w.fails / 16 % (sizeof faults / sizeof *faults);
    w.answer = (struct blobs_answer){.err = faults[fault].err, .text = faults[fault].text};
}

static void answer(void)
{
    struct blobs_wait *wait = w.waiting;
    if (wait == NULL) return;
    w.waiting = NULL;
    lane_running = &work.lane;
    wait->fn(wait, &w.answer);
    work_run();
}

static void check_name(struct blob_name name)
{
    assert(slice_is(name.container, "azimuth-uploads"));
    assert(name.name.len > 0 && name.name.len <= BLOBS_NAME_MAX);
}

static void check_writer(uint64_t writer)
{
    assert(writer == WRITER && w.writes);
}

static void check_props(const struct blobs_props *p)
{
    struct slice metadata = p->text[BLOBS_METADATA], line, name;
    while (slice_split(&metadata, '\n', &line)) {
        if (metadata.ptr == NULL && line.len == 0) break;
        slice_split(&line, ':', &name);
        assert(line.ptr && slice_find(name, '\r') == name.len);
    }
}

#define WRAP(type, name, ...)                                                                      \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

WRAP(void, blobs_forget, struct lane *core, struct blobs_wait *wait)
{
    assert(core == &work.lane && w.waiting == wait);
    w.waiting = NULL;
}

WRAP(void, blobs_forget_begin, struct blobs *b, struct lane *core, struct blobs_wait *wait)
{
    assert(b == disk() && w.writes);
    w.writes = false;
    __wrap_blobs_forget(core, wait);
}

WRAP(void, blobs_begin, struct blobs *b, struct lane *core, struct blobs_wait *wait)
{
    (void)core;
    assert(!w.writes);
    ask(b, wait, BLOB_WRITE | BLOB_CREATE);
    w.writes = w.answer.err == OK;
}

WRAP(void, blobs_append, struct blobs *b, struct lane *core, uint64_t writer, struct slice piece,
     struct blobs_wait *wait)
{
    (void)core;
    check_writer(writer);
    assert(piece.len > 0 && piece.len <= BLOBS_PIECE_MAX);
    ask(b, wait, BLOB_WRITE | BLOB_CREATE);
}

WRAP(void, blobs_put, struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
     const struct blobs_props *props, struct blobs_wait *wait)
{
    (void)core;
    check_writer(writer);
    check_name(name);
    check_props(props);
    w.writes = false;
    ask(b, wait, BLOB_WRITE | BLOB_CREATE);
}

WRAP(void, blobs_stage, struct blobs *b, struct lane *core, uint64_t writer, struct blob_name name,
     struct slice block_id, struct blobs_wait *wait)
{
    (void)core;
    check_writer(writer);
    check_name(name);
    assert(block_id.len > 0 && block_id.len <= BLOBS_BLOCK_ID_MAX);
    w.writes = false;
    ask(b, wait, BLOB_WRITE);
}

WRAP(void, blobs_abort, struct blobs *b, struct lane *core, uint64_t writer)
{
    (void)core;
    assert(b == disk());
    check_writer(writer);
    w.writes = false;
}

WRAP(void, blobs_join, struct blobs *b, struct lane *core, struct blob_name name,
     const struct slice *ids, size_t count, const struct blobs_props *props,
     struct blobs_wait *wait)
{
    (void)core;
    check_name(name);
    check_props(props);
    assert(count <= BLOBS_BLOCKS_MAX);
    for (size_t i = 0; i < count; i++) assert(ids[i].len > 0 && ids[i].len <= BLOBS_BLOCK_ID_MAX);
    ask(b, wait, BLOB_WRITE);
}

WRAP(void, blobs_get, struct blobs *b, struct lane *core, struct blob_name name,
     struct blobs_wait *wait)
{
    (void)core;
    check_name(name);
    ask(b, wait, BLOB_READ | BLOB_WRITE | BLOB_CREATE); /* a writer's conditions */
}

WRAP(void, blobs_read, struct blobs *b, struct lane *core, struct blob_name name,
     int64_t modified_us, uint64_t offset, uint32_t len, struct blobs_wait *wait)
{
    (void)core;
    check_name(name);
    assert(modified_us == MODIFIED_US && len > 0 && len <= BLOBS_PIECE_MAX);
    assert(offset < w.size && len <= w.size - offset);
    ask(b, wait, BLOB_READ);
    buf_clear(&w.bytes);
    for (uint64_t i = 0; i < len; i++) buf_put_u8(&w.bytes, (uint8_t)((offset + i) % 251));
    if (w.answer.err == OK) w.answer.bytes = buf_slice(&w.bytes);
}

WRAP(void, blobs_remove, struct blobs *b, struct lane *core, struct blob_name name,
     struct blobs_wait *wait)
{
    (void)core;
    check_name(name);
    ask(b, wait, BLOB_DELETE);
}

/* Signatures are another target's (sas). */
WRAP(enum blob_sas_cause, blob_sas_check, struct slice query, const struct blob_account *a,
     struct slice container, struct slice blob, int64_t now_us, unsigned *rights)
{
    struct slice pair;
    bool shown = false;
    (void)a, (void)now_us;
    check_name((struct blob_name){container, blob});
    w.rights = 0;
    while (slice_split(&query, '&', &pair)) {
        if (slice_is(pair, "sig=rw")) w.rights = BLOB_READ | BLOB_WRITE;
        if (slice_is(pair, "sig=r")) w.rights = BLOB_READ;
        if (slice_is(pair, "sig=d")) w.rights = BLOB_DELETE;
        shown |= slice_starts(pair, SLICE_LIT("sig="));
    }
    *rights = w.rights;
    return w.rights ? BLOB_SAS_OK : shown ? BLOB_SAS_BAD_SIGNATURE : BLOB_SAS_MISSING;
}

/* Of front/rest's own routes there is nothing behind. */
bool __real_rest_access_granted(struct call *c);
WRAP(bool, rest_access_granted, struct call *c)
{
    w.rights = 0;
    if (c->site) return __real_rest_access_granted(c);
    rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    return false;
}

/* ---- answers */

static uint64_t number(struct slice *text, uint8_t end)
{
    struct slice digits;
    uint64_t n = 0;
    slice_split(text, end, &digits);
    enum err e = num_u64(digits, &n);
    assert(e == OK);
    return n;
}

/* "bytes 3-9/10" */
static void check_range(const struct work_answer *a, uint64_t *from)
{
    struct slice range = work_header(a, "content-range"), unit;
    slice_split(&range, ' ', &unit);
    *from = number(&range, '-');
    uint64_t last = number(&range, '/');
    assert(slice_is(unit, "bytes") && *from <= last && last < w.size);
    assert(a->body.len == 0 || a->body.len == last - *from + 1);
    assert(number(&range, '/') == w.size);
}

static void check_blob(const struct work_answer *a)
{
    uint64_t from = 0;
    if (a->status == 206)
        check_range(a, &from);
    else if (a->body.len)
        assert(a->body.len == w.size);
    for (size_t i = 0; i < a->body.len; i++) assert(a->body.ptr[i] == (uint8_t)((from + i) % 251));
}

static void check_answers(void)
{
    struct work_answer a;
    while (work_next_answer(&a)) {
        if (a.status == 200 || a.status == 206) check_blob(&a);
        if (work_header(&a, "x-ms-error-code").len) assert(a.status >= 400);
    }
}

void fuzz_one(struct slice input)
{
    static const struct blob_account account = {.name = "azimuth"};
    static const struct blob_config config = {
        .blobs = (struct blobs *)(void *)&w, .account = &account, .container = "azimuth-uploads"};
    if (input.len < 2) return;
    unsigned modes = input.ptr[0];
    struct slice text = slice_from(input, 2);
    w = (struct world){
        .config = {.version = "1"}, .size = sizes[modes % SIZES], .fails = input.ptr[1]};
    if (w.fails == 255) w.fails = 0, w.calls = 1000;
    w.config.hub = &w.hub;
    work_begin();
    w.rest = rest_new(&w.config, &work.lane, &(struct rest_doors){0});
    w.service = blob_service_new(&config, &work.lane, w.rest);
    work_connect(&rest_front, w.rest);
    while (text.len && !work.wire.shut) {
        work_ask(work_block(&text), modes & CHUNKED);
        if (modes & LEAVES && text.len == 0) break;
        while (w.waiting) answer();
        check_answers();
    }
    work_hang_up();
    assert(w.waiting == NULL && !w.writes);
    blob_service_free(w.service);
    rest_free(w.rest);
    buf_free(&w.bytes);
    work_end();
}
