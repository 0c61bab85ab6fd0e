/* journal.h - the one file to which a commit is written; its format stands in journal.c.
 *
 * Runs on: the log lane; journal_replay() at start, before the lanes run.
 * Life:    journal_create() makes the file; journal_open(); journal_replay() gives back what was
 *          committed; journal_restart() begins a new epoch in which nothing is committed; then
 *          journal_write() as long as journal_fits(), and journal_turn() where it does not.  A section
 *          may be turned to when all its records are durable elsewhere: the caller knows.
 */
#ifndef LOG_OWN_JOURNAL_H
#define LOG_OWN_JOURNAL_H

#include "base/io.h"
#include "log/record.h"

enum {
    JOURNAL_SECTIONS = 4,
    JOURNAL_PAGE = IO_BLOCK,
    JOURNAL_HEAD = 40,
    JOURNAL_BLOCK_MAX = 8 << 20, /* bytes a commit takes at most, even where a section is larger */
};

struct journal {
    struct io_file *file;
    uint64_t section_bytes;
    uint64_t epoch;
    uint64_t commit;  /* number of the next block, from 1 in each epoch */
    uint64_t settled; /* commits up to this one are durable in segments; the caller's to raise */
    unsigned section; /* being written */
    uint64_t at;      /* offset in it of the next block */
};

/* One commit under construction.  parts[0] is the head's. */
struct block {
    struct slice *parts; /* room for part_max */
    size_t part_count, part_max;
    uint64_t bytes; /* head and frames */
    uint32_t frames;
    uint32_t crc;
};

enum err journal_create(struct io *io, uint64_t bytes) MUST_USE;
/* Somebody may remove it while it is written: then no restart would find what it has. */
bool journal_is_there(struct io *io);

enum err journal_open(struct journal *j, struct io *io, uint64_t bytes, uint64_t epoch) MUST_USE;
void journal_close(struct journal *j);

/* Every frame of every complete commit, oldest first.  ERR_CORRUPT: commits are missing between
 * others.  Stops at the first error of `fn`. */
typedef enum err (*journal_frame_fn)(void *ctx, const struct record *r);
enum err journal_replay(struct journal *j, journal_frame_fn fn, void *ctx) MUST_USE;

/* Empty from here on, under an epoch that must be durable before the first write. */
void journal_restart(struct journal *j, uint64_t epoch);

/* Bytes of frames that one block can take. */
uint64_t journal_block_max(const struct journal *j);

void block_begin(struct block *b);
static inline bool block_has_room(const struct block *b)
{
    return b->part_count + 1 < b->part_max; /* the last part is padding */
}
void block_add(struct block *b, struct slice frames);   /* stays valid until written */
void block_note(struct block *b, const uint8_t *frame); /* each stamped frame, in order */

bool journal_fits(const struct journal *j, const struct block *b);
void journal_turn(struct journal *j); /* to the next section */

/* Appends and syncs.  After an error nothing may be written any more. */
enum err journal_write(struct journal *j, struct block *b) MUST_USE;

#endif
