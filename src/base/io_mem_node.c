/* io_mem_node.c - the content of a file in memory. */
#include "base/io_mem_node.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

enum { CHUNK = 64 << 10 };

struct mem_node *mem_node_new(bool is_dir)
{
    struct mem_node *n = NEW(struct mem_node);
    n->refs = 1;
    n->is_dir = is_dir;
    return n;
}

void mem_node_ref(struct mem_node *n)
{
    n->refs++;
}

void mem_node_drop(struct mem_node *n)
{
    if (n == NULL || --n->refs > 0) return;
    mem_node_forget(n);
    for (size_t i = 0; i < n->chunk_count; i++) free(n->chunks[i]);
    free(n->chunks);
    free(n->writes);
    free(n);
}

/* Length of the piece of [offset, offset + len) that lies in one chunk. */
static size_t piece_len(uint64_t offset, size_t len)
{
    return MIN(len, (size_t)(CHUNK - offset % CHUNK));
}

static void read_synced(const struct mem_node *n, uint64_t offset, uint8_t *out, size_t len)
{
    while (len) {
        size_t piece = piece_len(offset, len), index = (size_t)(offset / CHUNK);
        if (index < n->chunk_count && n->chunks[index])
            memcpy(out, n->chunks[index] + offset % CHUNK, piece);
        else
            memset(out, 0, piece);
        offset += piece;
        out += piece;
        len -= piece;
    }
}

/* Lays one write over `len` bytes read from `offset`. */
static void overlay(const struct mem_write *w, uint64_t offset, uint8_t *out, size_t len)
{
    uint64_t end = offset + len;
    if (w->bytes == NULL) {
        if (w->offset >= end) return;
        uint64_t from = MAX(w->offset, offset);
        memset(out + (from - offset), 0, (size_t)(end - from));
        return;
    }
    uint64_t from = MAX(w->offset, offset), to = MIN(w->offset + w->len, end);
    if (from < to)
        memcpy(out + (from - offset), w->bytes + (from - w->offset), (size_t)(to - from));
}

size_t mem_node_read(const struct mem_node *n, uint64_t offset, uint8_t *out, size_t len)
{
    if (offset >= n->size) return 0;
    len = (size_t)MIN((uint64_t)len, n->size - offset);
    read_synced(n, offset, out, len);
    for (size_t i = 0; i < n->write_count; i++) overlay(&n->writes[i], offset, out, len);
    return len;
}

static void add_write(struct mem_node *n, struct mem_write w)
{
    if (n->write_count == n->write_cap) {
        n->write_cap = n->write_cap ? n->write_cap * 2 : 8;
        n->writes = mem_grow(n->writes, n->write_cap * sizeof *n->writes);
    }
    n->writes[n->write_count++] = w;
}

void mem_node_write(struct mem_node *n, uint64_t offset, const struct slice *parts, size_t len)
{
    if (len == 0) return;
    struct mem_write w = {offset, len, mem_new(len)};
    for (size_t at = 0; at < len; parts++) {
        struct slice part = slice_head(*parts, len - at);
        if (part.len) memcpy(w.bytes + at, part.ptr, part.len);
        at += part.len;
    }
    add_write(n, w);
    n->size = MAX(n->size, offset + len);
}

void mem_node_resize(struct mem_node *n, uint64_t size)
{
    add_write(n, (struct mem_write){.offset = size});
    n->size = size;
}

static uint8_t *chunk_at(struct mem_node *n, size_t index)
{
    if (index >= n->chunk_count) {
        size_t count = MAX(index + 1, n->chunk_count * 2);
        n->chunks = mem_grow(n->chunks, count * sizeof *n->chunks);
        memset(n->chunks + n->chunk_count, 0, (count - n->chunk_count) * sizeof *n->chunks);
        n->chunk_count = count;
    }
    if (n->chunks[index] == NULL) n->chunks[index] = mem_zero(CHUNK);
    return n->chunks[index];
}

static void apply_bytes(struct mem_node *n, uint64_t offset, const uint8_t *bytes, size_t len)
{
    n->synced_size = MAX(n->synced_size, offset + len);
    while (len) {
        size_t piece = piece_len(offset, len);
        memcpy(chunk_at(n, (size_t)(offset / CHUNK)) + offset % CHUNK, bytes, piece);
        offset += piece;
        bytes += piece;
        len -= piece;
    }
}

static void apply_resize(struct mem_node *n, uint64_t size)
{
    n->synced_size = size;
    size_t cut = (size_t)(size / CHUNK), keep = (size_t)(size % CHUNK);
    if (cut >= n->chunk_count) return;
    if (n->chunks[cut]) memset(n->chunks[cut] + keep, 0, CHUNK - keep);
    for (size_t i = cut + 1; i < n->chunk_count; i++) {
        free(n->chunks[i]);
        n->chunks[i] = NULL;
    }
}

static void apply(struct mem_node *n, const struct mem_write *w)
{
    if (w->bytes == NULL)
        apply_resize(n, w->offset);
    else
        apply_bytes(n, w->offset, w->bytes, w->len);
}

void mem_node_sync(struct mem_node *n)
{
    for (size_t i = 0; i < n->write_count; i++) apply(n, &n->writes[i]);
    mem_node_forget(n);
}

void mem_node_forget(struct mem_node *n)
{
    for (size_t i = 0; i < n->write_count; i++) free(n->writes[i].bytes);
    n->write_count = 0;
    n->size = n->synced_size;
}

uint64_t mem_roll(uint64_t *dice)
{
    uint64_t z = (*dice += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Some stretch of the write reaches the disk; the file's new length may do so without its bytes. */
static void apply_part(struct mem_node *n, const struct mem_write *w, uint64_t *dice)
{
    size_t from = (size_t)(mem_roll(dice) % w->len);
    size_t to = from + (size_t)(mem_roll(dice) % (w->len - from + 1));
    apply_bytes(n, w->offset + from, w->bytes + from, to - from);
    if (mem_roll(dice) % 2) n->synced_size = MAX(n->synced_size, w->offset + w->len);
}

void mem_node_crash(struct mem_node *n, uint64_t *dice)
{
    for (size_t i = 0; i < n->write_count && *dice; i++) {
        uint64_t fate = mem_roll(dice) % 3;
        if (fate == 0)
            apply(n, &n->writes[i]);
        else if (fate == 1 && n->writes[i].bytes)
            apply_part(n, &n->writes[i], dice);
    }
    mem_node_forget(n);
}
