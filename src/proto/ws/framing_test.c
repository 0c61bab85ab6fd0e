/* framing_test.c - frames in and out, what is refused, closing, memory. */
#include "base/test.h"

#include "base/num.h"
#include "base/rand.h"
#include "proto/ws/reader.h"

enum { FIN = 0x80, MASKED = 0x80, CONT = 0, TEXT = 1, BIN = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct fixture {
    struct ws_spare spare;
    struct ws ws;
    struct buf out, in, got;
};

static void start(struct fixture *f, enum ws_role role)
{
    *f = (struct fixture){0};
    ws_init(&f->ws, &(struct ws_config){.role = role, .out = &f->out, .spare = &f->spare});
}

static void finish(struct fixture *f)
{
    ws_fini(&f->ws);
    ws_spare_fini(&f->spare);
    buf_free(&f->out);
    buf_free(&f->in);
    buf_free(&f->got);
}

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static void put_masked(struct buf *b, struct slice payload)
{
    buf_put(b, key, sizeof key);
    for (size_t i = 0; i < payload.len; i++) buf_put_u8(b, payload.ptr[i] ^ key[i % 4]);
}

/* A frame as a client sends it, with the shortest length. */
static void put(struct buf *b, unsigned first, struct slice payload)
{
    buf_put_u8(b, (uint8_t)first);
    if (payload.len < 126) {
        buf_put_u8(b, (uint8_t)(MASKED | payload.len));
    } else if (payload.len <= UINT16_MAX) {
        buf_put_u8(b, MASKED | 126);
        buf_put_be16(b, (uint16_t)payload.len);
    } else {
        buf_put_u8(b, MASKED | 127);
        buf_put_be64(b, payload.len);
    }
    put_masked(b, payload);
}

static void put_str(struct buf *b, unsigned first, const char *payload)
{
    put(b, first, slice_str(payload));
}

static enum err pull(struct fixture *f)
{
    struct slice piece;
    enum err e;
    while ((e = ws_next(&f->ws, &piece)) == OK) {
        assert_in_range(piece.len, 1, WS_PIECE_MAX);
        buf_put_slice(&f->got, piece);
    }
    return e;
}

/* Feeds f->in in pieces of that size. */
static enum err feed(struct fixture *f, size_t size)
{
    enum err e = OK;
    struct slice in = buf_slice(&f->in);
    for (; in.len && (e == OK || e == ERR_AGAIN); in = slice_from(in, size)) {
        ws_feed(&f->ws, slice_head(in, size));
        e = pull(f);
    }
    buf_clear(&f->in);
    return e;
}

#define WHOLE SIZE_MAX

static void expect(struct buf *b, struct slice bytes)
{
    assert_int_equal(buf_size(b), bytes.len);
    if (bytes.len) assert_memory_equal(buf_slice(b).ptr, bytes.ptr, bytes.len);
    buf_clear(b);
}

/* ---- reading */

static void frames_become_a_stream_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        struct fixture f;
        start(&f, WS_SERVER);
        put_str(&f.in, FIN | BIN, "one ");
        put_str(&f.in, BIN, "tw");
        put_str(&f.in, FIN | PING, "?");
        put_str(&f.in, CONT, "");
        put_str(&f.in, FIN | PONG, "!");
        put_str(&f.in, FIN | CONT, "o ");
        put_str(&f.in, FIN | BIN, "");
        put_str(&f.in, FIN | BIN, "three");
        assert_int_equal(feed(&f, size), ERR_AGAIN);
        expect(&f.got, SLICE_LIT("one two three"));
        expect(&f.out, SLICE_LIT("\x8a\x01?"));
        finish(&f);
    }
}

static void lengths_of_all_forms_are_read(void **state)
{
    (void)state;
    static const size_t lens[] = {1,     125,   126,         WS_PIECE_MAX - 1, WS_PIECE_MAX,
                                  65535, 65536, WS_FRAME_MAX};
    uint8_t *bytes = malloc(WS_FRAME_MAX);
    for (size_t i = 0; i < WS_FRAME_MAX; i++) bytes[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct fixture f;
        start(&f, WS_SERVER);
        put(&f.in, FIN | BIN, slice_of(bytes, lens[i]));
        assert_int_equal(feed(&f, 16384), ERR_AGAIN);
        expect(&f.got, slice_of(bytes, lens[i]));
        finish(&f);
    }
    free(bytes);
}

static void what_breaks_a_rule_is_closed_with_its_code(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        unsigned code;
        const char *why;
    } rows[] = {
        {SLICE_LIT("\x82\x01x"), 1002, "masked"},
        {SLICE_LIT("\x81\x81\0\0\0\0x"), 1003, "text"},
        {SLICE_LIT("\x01\x80\0\0\0\0"), 1003, "text"},
        {SLICE_LIT("\xc2\x80\0\0\0\0"), 1002, "reserved bit"},
        {SLICE_LIT("\xa2\x80\0\0\0\0"), 1002, "reserved bit"},
        {SLICE_LIT("\x92\x80\0\0\0\0"), 1002, "reserved bit"},
        {SLICE_LIT("\xc9\x80\0\0\0\0"), 1002, "reserved bit"},
        {SLICE_LIT("\x83\x80\0\0\0\0"), 1002, "opcode"},
        {SLICE_LIT("\x87\x80\0\0\0\0"), 1002, "opcode"},
        {SLICE_LIT("\x8b\x80\0\0\0\0"), 1002, "opcode"},
        {SLICE_LIT("\x8f\x80\0\0\0\0"), 1002, "opcode"},
        {SLICE_LIT("\x80\x80\0\0\0\0"), 1002, "continuation"},
        {SLICE_LIT("\x02\x80\0\0\0\0\x02\x80\0\0\0\0"), 1002, "inside another"},
        {SLICE_LIT("\x02\x80\0\0\0\0\x82\x80\0\0\0\0"), 1002, "inside another"},
        {SLICE_LIT("\x02\x80\0\0\0\0\x81\x80\0\0\0\0"), 1003, "text"},
        {SLICE_LIT("\x89\xfe\0\x7e\0\0\0\0"), 1002, "control frame"},
        {SLICE_LIT("\x09\x80\0\0\0\0"), 1002, "control frame"},
        {SLICE_LIT("\x08\x80\0\0\0\0"), 1002, "control frame"},
        {SLICE_LIT("\x82\xfe\0\x7d\0\0\0\0"), 1002, "shortest"},
        {SLICE_LIT("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"), 1002, "shortest"},
        {SLICE_LIT("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"), 1002, "length"},
        {SLICE_LIT("\x88\x81\0\0\0\0\3"), 1002, "half"},
        {SLICE_LIT("\x88\x83\0\0\0\0\x03\xe8\xff"), 1007, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size <= rows[i].bytes.len; size++) {
            struct fixture f;
            start(&f, WS_SERVER);
            buf_put_slice(&f.in, rows[i].bytes);
            assert_int_equal(feed(&f, size), ERR_PROTOCOL);
            assert_non_null(strstr(fail_text(), rows[i].why));
            assert_int_equal(pull(&f), ERR_PROTOCOL);
            assert_null(f.ws.reader);
            ws_close(&f.ws, WS_NORMAL);
            const uint8_t *close = buf_slice(&f.out).ptr;
            assert_int_equal(close[0], FIN | CLOSE);
            assert_int_equal(close[1], buf_size(&f.out) - 2);
            assert_int_equal(close[2] << 8 | close[3], rows[i].code);
            assert_true(ws_over(&f.ws));
            finish(&f);
        }
}

/* Frames of every kind, and one in each form of the length that is short enough. */
static void put_all_kinds(struct buf *b)
{
    put_str(b, BIN, "one ");
    put_str(b, FIN | PING, "?");
    put_str(b, FIN | CONT, "two ");
    put_str(b, FIN | PONG, "");
    put(b, FIN | BIN, slice_of((const uint8_t[130]){'3'}, 130));
    put_str(b, FIN | BIN, "four");
    put_str(b, FIN | CLOSE, "\x03\xe8");
}

static void a_truncation_anywhere_is_waited_for(void **state)
{
    (void)state;
    struct fixture whole;
    start(&whole, WS_SERVER);
    put_all_kinds(&whole.in);
    size_t size = buf_size(&whole.in);
    assert_int_equal(feed(&whole, WHOLE), ERR_CLOSED);
    for (size_t len = 0; len < size; len++) {
        struct fixture f;
        start(&f, WS_SERVER);
        put_all_kinds(&f.in);
        f.in.len -= size - len;
        if (len) assert_int_equal(feed(&f, WHOLE), ERR_AGAIN);
        assert_true(buf_size(&f.got) <= buf_size(&whole.got));
        assert_true(
            slice_eq(buf_slice(&f.got), slice_head(buf_slice(&whole.got), buf_size(&f.got))));
        finish(&f);
    }
    finish(&whole);
}

/* A changed payload is for the protocol above to judge. Whatever changed, what came before it was
 * handed out as it was, and what ends the stream is a Close. */
static void a_flipped_bit_anywhere_harms_nothing_before_it(void **state)
{
    (void)state;
    struct buf bytes = {0};
    put_all_kinds(&bytes);
    for (size_t at = 0; at < buf_size(&bytes); at++) {
        struct fixture before;
        start(&before, WS_SERVER);
        buf_put_slice(&before.in, slice_head(buf_slice(&bytes), at));
        if (at) assert_int_equal(feed(&before, WHOLE), ERR_AGAIN);
        for (unsigned bit = 0; bit < 8; bit++) {
            struct fixture f;
            start(&f, WS_SERVER);
            buf_put_slice(&f.in, buf_slice(&bytes));
            f.in.ptr[at] ^= (uint8_t)(1u << bit);
            enum err e = feed(&f, WHOLE);
            assert_true(e == ERR_AGAIN || e == ERR_CLOSED || e == ERR_PROTOCOL || e == ERR_TOO_BIG);
            size_t len = buf_size(&before.got);
            assert_true(buf_size(&f.got) >= len);
            assert_true(slice_eq(slice_head(buf_slice(&f.got), len), buf_slice(&before.got)));
            ws_close(&f.ws, WS_NORMAL);
            assert_int_equal(e != ERR_AGAIN, ws_over(&f.ws));
            finish(&f);
        }
        finish(&before);
    }
    buf_free(&bytes);
}

static void a_server_that_masks_is_refused_by_a_client(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, WS_CLIENT);
    put_str(&f.in, FIN | BIN, "x");
    assert_int_equal(feed(&f, WHOLE), ERR_PROTOCOL);
    finish(&f);
}

static void a_frame_over_the_limit_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, WS_SERVER);
    buf_put(&f.in, "\x82\xff", 2);
    buf_put_be64(&f.in, WS_FRAME_MAX + 1);
    put_masked(&f.in, SLICE_LIT("x"));
    assert_int_equal(feed(&f, WHOLE), ERR_TOO_BIG);
    ws_close(&f.ws, WS_NORMAL);
    assert_memory_equal(buf_slice(&f.out).ptr + 2, "\x03\xf1", 2);
    finish(&f);
}

static void a_message_may_be_as_long_as_its_limit_and_no_longer(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct fixture f;
        struct buf payload = {0};
        memset(buf_reserve(&payload, WS_FRAME_MAX), 'x', WS_FRAME_MAX);
        buf_commit(&payload, WS_FRAME_MAX);
        start(&f, WS_SERVER);
        for (unsigned i = 0; i < WS_MESSAGE_MAX / WS_FRAME_MAX; i++) {
            put(&f.in, i ? CONT : BIN, buf_slice(&payload));
            assert_int_equal(feed(&f, WHOLE), ERR_AGAIN);
            buf_clear(&f.got);
        }
        put_str(&f.in, FIN | CONT, over ? "x" : "");
        assert_int_equal(feed(&f, WHOLE), over ? ERR_TOO_BIG : ERR_AGAIN);
        buf_free(&payload);
        finish(&f);
    }
}

static void a_control_frame_may_be_as_long_as_its_limit(void **state)
{
    (void)state;
    struct fixture f;
    char text[WS_CONTROL_MAX + 1] = "";
    memset(text, 'p', WS_CONTROL_MAX);
    start(&f, WS_SERVER);
    put_str(&f.in, FIN | PING, text);
    assert_int_equal(feed(&f, 50), ERR_AGAIN);
    assert_int_equal(buf_size(&f.out), 2 + WS_CONTROL_MAX);
    finish(&f);
}

/* ---- closing */

static void a_close_is_answered_with_its_code(void **state)
{
    (void)state;
    static const struct {
        unsigned code;
        bool valid;
    } rows[] = {{999, false},  {1000, true},  {1001, true},  {1003, true},
                {1004, false}, {1005, false}, {1006, false}, {1007, true},
                {1011, true},  {1014, true},  {1015, false}, {2999, false},
                {3000, true},  {4999, true},  {5000, false}, {65535, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fixture f;
        uint8_t body[] = {(uint8_t)(rows[i].code >> 8), (uint8_t)rows[i].code, 'b', 'y', 'e'};
        start(&f, WS_SERVER);
        put(&f.in, FIN | CLOSE, slice_of(body, sizeof body));
        put_str(&f.in, FIN | BIN, "not looked at");
        assert_int_equal(feed(&f, WHOLE), rows[i].valid ? ERR_CLOSED : ERR_PROTOCOL);
        assert_int_equal(ws_peer_code(&f.ws), rows[i].valid ? rows[i].code : 0);
        assert_int_equal(buf_size(&f.got), 0);
        assert_false(ws_over(&f.ws));
        ws_close(&f.ws, WS_NORMAL);
        ws_close(&f.ws, WS_NORMAL);
        assert_true(ws_over(&f.ws));
        if (rows[i].valid) {
            const uint8_t answer[] = {FIN | CLOSE, 2, body[0], body[1]};
            expect(&f.out, slice_of(answer, sizeof answer));
        }
        finish(&f);
    }
}

static void a_close_without_code_is_answered_without(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, WS_SERVER);
    put_str(&f.in, FIN | CLOSE, "");
    assert_int_equal(feed(&f, 1), ERR_CLOSED);
    ws_close(&f.ws, WS_NORMAL);
    expect(&f.out, SLICE_LIT("\x88\0"));
    finish(&f);
}

static void after_our_close_the_peers_is_awaited_and_pings_are_not_answered(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, WS_SERVER);
    ws_close(&f.ws, WS_NORMAL);
    expect(&f.out, SLICE_LIT("\x88\x02\x03\xe8"));
    put_str(&f.in, FIN | BIN, "late");
    put_str(&f.in, FIN | PING, "");
    assert_int_equal(feed(&f, WHOLE), ERR_AGAIN);
    assert_false(ws_over(&f.ws));
    put_str(&f.in, FIN | CLOSE, "");
    assert_int_equal(feed(&f, WHOLE), ERR_CLOSED);
    assert_true(ws_over(&f.ws));
    assert_int_equal(buf_size(&f.out), 0);
    finish(&f);
}

/* ---- sending */

static void output_is_cut_into_frames_of_the_largest_size(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 125, 126, WS_FRAME_SEND_MAX, WS_FRAME_SEND_MAX + 1};
    struct buf bytes = {0};
    memset(buf_reserve(&bytes, WS_FRAME_SEND_MAX + 1), 'x', WS_FRAME_SEND_MAX + 1);
    bytes.len = WS_FRAME_SEND_MAX + 1;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct fixture f, client;
        start(&f, WS_SERVER);
        start(&client, WS_CLIENT);
        struct slice part = slice_head(buf_slice(&bytes), lens[i]);
        ws_send(&f.ws, part);
        size_t heads = lens[i] == 0                   ? 0
                       : lens[i] < 126                ? 2
                       : lens[i] <= WS_FRAME_SEND_MAX ? 4
                                                      : 4 + 2;
        assert_int_equal(buf_size(&f.out), lens[i] + heads);
        buf_put_slice(&client.in, buf_slice(&f.out));
        feed(&client, WHOLE);
        expect(&client.got, part);
        finish(&f);
        finish(&client);
    }
    buf_free(&bytes);
}

static void a_head_alone_is_followed_by_the_callers_bytes(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, WS_SERVER);
    ws_send_head(&f.ws, 3);
    expect(&f.out, SLICE_LIT("\x82\x03"));
    ws_send_head(&f.ws, WS_FRAME_SEND_MAX);
    expect(&f.out, SLICE_LIT("\x82\x7e\xff\xff"));
    finish(&f);
}

static void a_client_masks_each_frame_with_a_new_key(void **state)
{
    (void)state;
    struct fixture f, server;
    start(&f, WS_CLIENT);
    start(&server, WS_SERVER);
    ws_send(&f.ws, SLICE_LIT("same bytes"));
    struct slice first = buf_slice(&f.out);
    ws_send(&f.ws, SLICE_LIT("same bytes"));
    assert_int_equal(buf_size(&f.out), 2 * first.len);
    assert_memory_not_equal(f.out.ptr + 2, f.out.ptr + first.len + 2, 4);
    buf_put_slice(&server.in, buf_slice(&f.out));
    assert_int_equal(feed(&server, 3), ERR_AGAIN);
    expect(&server.got, SLICE_LIT("same bytessame bytes"));
    finish(&f);
    finish(&server);
}

static void start_text(struct fixture *f)
{
    *f = (struct fixture){0};
    ws_init(&f->ws, &(struct ws_config){
                        .role = WS_SERVER, .out = &f->out, .spare = &f->spare, .text = true});
}

static void a_server_of_text_tells_where_messages_end(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        struct fixture f;
        start_text(&f);
        put_str(&f.in, FIN | TEXT, "whole");
        put_str(&f.in, TEXT, "in ");
        put_str(&f.in, FIN | PING, "");
        put_str(&f.in, FIN | CONT, "parts");
        put_str(&f.in, FIN | TEXT, "");
        assert_int_equal(feed(&f, size), ERR_AGAIN);
        expect(&f.got, SLICE_LIT("whole\x1ein parts\x1e\x1e"));
        finish(&f);
    }
}

/* In one frame, and in frames of a byte: a character that is cut is no fault, an end within one is. */
static void text_is_utf8_however_it_is_cut(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"a\xc3", false},
        {"\xe2\x82", false},
        {"\xc3(", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\x80", false},
        {"\xff", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size < 20; size++) {
            struct fixture f;
            start_text(&f);
            if (size % 2) put_str(&f.in, FIN | TEXT, rows[i].text);
            for (const char *at = rows[i].text; *at; at++)
                put_str(&f.in, at == rows[i].text ? TEXT : CONT, (char[]){*at, 0});
            put_str(&f.in, FIN | CONT, "");
            assert_int_equal(feed(&f, size), rows[i].good ? ERR_AGAIN : ERR_PROTOCOL);
            if (!rows[i].good) assert_int_equal(f.ws.code, WS_NOT_TEXT);
            finish(&f);
        }
}

/* What no byte can make a character of is no beginning of one. */
static void what_begins_no_character_is_refused_at_once(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"\xfa", false},     {"\xc1", false},     {"\xed\xa0", false},     {"\xe0\x80", false},
        {"\xf4\x90", false}, {"\xf0\x8f", false}, {"\xf0\x9f\x28", false}, {"\xed\x9f", true},
        {"\xe0\xa0", true},  {"\xf4\x8f", true},  {"\xf0\x90\x80", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size < 10; size++) {
            struct fixture f;
            start_text(&f);
            put_str(&f.in, TEXT, rows[i].text);
            assert_int_equal(feed(&f, size), rows[i].good ? ERR_AGAIN : ERR_PROTOCOL);
            finish(&f);
        }
}

static void a_server_of_text_takes_no_binary_frames(void **state)
{
    (void)state;
    struct fixture f;
    start_text(&f);
    put_str(&f.in, FIN | BIN, "bytes");
    assert_int_equal(feed(&f, WHOLE), ERR_PROTOCOL);
    assert_non_null(strstr(fail_text(), "binary"));
    finish(&f);
}

static void a_text_in_parts_is_continued(void **state)
{
    (void)state;
    struct fixture f;
    start_text(&f);
    ws_send_text_head(&f.ws, 3, true);
    expect(&f.out, SLICE_LIT("\x81\x03"));
    ws_send_text_head(&f.ws, WS_FRAME_SEND_MAX, false);
    expect(&f.out, SLICE_LIT("\x01\x7e\xff\xff"));
    ws_send_text_head(&f.ws, 5, false);
    expect(&f.out, SLICE_LIT("\x00\x05"));
    ws_send_text_head(&f.ws, 0, true);
    expect(&f.out, SLICE_LIT("\x80\x00"));
    ws_send_text_head(&f.ws, 1, true);
    expect(&f.out, SLICE_LIT("\x81\x01"));
    finish(&f);
}

/* ---- memory */

static void engines_between_frames_share_one_reader(void **state)
{
    (void)state;
    struct fixture f;
    struct ws other;
    struct slice piece;
    start(&f, WS_SERVER);
    ws_init(&other, &(struct ws_config){.role = WS_SERVER, .out = &f.out, .spare = &f.spare});
    put_str(&f.in, FIN | BIN, "whole");
    assert_int_equal(feed(&f, WHOLE), ERR_AGAIN);
    struct ws_reader *shared = f.spare.reader;
    assert_null(f.ws.reader);
    assert_non_null(shared);

    put_str(&f.in, FIN | BIN, "cut");
    ws_feed(&f.ws, slice_head(buf_slice(&f.in), 1));
    assert_int_equal(pull(&f), ERR_AGAIN);
    assert_ptr_equal(f.ws.reader, shared);

    ws_feed(&other, buf_slice(&f.in));
    assert_int_equal(ws_next(&other, &piece), OK);
    assert_true(slice_is(piece, "cut"));
    assert_int_equal(ws_next(&other, &piece), ERR_AGAIN);
    assert_null(other.reader);

    ws_feed(&f.ws, slice_from(buf_slice(&f.in), 1));
    assert_int_equal(pull(&f), ERR_AGAIN);
    assert_null(f.ws.reader);
    expect(&f.got, SLICE_LIT("wholecut"));
    ws_fini(&other);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_become_a_stream_however_they_are_cut),
        cmocka_unit_test(lengths_of_all_forms_are_read),
        cmocka_unit_test(what_breaks_a_rule_is_closed_with_its_code),
        cmocka_unit_test(a_truncation_anywhere_is_waited_for),
        cmocka_unit_test(a_flipped_bit_anywhere_harms_nothing_before_it),
        cmocka_unit_test(a_server_that_masks_is_refused_by_a_client),
        cmocka_unit_test(a_frame_over_the_limit_is_refused_at_its_first_byte),
        cmocka_unit_test(a_message_may_be_as_long_as_its_limit_and_no_longer),
        cmocka_unit_test(a_control_frame_may_be_as_long_as_its_limit),
        cmocka_unit_test(a_close_is_answered_with_its_code),
        cmocka_unit_test(a_close_without_code_is_answered_without),
        cmocka_unit_test(after_our_close_the_peers_is_awaited_and_pings_are_not_answered),
        cmocka_unit_test(output_is_cut_into_frames_of_the_largest_size),
        cmocka_unit_test(a_head_alone_is_followed_by_the_callers_bytes),
        cmocka_unit_test(a_client_masks_each_frame_with_a_new_key),
        cmocka_unit_test(a_server_of_text_tells_where_messages_end),
        cmocka_unit_test(text_is_utf8_however_it_is_cut),
        cmocka_unit_test(what_begins_no_character_is_refused_at_once),
        cmocka_unit_test(a_server_of_text_takes_no_binary_frames),
        cmocka_unit_test(a_text_in_parts_is_continued),
        cmocka_unit_test(engines_between_frames_share_one_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
