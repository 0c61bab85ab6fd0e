/* whole_service.c - see whole_service.h. */
#include "whole_service.h"

static struct rig_conn *calls[WHOLE_CALLS_MAX];

/* It has been answered, once. */
static bool is_answered(struct rig_conn *c)
{
    struct work_answer a;
    unsigned count = 0;
    if (buf_size(&c->heard) == 0) return false;
    work.requests = 2; /* a second one would be seen */
    work.answers = 0;
    work.heads = 0;
    buf_put_slice(&work.wire.sent, buf_slice(&c->heard));
    while (work_next_answer(&a)) count += a.status >= 200;
    assert(count <= 1 && buf_size(&work.wire.sent) == 0);
    buf_clear(&c->heard);
    return count == 1;
}

void whole_service_collect(void)
{
    for (unsigned i = 0; i < WHOLE_CALLS_MAX; i++) {
        if (calls[i] == NULL) continue;
        if (!is_answered(calls[i])) {
            assert(!calls[i]->shut);
            continue;
        }
        rig_free(calls[i]);
        calls[i] = NULL;
    }
}

bool whole_service_waits(void)
{
    for (unsigned i = 0; i < WHOLE_CALLS_MAX; i++)
        if (calls[i]) return true;
    return false;
}

void whole_service_ask(struct slice line)
{
    struct slice head;
    struct buf text = {0};
    unsigned i = 0;
    while (i < WHOLE_CALLS_MAX && calls[i]) i++;
    if (i == WHOLE_CALLS_MAX) return;
    slice_split(&line, '|', &head);
    if (slice_starts(head, SLICE_LIT("HEAD"))) return;
    buf_printf(&text,
               "%.*s HTTP/1.1\r\nHost: hub.test\r\nIf-Match: *\r\nContent-Length: %zu\r\n\r\n",
               SLICE_ARG(head), line.len);
    buf_put_slice(&text, line);
    calls[i] = whole_dial(WHOLE_SOCKET);
    rig_say(calls[i], buf_slice(&text));
    buf_free(&text);
}
