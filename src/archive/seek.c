/* seek.c - places in all partitions of a stream, asked of the log. */
#include "archive/home.h"

void seek_on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct archive_seek *s = slot_get(lane, m->to);
    struct log_seek_done done;
    (void)ctx;
    if (s == NULL) return;
    memcpy(&done, m->body, sizeof done);
    if (done.err != OK)
        s->err = done.err;
    else if (done.partition < s->count)
        s->at[done.partition] = done.ordinal;
    if (--s->left) return;
    slot_free(lane, s->slot);
    s->slot = (struct addr){0};
    s->fn(s, s->err);
}

static void ask(struct archives *as, const struct log_seek_msg *seek, struct archive_seek *s)
{
    struct msg *m = msg_new(LOG_SEEK, sizeof *seek);
    memcpy(m->body, seek, sizeof *seek);
    m->call = 0;
    post(as->cfg.lane, s->slot, log_addr(as->cfg.log), m);
}

/* Of a stream that is not there the log is asked all the same, so that the answer comes later. */
void archives_seek(struct archives *as, unsigned stream, enum log_where where, int64_t value,
                   struct archive_seek *s)
{
    struct log_seek_msg seek = {.stream = (uint16_t)stream, .where = where, .value = value};
    s->err = OK;
    s->count = log_partitions(as->cfg.log, stream);
    s->left = s->count ? s->count : 1;
    s->slot = slot_new(as->cfg.lane, s);
    for (unsigned i = 0; i < s->left; i++) {
        seek.partition = (uint16_t)i;
        ask(as, &seek, s);
    }
}

void archives_forget(struct archives *as, struct archive_seek *s)
{
    slot_free(as->cfg.lane, s->slot);
}
