/* log_rig.h - a log with two cores in one thread, under a clock of its own; for tests.
 *
 * Lanes run only when the test says so.  Each record carries an id in its first bytes; what a core
 * is told and what a reader gets is noted.
 */
#ifndef LOG_LOG_RIG_H
#define LOG_LOG_RIG_H

#include "log/log.h"

enum { RIG_CORES = 2, RIG_BODY_MIN = 8 };

struct rig;

struct rig_core {
    struct rig *rig;
    struct lane lane;
    struct log_writer writer;
    struct addr slot;
    unsigned reliefs;
};

struct rig_done {
    unsigned core;
    uint64_t id;
    enum err result;
};

struct rig {
    struct office office;
    struct rig_core cores[RIG_CORES];
    struct lane log_lane, read_lane;
    struct log *log;
    struct log_config cfg;
    struct buf done;            /* struct rig_done, in the order of the callbacks */
    struct log_read_done *read; /* the last answers, owned by the rig; NULL: none came */
    struct log_seek_done *seek;
    struct log_stream_done changed; /* the last answer */
    unsigned read_count, change_count;
    unsigned stream; /* that the functions below are about; 0 at first */
};

/* The clock that all rigs see; the wall may be set back. */
extern int64_t rig_mono_us, rig_wall_us;

struct rig *rig_new(void);
void rig_free(struct rig *r); /* closes the log if it is open */

enum err rig_open(struct rig *r, const struct log_config *cfg) MUST_USE;
void rig_close(struct rig *r);

void rig_turn(struct lane *lane);            /* one turn at the current time */
void rig_run(struct rig *r);                 /* until no lane has mail */
void rig_advance(struct rig *r, int64_t us); /* time passes, timers run */

/* A record of `size` bytes of body, the id first, then bytes that follow from it. */
void rig_append(struct rig *r, unsigned core, unsigned partition, uint64_t id, size_t size,
                uint64_t destinations);
void rig_note(struct lane *lane, struct addr who, uint64_t cookie,
              enum err result);            /* log_done_fn */
uint64_t rig_id(const struct record *rec); /* 0: not a record of ours, or damaged */
size_t rig_done_count(const struct rig *r);
const struct rig_done *rig_done_at(const struct rig *r, size_t index);

/* LOG_STREAM_MAKE, _KEEP, _DROP; sent, and with the answer. */
void rig_send_change(struct rig *r, unsigned kind, const struct log_stream *s);
struct log_stream_done rig_change(struct rig *r, unsigned kind, const struct log_stream *s);

/* Asks and runs until answered; a waiting read may stay unanswered: then NULL. */
const struct log_read_done *rig_read(struct rig *r, unsigned partition, uint64_t from, uint32_t max,
                                     bool wait);
void rig_cancel(struct rig *r, unsigned partition);
const struct log_seek_done *rig_seek(struct rig *r, unsigned partition, enum log_where where,
                                     int64_t value);
struct log_ends rig_ends(struct rig *r, unsigned partition);

/* Reads a partition from `from` to its end, record by record. */
typedef void (*rig_record_fn)(void *ctx, const struct record *rec);
enum err rig_read_all(struct rig *r, unsigned partition, uint64_t from, uint32_t max,
                      rig_record_fn fn, void *ctx) MUST_USE;

#endif
