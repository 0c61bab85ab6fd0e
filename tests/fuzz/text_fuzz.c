/* text_fuzz.c - base/text.h: what decodes must encode to something that decodes the same; what is shown of what
 * others wrote is UTF-8 and has no query. */
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

/* Nothing of a query is shown. */
static void check_mask(struct slice url)
{
    struct buf shown = {0};
    size_t query = slice_find(url, '?');
    text_mask_query(&shown, url);
    struct slice rest = slice_from(buf_slice(&shown), query);
    assert(slice_eq(slice_head(buf_slice(&shown), query), slice_head(url, query)));
    assert(query == url.len ? rest.len == 0 : slice_is(rest, TEXT_QUERY_MASK));
    buf_free(&shown);
}

/* 32 hex digits of the bytes, and four dashes. */
static void check_guid(struct slice bytes)
{
    char guid[TEXT_GUID_LEN + 1];
    struct buf digits = {0}, back = {0};
    if (bytes.len < 16) return;
    text_guid(bytes.ptr, guid);
    assert(strlen(guid) == TEXT_GUID_LEN);
    for (const char *c = guid; *c; c++)
        if (*c != '-') buf_put_u8(&digits, (uint8_t)*c);
    enum err e = text_unhex(&back, buf_slice(&digits));
    assert(e == OK && slice_eq(buf_slice(&back), slice_head(bytes, 16)));
    buf_free(&digits);
    buf_free(&back);
}

void fuzz_one(struct slice input)
{
    check_round_trip(input, text_base64, text_unbase64);
    check_round_trip(input, text_hex, text_unhex);
    check_round_trip(input, text_percent, text_unpercent);
    check_mask(input);
    check_guid(input);
    struct buf json = {0};
    text_json_untrusted(&json, input);
    assert(text_is_utf8(buf_slice(&json)));
    buf_clear(&json);
    text_json_string(&json, input);
    assert(text_is_utf8(input) == text_is_utf8(buf_slice(&json)));
    buf_free(&json);
}
