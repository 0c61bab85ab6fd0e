/* text_fuzz.c - base/text.h: what decodes must encode to something that decodes the same. */
#include "base/text.h"
#include "fuzz.h"

typedef void (*encoder)(struct buf *out, struct slice bytes);
typedef enum err (*decoder)(struct buf *out, struct slice text);

static void check_round_trip(struct slice input, encoder encode, decoder decode)
{
    struct buf text = {0}, bytes = {0}, back = {0};
    encode(&text, input);
    enum err e = decode(&back, buf_slice(&text));
    assert(e == OK && slice_eq(buf_slice(&back), input));
    buf_clear(&text);
    buf_clear(&back);
    if (decode(&bytes, input) == OK) {
        encode(&text, buf_slice(&bytes));
        e = decode(&back, buf_slice(&text));
        assert(e == OK && slice_eq(buf_slice(&back), buf_slice(&bytes)));
    } else {
        assert(buf_size(&bytes) == 0);
    }
    buf_free(&text);
    buf_free(&bytes);
    buf_free(&back);
}

void fuzz_one(struct slice input)
{
    check_round_trip(input, text_base64, text_unbase64);
    check_round_trip(input, text_hex, text_unhex);
    check_round_trip(input, text_percent, text_unpercent);
    struct buf json = {0};
    text_json_string(&json, input);
    assert(text_is_utf8(input) == text_is_utf8(buf_slice(&json)));
    buf_free(&json);
}
