/* linked_fuzz.c - dps/linked.h: any document of a linked hub is refused, or becomes one that reads back the same,
 * with its key where it belongs. */
#include "dps/linked.h"
#include "fuzz.h"
#include "hub/hub.h"

static struct arena arena;

static const struct hub *own(void)
{
    static struct hub hub;
    if (hub.host_count == 0) assert(hub_add_host(&hub, SLICE_LIT("hub.test")) == OK);
    return &hub;
}

static void write(struct buf *out, const struct linked_hub *h, bool stored)
{
    buf_clear(out);
    linked_write(out, h, stored);
}

/* What is stored is read at the next start; what is shown may be put back. */
static void check_round(const struct linked_hub *h)
{
    struct buf once = {0}, again = {0};
    for (int stored = 0; stored < 2; stored++) {
        struct linked_hub second;
        struct json *doc;
        write(&once, h, stored);
        enum err e = json_parse(&arena, buf_slice(&once), &doc);
        assert(e == OK);
        e = linked_read(&arena, own(), doc, stored ? NULL : h, &second);
        assert(e == OK);
        write(&once, h, true);
        write(&again, &second, true);
        assert(slice_eq(buf_slice(&once), buf_slice(&again)));
    }
    buf_free(&once);
    buf_free(&again);
}

void fuzz_one(struct slice input)
{
    struct json *doc;
    struct linked_hub h;
    if (json_parse(&arena, input, &doc) == OK) {
        enum err e = linked_read(&arena, own(), doc, NULL, &h);
        assert(e == OK || e == ERR_INVALID);
        if (e == OK) {
            assert(h.weight <= LINKED_WEIGHT_MAX && h.latency_ms <= LINKED_LATENCY_MAX);
            check_round(&h);
        }
    }
    arena_free(&arena);
}
