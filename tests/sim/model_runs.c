/* model_runs.c - connections of one device, and the order in which the log has what came over them. */
#include "model_runs.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

static const char stem[] = "run ";

void model_runs_fini(struct model_runs *m)
{
    free(m->runs);
    free(m->messages);
}

/* ---- sending */

unsigned model_runs_connected(struct model_runs *m, int64_t since_us)
{
    m->runs = mem_grow(m->runs, (m->run_count + 1) * sizeof *m->runs);
    m->runs[m->run_count] = (struct model_run){.since_us = since_us, .connected_us = world.now_us};
    return m->run_count++;
}

void model_runs_taken(struct model_runs *m, unsigned run)
{
    m->runs[run].taken = true;
}

unsigned model_runs_sent(struct model_runs *m, unsigned run)
{
    m->messages = mem_grow(m->messages, (m->message_count + 1) * sizeof *m->messages);
    m->messages[m->message_count] = (struct run_message){.run = run, .late = m->runs[run].taken};
    return m->message_count++;
}

static void check_late(const struct model_runs *m, unsigned number, const char *what)
{
    if (m->messages[number].late)
        world_violated("%s: message %u is %s, and came over a connection that had been taken over",
                       m->who, number, what);
}

void model_runs_acked(struct model_runs *m, unsigned number)
{
    m->messages[number].acked = true;
    check_late(m, number, "acknowledged");
}

void model_runs_put_body(struct buf *out, unsigned number)
{
    buf_printf(out, "%s%u", stem, number);
}

/* ---- reading */

void model_runs_read(struct model_runs *m)
{
    for (unsigned i = 0; i < m->run_count; i++) m->runs[i].over = false;
    for (unsigned i = 0; i < m->message_count; i++) m->messages[i].seen = false;
    m->last_run = m->last_number = RUNS_NONE;
    m->newest_us = INT64_MIN;
}

static void run_begins(struct model_runs *m, unsigned run)
{
    struct model_run *r = &m->runs[run];
    if (m->last_run != RUNS_NONE) m->runs[m->last_run].over = true;
    if (r->over)
        world_violated("%s: what came over connection %u is on both sides of what came over %u",
                       m->who, run, m->last_run);
    if (r->connected_us < m->newest_us)
        world_violated(
            "%s: connection %u is older, and what came over it is behind what came over %u", m->who,
            run, m->last_run);
    m->newest_us = MAX(m->newest_us, r->since_us);
    m->last_run = run;
}

void model_runs_stored(struct model_runs *m, struct slice body)
{
    uint64_t number = 0;
    if (!slice_starts(body, slice_str(stem)) ||
        num_u64(slice_from(body, sizeof stem - 1), &number) != OK || number >= m->message_count) {
        world_violated("%s: nobody sent %.*s", m->who, SLICE_ARG(body));
        return;
    }
    struct run_message *message = &m->messages[number];
    if (message->seen) world_violated("%s: message %u is there twice", m->who, (unsigned)number);
    message->seen = true;
    check_late(m, (unsigned)number, "stored");
    if (message->run != m->last_run)
        run_begins(m, message->run);
    else if (number < m->last_number)
        world_violated("%s: message %u is behind %u", m->who, (unsigned)number, m->last_number);
    m->last_number = (unsigned)number;
}

void model_runs_read_all(const struct model_runs *m)
{
    for (unsigned i = 0; i < m->message_count; i++)
        if (m->messages[i].acked && !m->messages[i].seen)
            world_violated("%s: message %u was acknowledged, and is not there", m->who, i);
}
