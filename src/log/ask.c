/* ask.c - questions to the log, whose answers find who asked by his slot. */
#include "log/log.h"

/* ---- answers */

static void on_read_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct log_asker *a = slot_get(lane, m->to);
    struct log_read_done done;
    (void)ctx;
    memcpy(&done, m->body, sizeof done);
    if (a == NULL) {
        blob_drop(done.blob);
        return;
    }
    a->reading = false;
    a->read(a, &done);
}

static void on_seek_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct log_asker *a = slot_get(lane, m->to);
    struct log_seek_done done;
    (void)ctx;
    memcpy(&done, m->body, sizeof done);
    if (a) a->sought(a, &done);
}

/* The first who asks on a lane sees to it that answers are taken in there. */
static void listen(struct lane *lane)
{
    if (lane->handlers[LOG_READ_DONE].fn == on_read_done) return;
    lane_on(lane, LOG_READ_DONE, on_read_done, NULL);
    lane_on(lane, LOG_SEEK_DONE, on_seek_done, NULL);
}

/* ---- questions */

static void ask(struct log_asker *a, unsigned kind, const void *body, size_t len)
{
    struct msg *m = msg_new(kind, len);
    memcpy(m->body, body, len);
    if (a->slot.slot == 0) {
        listen(a->lane);
        a->slot = slot_new(a->lane, a);
    }
    post(a->lane, a->slot, log_addr(a->log), m);
}

void log_ask_read(struct log_asker *a, const struct log_read_msg *m)
{
    assert(a->read && !a->reading);
    a->reading = true;
    a->stream = m->stream;
    a->partition = m->partition;
    ask(a, LOG_READ, m, sizeof *m);
}

void log_ask_seek(struct log_asker *a, const struct log_seek_msg *m)
{
    assert(a->sought);
    ask(a, LOG_SEEK, m, sizeof *m);
}

void log_ask_ends(struct log_asker *a, unsigned stream, unsigned partition)
{
    const struct log_seek_msg m = {.stream = (uint16_t)stream, .partition = (uint16_t)partition};
    assert(a->sought);
    ask(a, LOG_ENDS, &m, sizeof m);
}

void log_ask_forget(struct log_asker *a)
{
    const struct log_cancel_msg cancel = {
        .stream = a->stream, .partition = a->partition, .reader = a->slot};
    if (a->slot.slot == 0) return;
    if (a->reading) ask(a, LOG_CANCEL, &cancel, sizeof cancel);
    a->reading = false;
    slot_free(a->lane, a->slot);
    a->slot = (struct addr){0};
}
