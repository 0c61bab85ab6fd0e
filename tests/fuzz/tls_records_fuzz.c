/* tls_records_fuzz.c - proto/tls: an open TLS 1.3 connection of a server, its keys given.
 *
 * No mutation makes a record that is authentic, so the input is a list of what the client does, one
 * byte and what belongs to it each, and wire() seals it:
 *
 *     bits 0-1  0 a record: type, length, content
 *               1 bytes that nobody sealed: length, bytes
 *               2 as 0, and then a bit changes: its place
 *               3 a long record: type, length of 16 bits; its content is nothing but that type
 *     bits 2-4  bytes of padding
 *
 * Variant: bits 0-1 the suite; bit 2 what is read is sent back; bit 3 we close first; bit 4 fragments
 * of 512 bytes; bit 5 our key lasts for a few records only.
 *
 * What the server said must be whole records under its key, each in its turn.
 */
#include "proto/tls/records.h"

#include <stdlib.h>

#include "base/cur.h"
#include "base/mem.h"
#include "base/num.h"
#include "engine_fuzz.h"

enum {
    VARIANT_SUITE = 3,
    VARIANT_ECHO = 4,
    VARIANT_CLOSE = 8,
    VARIANT_SMALL = 16,
    VARIANT_KEYS = 32
};
enum { DO_SEAL, DO_RAW, DO_DAMAGE, DO_LONG };
enum {
    SMALL_FRAGMENT = 512,
    KEY_RECORDS = 3, /* with VARIANT_KEYS */
    CONTENT_MAX = TLS_RECORD_MAX + 256,
    WIRE_MAX = 64 << 10, /* then the rest of the input does not matter */
    KEY_UPDATE = 24,
    AES_128 = 0x1301,
    AES_256 = 0x1302,
    KEY_UPDATE_LEN = 5,
};

struct target {
    struct tls tls;
    uint8_t variant;
    enum err error;
};

static const struct suite *suite_of(uint8_t variant)
{
    return suite_find(AES_128 + (unsigned)(variant & VARIANT_SUITE) % 3u);
}

/* The client's secret is all 1, the server's all 2, as long as the suite's hash. */
static void init_traffic(struct traffic *t, uint8_t variant, uint8_t fill, bool sealing)
{
    uint8_t secret[TRAFFIC_SECRET_MAX];
    size_t len = suite_of(variant) == suite_find(AES_256) ? 48 : 32;
    memset(secret, fill, sizeof secret);
    enum err e = traffic_init(t, suite_of(variant), slice_of(secret, len), sealing);
    assert(e == OK);
}

static bool is_key_update(uint8_t type, struct slice content)
{
    return type == CONTENT_HANDSHAKE && content.len == KEY_UPDATE_LEN &&
           content.ptr[0] == KEY_UPDATE;
}

/* ---- the client */

/* Padding is a row of zeros behind the type: the type that traffic_seal() appends is one of them. */
static void seal(struct traffic *t, uint8_t type, struct slice content, size_t padding,
                 struct buf *out)
{
    struct buf inner = {0};
    buf_put_slice(&inner, content);
    if (padding) buf_put_u8(&inner, type);
    for (size_t i = 1; i < padding; i++) buf_put_u8(&inner, 0);
    enum err e = traffic_seal(t, padding ? 0 : type, buf_slice(&inner), out);
    if (e == OK && is_key_update(type, content)) e = traffic_update(t);
    assert(e == OK);
    buf_free(&inner);
}

static void put_long(struct traffic *t, uint8_t type, size_t len, size_t padding, struct buf *out)
{
    static uint8_t content[CONTENT_MAX];
    memset(content, type, sizeof content);
    seal(t, type, slice_of(content, MIN(len, sizeof content)), padding, out);
}

static void put_damaged(struct buf *out, size_t from, uint8_t place)
{
    size_t bits = 8 * (buf_size(out) - from), bit = place * 37u % bits;
    out->ptr[from + bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void act(struct traffic *t, struct cur *script, struct buf *out)
{
    uint8_t word = cur_u8(script), type, len;
    size_t padding = word >> 2 & 7, from = buf_size(out);
    switch (word & 3) {
    case DO_RAW: buf_put_slice(out, cur_take(script, MIN(cur_u8(script), cur_left(script)))); break;
    case DO_LONG:
        type = cur_u8(script);
        put_long(t, type, cur_be16(script), padding, out);
        break;
    default:
        type = cur_u8(script);
        len = cur_u8(script);
        seal(t, type, cur_take(script, MIN(len, cur_left(script))), padding, out);
        if ((word & 3) == DO_DAMAGE) put_damaged(out, from, cur_u8(script));
    }
}

static void target_wire(uint8_t variant, struct slice input, struct buf *bytes)
{
    struct traffic t;
    struct cur script = cur_of(input);
    init_traffic(&t, variant, 1, true);
    while (cur_left(&script) && buf_size(bytes) < WIRE_MAX) act(&t, &script, bytes);
    traffic_fini(&t);
}

/* ---- the server */

static void *target_open(uint8_t variant, struct buf *out, int64_t now_us)
{
    (void)now_us;
    struct target *t = NEW(struct target);
    struct records *r = NEW(struct records);
    t->variant = variant;
    init_traffic(&r->read, variant, 1, false);
    init_traffic(&r->write, variant, 2, true);
    r->write_left = variant & VARIANT_KEYS ? KEY_RECORDS : TLS_KEY_RECORDS_MAX;
    r->fragment_max = variant & VARIANT_SMALL ? SMALL_FRAGMENT : TLS_RECORD_MAX;
    t->tls = (struct tls){
        .records = r, .out = out, .state = TLS_OPEN, .greeted = true, .can_send = true};
    if (variant & VARIANT_CLOSE) tls_close(&t->tls);
    return t;
}

static void target_feed(void *engine, struct slice bytes, int64_t now_us)
{
    struct target *t = engine;
    (void)now_us;
    tls_feed(&t->tls, bytes);
}

static void answer(struct target *t, struct slice data)
{
    if (!(t->variant & VARIANT_ECHO)) return;
    enum err e = tls_send(&t->tls, data);
    assert(e == (t->variant & VARIANT_CLOSE ? ERR_CLOSED : OK));
    if (t->variant & VARIANT_KEYS)
        t->tls.records->write_left = MIN(t->tls.records->write_left, KEY_RECORDS);
}

static enum err end(struct target *t, const struct tls_event *ev, struct fuzz_trace *trace)
{
    fuzz_number(trace, ev->cause);
    fuzz_number(trace, ev->alert);
    if (ev->kind == TLS_FAILED) {
        assert(ev->cause != TLS_CAUSE_NONE && *fail_text());
        assert(tls_send(&t->tls, SLICE_LIT("late")) == ERR_CLOSED);
        return t->error = ERR_PROTOCOL;
    }
    assert(ev->kind == TLS_CLOSED);
    tls_close(&t->tls);
    return t->error = ERR_CLOSED;
}

static enum err target_next(void *engine, struct fuzz_trace *trace)
{
    struct target *t = engine;
    struct tls_event ev;
    if (!tls_next(&t->tls, &ev)) return t->error != OK ? t->error : ERR_AGAIN;
    assert(t->error == OK);
    if (ev.kind != TLS_DATA) return end(t, &ev, trace);
    assert(ev.data.len > 0 && ev.data.len <= TLS_RECORD_MAX);
    fuzz_bytes(trace, ev.data);
    answer(t, ev.data);
    return OK;
}

/* Every record that the server said opens with its key; behind an alert there is nothing. */
static void check_said(uint8_t variant, struct slice said, size_t fragment_max)
{
    static uint8_t plain[CONTENT_MAX];
    struct traffic t;
    struct slice content;
    uint8_t type = 0;
    init_traffic(&t, variant, 2, false);
    while (said.len) {
        assert(said.len > TRAFFIC_HEAD && type != CONTENT_ALERT);
        size_t len = TRAFFIC_HEAD + ((size_t)said.ptr[3] << 8 | said.ptr[4]);
        assert(len <= said.len);
        enum err e = traffic_open(&t, slice_head(said, len), plain, &type, &content);
        assert(e == OK && content.len <= fragment_max);
        if (is_key_update(type, content)) e = traffic_update(&t);
        assert(e == OK);
        said = slice_from(said, len);
    }
    traffic_fini(&t);
}

static void target_close(void *engine)
{
    struct target *t = engine;
    check_said(t->variant, buf_slice(t->tls.out), t->tls.records->fragment_max);
    records_free(t->tls.records);
    free(t);
}

const struct fuzz_engine fuzz_engine = {.open = target_open,
                                        .feed = target_feed,
                                        .next = target_next,
                                        .close = target_close,
                                        .wire = target_wire};
