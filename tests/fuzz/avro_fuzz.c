/* avro_fuzz.c - avro/avro.h: any file is read to its end or refused, the same way in any pieces; what is packed is
 * unpacked. */
#include "avro/avro.h"
#include "avro/codec.h"
#include "fuzz.h"

enum { RECORDS_MAX = 2000 }; /* of a file that a few bytes make long */

static uint64_t look_at(const struct avro_value *v)
{
    uint64_t sum = (uint64_t)v->number + v->bytes.len;
    struct cur at = cur_of(v->bytes);
    struct slice key;
    struct avro_value entry;
    for (int64_t left = 0; avro_map_next(v, &at, &left, &key, &entry);)
        sum += key.len + entry.bytes.len;
    return sum;
}

static uint64_t look_at_record(const struct avro_reader *r)
{
    static const char *const fields[] = {"SequenceNumber", "Properties", "Body", "a"};
    struct avro_value v;
    uint64_t sum = 1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (avro_field(r, fields[i], &v)) sum += look_at(&v);
    return sum;
}

static uint64_t read_all(struct slice file, size_t piece)
{
    struct avro_reader *r = avro_reader_new();
    uint64_t sum = 0;
    unsigned records = 0;
    enum err e;
    for (;;) {
        while ((e = avro_reader_next(r)) == OK && records++ < RECORDS_MAX) sum += look_at_record(r);
        if (e != ERR_AGAIN || file.len == 0) break;
        avro_reader_feed(r, slice_head(file, piece));
        file = slice_from(file, piece);
    }
    if (e == ERR_AGAIN) sum = sum * 2 + (avro_reader_end(r) == OK);
    avro_reader_free(r);
    return sum;
}

/* Twice: the second time the state of the first is used again. */
static void check_codec(enum avro_codec codec, struct slice input)
{
    void *state = NULL;
    for (int turn = 0; turn < 2; turn++) {
        struct buf packed = {0}, plain = {0};
        codec_pack(codec, &state, input, &packed);
        enum err e = codec_unpack(codec, buf_slice(&packed), &plain);
        assert(e == OK && slice_eq(buf_slice(&plain), input));
        buf_free(&packed);
        buf_free(&plain);
    }
    codec_free(state);
}

void fuzz_one(struct slice input)
{
    for (unsigned codec = 0; codec < AVRO_CODECS; codec++) check_codec(codec, input);
    uint64_t whole = read_all(input, input.len + 1);
    uint64_t pieces = read_all(input, 13);
    assert(whole == pieces);
}
