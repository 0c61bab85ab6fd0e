/* store.c - lanes, queues and promises; the database itself is behind engine.h.
 *
 * One turn of the lane `store` is one transaction:
 *
 *   mail -> two queues -> begin, unit, unit, ... (STORE_TX_UNITS_MAX, STORE_TX_US_MAX) -> commit
 *        -> answers -> a checkpoint is asked for when the write-ahead log has grown
 *
 * While units are left the lane posts itself STORE_AGAIN, so that mail which came meanwhile takes
 * its place in the queues between two transactions.
 */
#include "store/store.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/say.h"
#include "store/engine.h"
#include "store/sqlite/sqlite.h"

enum { STORE_AGAIN = STORE_INTERNAL, STORE_CHECKPOINT_DUE, STORE_CHECKPOINTED, STORE_SNAPSHOT_DUE };

COUNTER(units_total, "azimuth_store_units_total", "Units that were committed.");
COUNTER(conflicts_total, "azimuth_store_conflicts_total",
        "Units that met other rows than expected.");
LIMIT_REACHED(queue_full, "store-queue")
LIMIT_REACHED(unit_too_large, "store-unit")
COUNTER(refused_total, "azimuth_store_refused_total", "Units refused: queue full, disk, poisoned.");
COUNTER(transactions_total, "azimuth_store_transactions_total", "Transactions committed.");
COUNTER(queries_total, "azimuth_store_queries_total", "Pages of rows that were read.");
COUNTER(checkpoints_total, "azimuth_store_checkpoints_total",
        "Checkpoints of the write-ahead log.");
GAUGE(queued, "azimuth_store_queued_units", "Units that wait for a transaction.");
GAUGE(wal_bytes, "azimuth_store_wal_bytes", "Bytes that wait for a checkpoint.");
COUNTER(poisoned_total, "azimuth_store_poisoned_total",
        "Failed writes or syncs that ended all acknowledging.");

struct queue {
    struct msg *first, *last;
    unsigned count;
};

struct store {
    const struct store_engine *engine;
    struct engine *db;
    struct io *io;
    struct lane *write, *read, *check;
    uint64_t reserve_bytes;
    struct turn_hook hook;
    struct timer recheck; /* set while below the reserve */
    int64_t file_checked_us;
    struct queue queues[2]; /* by enum store_queue */
    unsigned since_bulk;    /* interactive units since the last bulk one */
    bool checkpointing, again_posted;
    uint64_t checkpointed_at; /* backlog when the last checkpoint was asked for */
    atomic_bool healthy, above_reserve;
    /* the transaction under way */
    unsigned batch_count;
    struct msg *batch[STORE_TX_UNITS_MAX];
    struct unit_result results[STORE_TX_UNITS_MAX];
};

bool store_healthy(const struct store *s)
{
    return atomic_load(&s->healthy);
}

bool store_accepting(const struct store *s)
{
    return store_healthy(s) && atomic_load(&s->above_reserve);
}

/* ---- refusing */

static void poison(struct store *s, const char *during)
{
    if (!atomic_exchange(&s->healthy, false)) return;
    metric_inc(&poisoned_total);
    say_error("store.poisoned", "during=%s why=\"%s\" next=\"restart to recover\"", during,
              fail_text());
}

static void answer_unit(struct store *s, struct msg *unit, enum err err, uint32_t statement)
{
    struct buf b = {0};
    msg_buf_begin(&b);
    answer_error(&b, err, statement);
    post_reply(s->write, unit, msg_buf_end(&b, STORE_ANSWER));
}

/* Why a unit cannot be taken now, or OK. */
static enum err refusal(struct store *s)
{
    if (!store_healthy(s)) return ERR_IO;
    return atomic_load(&s->above_reserve) ? OK : ERR_THROTTLED;
}

/* Below the reserve it is looked at again by itself: nobody may be writing any more. */
static void check_reserve(struct store *s, int64_t now_us)
{
    uint64_t free_bytes;
    if (s->reserve_bytes == 0) return;
    bool above = io_free_bytes(s->io, &free_bytes) == OK && free_bytes >= s->reserve_bytes;
    if (!above) timer_set(&s->write->timers, &s->recheck, now_us + STORE_RESERVE_RECHECK_US);
    if (atomic_exchange(&s->above_reserve, above) == above) return;
    if (above)
        say_info("store.resumed", "reserve=%llu", (unsigned long long)s->reserve_bytes);
    else
        say_error("store.disk_full", "reserve=%llu", (unsigned long long)s->reserve_bytes);
}

static void on_recheck(struct timer *t, int64_t now_us)
{
    check_reserve(CONTAINER_OF(t, struct store, recheck), now_us);
}

/* What is committed into a file that was removed, no restart would find. */
static void check_file(struct store *s, int64_t now_us)
{
    if (now_us - s->file_checked_us < STORE_FILE_RECHECK_US) return;
    s->file_checked_us = now_us;
    if (!store_healthy(s) || s->engine->is_there(s->db)) return;
    (void)!fail(ERR_NOT_FOUND, "the database was removed from the data directory");
    poison(s, "look");
}

/* ---- queues */

static void enqueue(struct queue *q, struct msg *m)
{
    m->next = NULL;
    if (q->first)
        q->last->next = m;
    else
        q->first = m;
    q->last = m;
    q->count++;
}

static struct msg *dequeue(struct queue *q)
{
    struct msg *m = q->first;
    if (m == NULL) return NULL;
    q->first = m->next;
    q->count--;
    return m;
}

/* Interactive before bulk, but bulk is never kept out for good. */
static struct msg *next_unit(struct store *s)
{
    struct queue *interactive = &s->queues[STORE_INTERACTIVE], *bulk = &s->queues[STORE_BULK];
    bool bulk_turn = bulk->first && (!interactive->first || s->since_bulk >= STORE_BULK_EVERY - 1);
    s->since_bulk = bulk_turn ? 0 : s->since_bulk + 1;
    return dequeue(bulk_turn ? bulk : interactive);
}

static void on_unit(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    (void)lane;
    struct queue *q = &s->queues[request_read(msg_body(m)).queue];
    enum err refused = m->len > STORE_UNIT_BYTES_MAX ? ERR_TOO_BIG : refusal(s);
    if (refused == ERR_TOO_BIG) metric_inc(&unit_too_large);
    if (refused == OK && q->count == STORE_QUEUE_MAX) {
        metric_inc(&queue_full);
        refused = ERR_THROTTLED;
    }
    if (refused != OK) {
        metric_inc(&refused_total);
        answer_unit(s, m, refused, 0);
        return;
    }
    msg_keep(m);
    enqueue(q, m);
}

/* ---- transactions */

static void answer_batch(struct store *s, enum err outcome)
{
    for (unsigned i = 0; i < s->batch_count; i++) {
        enum err err = outcome == OK ? s->results[i].err : outcome;
        struct metric *m = err == OK             ? &units_total
                           : err == ERR_CONFLICT ? &conflicts_total
                                                 : &refused_total;
        metric_inc(m);
        answer_unit(s, s->batch[i], err, s->results[i].statement);
        msg_free(s->batch[i]);
    }
    s->batch_count = 0;
}

/* The time is looked at between units, so that one is always taken. */
static enum err fill_transaction(struct store *s)
{
    int64_t deadline_us = clock_mono_us() + STORE_TX_US_MAX;
    TRY(s->engine->begin(s->db));
    do {
        struct msg *m = next_unit(s);
        if (m == NULL) break;
        s->batch[s->batch_count] = m;
        struct unit_result *result = &s->results[s->batch_count++];
        TRY(s->engine->unit(s->db, msg_body(m), result));
    } while (s->batch_count < STORE_TX_UNITS_MAX && clock_mono_us() < deadline_us);
    return s->engine->commit(s->db);
}

/* A full disk concerns this transaction only; whatever else the database says is believed for
 * good: after a failed sync nobody knows what the disk holds. */
static void run_transaction(struct store *s)
{
    enum err err = fill_transaction(s);
    if (err == OK)
        metric_inc(&transactions_total);
    else
        s->engine->rollback(s->db);
    if (err != OK && err != ERR_FULL) poison(s, "transaction");
    answer_batch(s, err == OK || err == ERR_FULL ? err : ERR_IO);
}

static void refuse_waiting(struct store *s, enum err err)
{
    struct msg *m;
    while ((m = next_unit(s)) != NULL) {
        metric_inc(&refused_total);
        answer_unit(s, m, err, 0);
        msg_free(m);
    }
}

/* ---- checkpoints */

static void drain_wal(struct store *s)
{
    enum err err = s->engine->drain(s->db);
    if (err != OK && err != ERR_FULL) poison(s, "checkpoint");
}

static void look_at_wal(struct store *s)
{
    uint64_t bytes = s->engine->backlog(s->db);
    metric_set(&wal_bytes, (int64_t)bytes);
    if (bytes >= STORE_WAL_MAX) drain_wal(s);
    if (bytes < s->checkpointed_at) s->checkpointed_at = 0; /* it began anew */
    if (s->checkpointing || bytes - s->checkpointed_at < STORE_WAL_CHECKPOINT) return;
    s->checkpointing = true;
    s->checkpointed_at = bytes;
    post(s->write, lane_addr(s->write), lane_addr(s->check), msg_new(STORE_CHECKPOINT_DUE, 0));
}

static void on_checkpoint_due(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    enum err err = store_healthy(s) ? s->engine->checkpoint(s->db) : OK;
    if (err != OK && err != ERR_FULL) poison(s, "checkpoint");
    metric_inc(&checkpoints_total);
    post_reply(lane, m, msg_new(STORE_CHECKPOINTED, 0));
}

static void on_snapshot_due(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    struct buf page = {0};
    struct answer_writer w;
    msg_buf_begin(&page);
    enum err err = store_healthy(s) ? s->engine->snapshot(s->db) : ERR_IO;
    if (err != OK) {
        say_warn("store.snapshot", "reason=\"%s\"", fail_text());
        answer_error(&page, err, 0);
    } else {
        answer_begin(&w, &page, 0);
        answer_end(&w, false);
    }
    post_reply(lane, m, msg_buf_end(&page, STORE_ANSWER));
}

static void on_checkpointed(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    (void)lane, (void)m;
    s->checkpointing = false;
}

/* ---- turns */

static void on_again(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    (void)lane, (void)m;
    s->again_posted = false;
}

static void turn_end(struct turn_hook *hook, int64_t now_us)
{
    struct store *s = CONTAINER_OF(hook, struct store, hook);
    if (s->queues[STORE_INTERACTIVE].first || s->queues[STORE_BULK].first) {
        check_reserve(s, now_us);
        check_file(s, now_us);
        enum err refused = refusal(s);
        if (refused == OK)
            run_transaction(s);
        else
            refuse_waiting(s, refused);
        look_at_wal(s);
    }
    unsigned left = s->queues[STORE_INTERACTIVE].count + s->queues[STORE_BULK].count;
    metric_set(&queued, left);
    if (left == 0 || s->again_posted) return;
    s->again_posted = true;
    post(s->write, lane_addr(s->write), lane_addr(s->write), msg_new(STORE_AGAIN, 0));
}

static void on_query(void *ctx, struct lane *lane, struct msg *m)
{
    struct store *s = ctx;
    struct buf page = {0};
    msg_buf_begin(&page);
    s->engine->query(s->db, msg_body(m), &page);
    metric_inc(&queries_total);
    post_reply(lane, m, msg_buf_end(&page, STORE_ANSWER));
}

/* ---- asking */

static void on_answer(void *ctx, struct lane *lane, struct msg *m)
{
    (void)ctx;
    struct store_wait *w = slot_get(lane, m->to);
    if (w == NULL) return;
    store_forget(lane, w);
    struct store_answer a;
    answer_read(&a, msg_body(m));
    w->fn(w, &a);
}

void store_attach(struct lane *lane)
{
    lane_on(lane, STORE_ANSWER, on_answer, NULL);
}

void store_ask(const struct store *s, struct lane *lane, struct store_request *r,
               struct store_wait *w)
{
    ON_LANE(lane);
    struct lane *to = r->kind == STORE_UNIT ? s->write : s->read;
    w->slot = slot_new(lane, w);
    post(lane, w->slot, lane_addr(to), request_end(r));
}

void store_snapshot(const struct store *s, struct lane *lane, struct store_wait *w)
{
    ON_LANE(lane);
    w->slot = slot_new(lane, w);
    post(lane, w->slot, lane_addr(s->check), msg_new(STORE_SNAPSHOT_DUE, 0));
}

void store_forget(struct lane *lane, struct store_wait *w)
{
    slot_free(lane, w->slot);
}

enum err store_now_unit(struct store *s, struct store_request *r)
{
    struct msg *m = request_end(r);
    struct unit_result result = {0};
    enum err err = s->engine->begin(s->db);
    if (err == OK) err = s->engine->unit(s->db, msg_body(m), &result);
    if (err == OK) err = result.err;
    if (err == OK) err = s->engine->commit(s->db);
    if (err != OK) s->engine->rollback(s->db);
    msg_free(m);
    return err;
}

enum err store_now_query(struct store *s, struct store_request *r, struct store_answer *a,
                         struct msg **page)
{
    struct buf b = {0};
    msg_buf_begin(&b);
    struct msg *m = request_end(r);
    s->engine->query(s->db, msg_body(m), &b);
    msg_free(m);
    *page = msg_buf_end(&b, STORE_ANSWER);
    answer_read(a, msg_body(*page));
    return a->err;
}

/* ---- life */

static void join_lanes(struct store *s)
{
    lane_on(s->write, STORE_UNIT, on_unit, s);
    lane_on(s->write, STORE_AGAIN, on_again, s);
    lane_on(s->write, STORE_CHECKPOINTED, on_checkpointed, s);
    lane_on(s->read, STORE_QUERY, on_query, s);
    lane_on(s->check, STORE_CHECKPOINT_DUE, on_checkpoint_due, s);
    lane_on(s->check, STORE_SNAPSHOT_DUE, on_snapshot_due, s);
    timer_init(&s->recheck, on_recheck);
    s->hook.fn = turn_end;
    lane_on_turn_end(s->write, &s->hook);
}

enum err store_open(const struct store_config *cfg, struct store **out)
{
    struct store *s = NEW(struct store);
    s->engine = &store_sqlite;
    s->io = cfg->io;
    s->write = cfg->write;
    s->read = cfg->read;
    s->check = cfg->check;
    s->reserve_bytes = cfg->reserve_bytes;
    atomic_init(&s->healthy, true);
    atomic_init(&s->above_reserve, true);
    enum err err = s->engine->open(s->io, &s->db);
    if (err == OK) err = store_migrate(s->engine, s->db, store_migrations);
    if (err != OK) {
        store_close(s);
        return err;
    }
    join_lanes(s);
    *out = s;
    return OK;
}

void store_close(struct store *s)
{
    if (s == NULL) return;
    for (unsigned i = 0; i < 2; i++)
        for (struct msg *m; (m = dequeue(&s->queues[i])) != NULL;) msg_free(m);
    if (s->db) s->engine->close(s->db);
    free(s);
}
