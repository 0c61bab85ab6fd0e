/* partition.c - Bob Jenkins' lookup3 over a key, as Event Hubs maps keys to partitions.
 *
 * The three words a, b, c are stirred in a fixed order; the two tables are the rotations.
 */
#include "base/partition.h"

static uint32_t rotate(uint32_t x, unsigned k)
{
    return x << k | x >> (32 - k);
}

/* x, y, z take turns: (a,b,c), (b,c,a), (c,a,b), ... */
static void mix(uint32_t w[3])
{
    static const unsigned rotations[6] = {4, 6, 8, 16, 19, 4};
    for (unsigned i = 0; i < 6; i++) {
        uint32_t *x = &w[i % 3], *y = &w[(i + 1) % 3], *z = &w[(i + 2) % 3];
        *x -= *z;
        *x ^= rotate(*z, rotations[i]);
        *z += *y;
    }
}

static void finish(uint32_t w[3])
{
    static const unsigned rotations[7] = {14, 11, 25, 16, 4, 14, 24};
    for (unsigned i = 0; i < 7; i++) {
        uint32_t *x = &w[(i + 2) % 3], *y = &w[(i + 1) % 3];
        *x ^= *y;
        *x -= rotate(*y, rotations[i]);
    }
}

/* Up to 12 bytes as three little-endian words, the rest zero. */
static void add_block(uint32_t w[3], struct slice block)
{
    uint32_t words[3] = {0};
    if (block.len) memcpy(words, block.ptr, block.len);
    for (unsigned i = 0; i < 3; i++) w[i] += words[i];
}

unsigned key_partition(struct slice key, unsigned partitions)
{
    uint32_t start = 0xdeadbeef + (uint32_t)key.len;
    uint32_t w[3] = {start, start, start};
    if (key.len == 0) return 0;
    for (; key.len > 12; key = slice_from(key, 12)) {
        add_block(w, slice_head(key, 12));
        mix(w);
    }
    add_block(w, key);
    finish(w);
    int hash = (int16_t)(w[2] ^ w[1]);
    int rest = hash % (int)partitions;
    return (unsigned)(rest < 0 ? -rest : rest);
}
