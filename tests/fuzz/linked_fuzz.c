/* linked_fuzz.c - dps/linked.h: any document of a linked hub is refused, or becomes one that reads back the same,
 * with its key where it belongs; so is it taken from the store, measured and dropped. */
#include "base/say.h"
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

/* As a start takes it from the store: under its own name, and as what is said of our own hub. */
static void check_kept(const struct linked_hub *h, struct slice stored)
{
    static const char ours[] =
        "{\"connectionString\":\"HostName=hub.test;SharedAccessKeyName=p;SharedAccessKey=aaaa\"}";
    struct linked l = {.hub = own()};
    struct buf shown = {0};
    const struct slice ids[] = {dps_id_lower(&arena, h->name), SLICE_LIT(LINKED_OWN)};
    const struct slice documents[] = {stored, SLICE_LIT("{\"allocationWeight\":3}")};
    for (unsigned i = 0; i < 2; i++) {
        const struct group_row row = {.id_lower = ids[i],
                                      .document = documents[i],
                                      .etag = 1,
                                      .created_us = 2,
                                      .updated_us = 3};
        linked_apply(&l, &row);
        linked_measured(&l, h->name, 5000, 4);
        linked_apply(&l, &row); /* what was measured stays */
        const struct linked_hub *found = linked_find(&l, h->name);
        if (found) write(&shown, found, false);
        linked_apply(&l, &(struct group_row){.id_lower = ids[i]});
        assert(i || linked_find(&l, h->name) == NULL || linked_find(&l, h->name)->own);
    }
    assert(linked_find(&l, SLICE_LIT("hub.test"))->own);
    linked_apply(&l, &(struct group_row){.id_lower = SLICE_LIT("x"), .document = slice_str(ours)});
    assert(linked_find(&l, SLICE_LIT("x")) == NULL); /* it is our own name now */
    buf_free(&shown);
    linked_fini(&l);
}

void fuzz_one(struct slice input)
{
    struct json *doc;
    struct linked_hub h;
    say_level_max = SAY_ERROR;
    if (json_parse(&arena, input, &doc) == OK) {
        enum err e = linked_read(&arena, own(), doc, NULL, &h);
        assert(e == OK || e == ERR_INVALID);
        if (e == OK) {
            assert(h.weight <= LINKED_WEIGHT_MAX && h.latency_ms <= LINKED_LATENCY_MAX);
            check_round(&h);
            struct buf stored = {0};
            write(&stored, &h, true);
            if (!h.own) check_kept(&h, buf_slice(&stored));
            buf_free(&stored);
        }
    }
    arena_free(&arena);
}
