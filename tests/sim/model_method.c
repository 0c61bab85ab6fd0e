/* model_method.c - calls, who saw them, and what their callers may hear. */
#include "model_method.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"

void model_method_init(struct model_method *m)
{
    *m = (struct model_method){0};
}

void model_method_fini(struct model_method *m)
{
    free(m->calls);
}

unsigned model_method_call(struct model_method *m, const char *device, int64_t latest_us)
{
    if (m->count == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 64;
        m->calls = mem_grow(m->calls, m->cap * sizeof *m->calls);
    }
    m->calls[m->count] = (struct method_call){.device = device, .latest_us = latest_us};
    return m->count++;
}

unsigned method_status(unsigned number)
{
    return 200 + number % 50;
}

int64_t method_result(unsigned number)
{
    return (int64_t)number * 7 + 1;
}

bool model_method_seen(struct model_method *m, const char *device, int64_t number)
{
    if (number < 0 || number >= m->count) {
        world_violated("%s: a call %" PRId64 " that nobody made", device, number);
        return false;
    }
    struct method_call *c = &m->calls[number];
    if (strcmp(c->device, device) != 0)
        world_violated("%s: call %" PRId64 " was for %s", device, number, c->device);
    if (++c->seen > 1) world_violated("%s: call %" PRId64 " came twice", device, number);
    return true;
}

void model_method_answered(struct model_method *m, unsigned number)
{
    m->calls[number].answered = true;
}

static void check_time(const struct method_call *c, unsigned number)
{
    if (world.now_us > c->latest_us)
        world_violated("%s: the caller of %u waited %.3f s too long", c->device, number,
                       (double)(world.now_us - c->latest_us) / 1e6);
}

void model_method_result(struct model_method *m, unsigned number, int64_t status, int64_t result)
{
    const struct method_call *c = &m->calls[number];
    check_time(c, number);
    if (!c->answered || status != (int64_t)method_status(number) || result != method_result(number))
        world_violated("%s: the caller of %u was told %" PRId64 ", %" PRId64
                       ", which the device did not answer",
                       c->device, number, status, result);
}

void model_method_failed(struct model_method *m, unsigned number, unsigned http)
{
    const struct method_call *c = &m->calls[number];
    check_time(c, number);
    if (http == 404 && c->seen)
        world_violated("%s: the caller of %u was told that it is not online, and it was called",
                       c->device, number);
    if (http < 500 && http != 404 && http != 429)
        world_violated("%s: the caller of %u was told %u", c->device, number, http);
}
