/* seek.c - places in all partitions of a stream, asked of the log. */
#include "archive/home.h"

static void on_sought(struct log_asker *a, const struct log_seek_done *done)
{
    struct archive_seek *s = CONTAINER_OF(a, struct archive_seek, asker);
    if (done->err != OK)
        s->err = done->err;
    else if (done->partition < s->count)
        s->at[done->partition] = done->ordinal;
    if (--s->left) return;
    log_ask_forget(&s->asker);
    s->fn(s, s->err);
}

/* Of a stream that is not there the log is asked all the same, so that the answer comes later. */
void archives_seek(struct archives *as, unsigned stream, enum log_where where, int64_t value,
                   struct archive_seek *s)
{
    struct log_seek_msg seek = {.stream = (uint16_t)stream, .where = where, .value = value};
    s->err = OK;
    s->count = log_partitions(as->cfg.log, stream);
    s->left = s->count ? s->count : 1;
    s->asker = (struct log_asker){.lane = as->cfg.lane, .log = as->cfg.log, .sought = on_sought};
    for (unsigned i = 0; i < s->left; i++) {
        seek.partition = (uint16_t)i;
        log_ask_seek(&s->asker, &seek);
    }
}

void archives_forget(struct archives *as, struct archive_seek *s)
{
    (void)as;
    log_ask_forget(&s->asker);
}
