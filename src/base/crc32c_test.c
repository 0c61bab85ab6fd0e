/* crc32c_test.c - the checksum, by instruction and by table. */
#include "base/test.h"

#include "base/crc32c.h"
#include "base/rand.h"
#include "base/slice.h"

static void crc32c_gives_the_published_values(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        uint32_t crc;
    } rows[] = {
        /* RFC 3720 B.4 and the check value of the CRC catalogue. */
        {SLICE_LIT("123456789"), 0xe3069283},
        {SLICE_LIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0x8a9136aa},
        {SLICE_LIT(""), 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(crc32c(0, rows[i].bytes.ptr, rows[i].bytes.len), rows[i].crc);
        assert_int_equal(crc32c_portable(0, rows[i].bytes.ptr, rows[i].bytes.len), rows[i].crc);
    }
}

static void crc32c_is_the_same_in_one_piece_and_in_two(void **state)
{
    (void)state;
    uint8_t bytes[300];
    rand_bytes(bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        uint32_t whole = crc32c_portable(0, bytes, len);
        size_t cut = len / 3;
        assert_int_equal(crc32c(0, bytes, len), whole);
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, len - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_published_values),
        cmocka_unit_test(crc32c_is_the_same_in_one_piece_and_in_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
