/* replay_target.c - see replay_target.h. */
#include "cli/replay_target.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/partition.h"
#include "base/text.h"

/* ---- groups */

static struct replay_group *group_new(struct replay_target *t, struct slice name)
{
    struct replay_group *g = NEW(struct replay_group);
    buf_put_slice(&g->name, name);
    list_init(&g->flight);
    list_push(&t->groups, &g->node);
    t->group_count++;
    return g;
}

static void batch_free(struct replay_batch *b)
{
    buf_free(&b->bytes);
    free(b->places);
}

static void group_free(struct replay_group *g)
{
    batch_free(&g->filling);
    batch_free(&g->flying);
    buf_free(&g->name);
    free(g);
}

/* Elsewhere and of devices there may be more than can be kept: one with nothing to do goes. */
static bool drop_idle_group(struct replay_target *t)
{
    for (struct list *node = t->groups.next; node != &t->groups; node = node->next) {
        struct replay_group *g = CONTAINER_OF(node, struct replay_group, node);
        if (g->filling.events || list_linked(&g->flight) || buf_size(&g->name) == 0) continue;
        if (g->link) {
            g->link->user = NULL;
            amqp_send_detach(g->link, NULL);
        }
        map_remove(&t->by_name, buf_slice(&g->name));
        list_remove(&g->node);
        group_free(g);
        t->group_count--;
        return true;
    }
    return false;
}

static struct replay_group *named_group(struct replay_target *t, struct slice name)
{
    struct replay_group *g = map_get(&t->by_name, name);
    if (g) return g;
    if (t->group_count >= REPLAY_BATCHES_MAX && !drop_idle_group(t)) return NULL;
    g = group_new(t, name);
    map_put(&t->by_name, buf_slice(&g->name), g);
    return g;
}

/* NULL: there are too many now. */
static struct replay_group *group_of(struct replay_target *t, const struct replay_event *e)
{
    struct slice key = t->devices ? e->head.device : replay_event_key(e);
    if (!t->devices && t->partitions) {
        unsigned at = key.ptr ? key_partition(key, t->partitions) : t->partitions;
        if (t->by_partition[at] == NULL) t->by_partition[at] = group_new(t, SLICE_NONE);
        return t->by_partition[at];
    }
    if (t->devices && e->head.module.len) {
        buf_clear(&t->scratch);
        buf_printf(&t->scratch, "%.*s/%.*s", SLICE_ARG(key), SLICE_ARG(e->head.module));
        key = buf_slice(&t->scratch);
    }
    return named_group(t, key);
}

/* ---- filling */

static void note_place(struct replay_batch *b, const struct replay_head *h)
{
    for (unsigned i = b->place_count; i-- > 0;)
        if (b->places[i].lane == h->lane) return; /* an earlier one is there */
    if (b->place_count == b->place_cap) {
        b->place_cap = b->place_cap ? 2 * b->place_cap : 8;
        b->places = mem_grow(b->places, b->place_cap * sizeof *b->places);
    }
    b->places[b->place_count++] = (struct replay_place){h->lane, h->index};
}

static void refuse(struct replay_target *t, unsigned events, struct slice name, struct slice why)
{
    if (t->refused == 0)
        snprintf(t->why, sizeof t->why, "%.*s: %.*s", SLICE_ARG(slice_head(name, 80)),
                 SLICE_ARG(slice_head(why, 160)));
    t->refused += events;
}

static bool is_full(const struct replay_target *t, const struct replay_batch *b)
{
    return buf_size(&b->bytes) >= REPLAY_BATCH_BYTES ||
           (t->devices && b->events >= REPLAY_BATCH_EVENTS);
}

static size_t size_of(const struct replay_event *e)
{
    enum { REST = 512 }; /* marks, headers */
    return buf_size(&e->annotations) + buf_size(&e->properties) + buf_size(&e->application) +
           buf_size(&e->body) + e->head.device.len + REST;
}

/* A data section with the message in it, whose length is not known before. */
static void put_event(struct replay_target *t, struct replay_batch *b, const struct replay_event *e)
{
    size_t before = b->bytes.len;
    buf_put(&b->bytes, "\x00\x53\x75\xb0\0\0\0\0", 8);
    size_t start = b->bytes.len;
    replay_event_put(&b->bytes, e, t->mark, t->devices);
    uint32_t len = __builtin_bswap32((uint32_t)(b->bytes.len - start));
    memcpy(b->bytes.ptr + start - sizeof len, &len, sizeof len);
    b->events++;
    t->held += b->bytes.len - before;
}

/* The target may take less: an event hub of Azure's Basic tier a quarter. */
static size_t most_of(const struct replay_target *t)
{
    enum { ENVELOPE = 1024 };
    uint64_t said = t->link ? t->link->max_message_size : 0;
    return said > ENVELOPE ? MIN(REPLAY_EVENT_MAX, (size_t)said - ENVELOPE) : REPLAY_EVENT_MAX;
}

/* What is full waits to be sent; while another batch of its group is on its way, to an event hub, it grows on. */
static bool has_room(const struct replay_target *t, const struct replay_group *g, size_t size,
                     size_t most)
{
    bool waits = list_linked(&g->flight) && !t->devices;
    if (t->held + size > REPLAY_HELD_MAX || (!waits && is_full(t, &g->filling))) return false;
    return g->filling.events == 0 || buf_size(&g->filling.bytes) + size <= most;
}

enum err replay_target_put(struct replay_target *t, const struct replay_event *e)
{
    size_t most = most_of(t);
    if (size_of(e) > most) {
        refuse(t, 1, e->head.device.len ? e->head.device : SLICE_LIT("an event"),
               SLICE_LIT("it is larger than the target takes"));
        return OK;
    }
    struct replay_group *g = group_of(t, e);
    if (g == NULL) return ERR_AGAIN;
    if (g->refused) {
        t->refused++;
        return OK;
    }
    if (!has_room(t, g, size_of(e), most)) return ERR_AGAIN;
    put_event(t, &g->filling, e);
    note_place(&g->filling, &e->head);
    return OK;
}

/* ---- sending */

static enum err attach_device(struct replay_target *t, struct replay_group *g)
{
    struct buf address = {0};
    struct slice rest = buf_slice(&g->name), device;
    slice_split(&rest, '/', &device);
    buf_put_str(&address, "/devices/");
    text_percent(&address, device);
    if (rest.ptr) {
        buf_put_str(&address, "/modules/");
        text_percent(&address, rest);
    }
    buf_put_str(&address, "/messages/events");
    g->link = events_attach_sender(&t->events, buf_cstr(&address), g);
    buf_free(&address);
    return g->link ? OK : fail(ERR_FULL, "%s takes no more links", t->cfg.host);
}

static struct slice first_key(const struct replay_batch *b)
{
    struct cur c = cur_of(buf_slice(&b->bytes));
    struct amqp_value data, key;
    struct amqp_message m;
    struct slice whole;
    uint64_t code;
    if (amqp_next_section(&c, &code, &data, &whole) != OK ||
        amqp_message_parse(data.bytes, &m) != OK || m.annotations.type != AMQP_MAP ||
        !amqp_map_find(&m.annotations, "x-opt-partition-key", &key))
        return SLICE_NONE;
    return amqp_text(&key);
}

static void send_batch(struct replay_target *t, struct replay_group *g, struct amqp_link *l)
{
    struct slice key = t->devices ? SLICE_NONE : first_key(&g->flying);
    struct buf *out = amqp_transfer_begin(l, &(struct amqp_transfer){.format = AMQP_FORMAT_BATCH});
    if (key.ptr) {
        amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
        struct amqp_open map = amqp_open_map(out);
        amqp_put_sym(out, "x-opt-partition-key");
        amqp_put_string(out, key);
        amqp_close(out, map, 2);
    }
    buf_put_slice(out, buf_slice(&g->flying.bytes));
    g->delivery = amqp_transfer_end(l);
    list_push(&t->flying, &g->flight);
    t->sent += g->flying.events;
}

static enum err pump_group(struct replay_target *t, struct replay_group *g, bool all,
                           int64_t now_us)
{
    if (list_linked(&g->flight) || now_us < g->again_us) return OK;
    bool again = g->flying.events > 0;
    if (!again && (g->filling.events == 0 || (!all && !is_full(t, &g->filling)))) return OK;
    if (t->devices && g->link == NULL) TRY(attach_device(t, g));
    struct amqp_link *l = t->devices ? g->link : t->link;
    if (!amqp_can_send(l)) return OK;
    if (!again) {
        struct replay_batch empty = g->flying;
        g->flying = g->filling;
        g->filling = empty;
    }
    send_batch(t, g, l);
    return OK;
}

/* What is on its way makes room when it arrives: meanwhile batches fill. */
bool replay_target_hurries(const struct replay_target *t)
{
    return list_empty(&t->flying) || t->held > REPLAY_HELD_MAX / 2;
}

enum err replay_target_pump(struct replay_target *t, bool all)
{
    int64_t now_us = clock_mono_us();
    if (!t->ready) return OK;
    for (struct list *node = t->groups.next, *next; node != &t->groups; node = next) {
        next = node->next;
        TRY(pump_group(t, CONTAINER_OF(node, struct replay_group, node), all, now_us));
    }
    return line_flush(&t->line);
}

/* ---- what becomes of it */

static void forget(struct replay_target *t, struct replay_batch *b)
{
    t->held -= buf_size(&b->bytes);
    buf_clear(&b->bytes);
    b->events = b->place_count = 0;
}

static bool is_busy(struct slice condition)
{
    return slice_is(condition, "com.microsoft:server-busy") ||
           slice_is(condition, "com.microsoft:device-container-throttled") ||
           slice_is(condition, "com.microsoft:timeout") || slice_is(condition, AMQP_INTERNAL_ERROR);
}

static enum err settled(struct replay_target *t, struct replay_group *g,
                        const struct amqp_disposition *d)
{
    list_remove(&g->flight);
    if (d->outcome == AMQP_ACCEPTED) {
        t->acked += g->flying.events;
        g->again_us = 0;
        forget(t, &g->flying);
        return OK;
    }
    if (d->outcome != AMQP_REJECTED || is_busy(d->error.condition)) {
        g->again_us = clock_mono_us() + REPLAY_BUSY_US;
        t->busy++;
        return OK;
    }
    if (!t->devices)
        return fail(ERR_INVALID, "%s refused %u events: %.*s (%.*s)", t->cfg.host, g->flying.events,
                    SLICE_ARG(d->error.description), SLICE_ARG(d->error.condition));
    refuse(t, g->flying.events, buf_slice(&g->name), d->error.description);
    forget(t, &g->flying);
    return OK;
}

static enum err on_settled(struct replay_target *t, const struct amqp_disposition *d)
{
    for (struct list *node = t->flying.next, *next; node != &t->flying; node = next) {
        struct replay_group *g = CONTAINER_OF(node, struct replay_group, flight);
        next = node->next;
        if (g->delivery - d->first <= d->last - d->first) TRY(settled(t, g, d));
    }
    return OK;
}

/* A device that is not there, or the whole event hub. */
static enum err on_refused(struct replay_target *t, const struct events_event *ev)
{
    struct replay_group *g = ev->sender;
    if (!t->devices)
        return fail(slice_is(ev->error.condition, AMQP_NOT_FOUND)      ? ERR_NOT_FOUND
                    : slice_is(ev->error.condition, AMQP_UNAUTHORIZED) ? ERR_DENIED
                                                                       : ERR_PROTOCOL,
                    "%s takes no events for '%s': %.*s (%.*s)", t->cfg.host, t->cfg.entity,
                    SLICE_ARG(ev->error.description), SLICE_ARG(ev->error.condition));
    if (list_linked(&g->flight)) list_remove(&g->flight);
    g->link = NULL;
    g->refused = true;
    refuse(t, g->flying.events + g->filling.events, buf_slice(&g->name), ev->error.description);
    forget(t, &g->flying);
    forget(t, &g->filling);
    return OK;
}

static enum err on_ready(struct replay_target *t, unsigned partitions)
{
    bool ours = strchr(t->events.identity, '/') != NULL;
    if (t->identity[0] && strcmp(t->identity, t->events.identity) != 0)
        return fail(ERR_CONFLICT, "%s is another one since the connection was lost", t->cfg.host);
    snprintf(t->identity, sizeof t->identity, "%s", t->events.identity);
    t->ready = true;
    if (t->devices) return OK;
    if (ours && t->by_partition == NULL) {
        t->partitions = partitions;
        t->by_partition = mem_zero((partitions + 1) * sizeof *t->by_partition);
    }
    t->link = events_attach_sender(&t->events, t->cfg.entity, t);
    return t->link ? OK : fail(ERR_FULL, "%s takes no links", t->cfg.host);
}

static enum err pull(struct replay_target *t)
{
    struct events_event ev;
    enum err e;
    while ((e = events_next(&t->events, &ev)) == OK) {
        switch (ev.kind) {
        case EVENTS_READY: TRY(on_ready(t, ev.count)); break;
        case EVENTS_SETTLED: TRY(on_settled(t, &ev.settled)); break;
        case EVENTS_REFUSED: TRY(on_refused(t, &ev)); break;
        default: return fail(ERR_UNSUPPORTED, "%s sends us elsewhere", t->cfg.host);
        }
    }
    return e == ERR_AGAIN ? OK : e;
}

enum err replay_target_turn(struct replay_target *t, short revents)
{
    int64_t now_us = clock_mono_us();
    struct slice bytes;
    enum err read = revents ? line_ready(&t->line, revents) : OK;
    while (line_next(&t->line, &bytes)) {
        events_feed(&t->events, bytes, now_us);
        TRY(pull(t));
    }
    if (now_us >= events_deadline(&t->events)) events_tick(&t->events, now_us);
    TRY(pull(t));
    TRY(line_flush(&t->line));
    return read;
}

int64_t replay_target_deadline(const struct replay_target *t)
{
    int64_t until = t->opened ? events_deadline(&t->events) : INT64_MAX;
    for (const struct list *node = t->groups.next; node != &t->groups; node = node->next) {
        const struct replay_group *g = CONTAINER_OF(node, const struct replay_group, node);
        if (g->again_us && g->flying.events && !list_linked(&g->flight))
            until = MIN(until, g->again_us);
    }
    return until;
}

/* ---- life */

enum err replay_target_open(struct replay_target *t)
{
    list_init(&t->groups);
    list_init(&t->flying);
    t->cfg.sends = true;
    return replay_target_reopen(t);
}

enum err replay_target_reopen(struct replay_target *t)
{
    TRY(line_open(&t->line, &t->to));
    t->cfg.out = &t->line.out;
    events_init(&t->events, &t->cfg, clock_mono_us());
    t->opened = true;
    return OK;
}

void replay_target_lost(struct replay_target *t)
{
    if (t->opened) events_fini(&t->events);
    line_close(&t->line);
    t->opened = t->ready = false;
    t->link = NULL;
    while (list_shift(&t->flying) != NULL) continue;
    for (struct list *node = t->groups.next; node != &t->groups; node = node->next)
        CONTAINER_OF(node, struct replay_group, node)->link = NULL;
}

void replay_target_close(struct replay_target *t)
{
    if (t->opened) {
        events_close(&t->events);
        (void)!line_flush(&t->line);
        events_fini(&t->events);
    }
    line_close(&t->line);
    for (struct list *node; (node = list_shift(&t->groups)) != NULL;)
        group_free(CONTAINER_OF(node, struct replay_group, node));
    map_free(&t->by_name);
    free(t->by_partition);
    buf_free(&t->scratch);
}

bool replay_target_idle(const struct replay_target *t)
{
    return t->held == 0;
}

static void floor_of(const struct replay_batch *b, int64_t *next, unsigned lanes)
{
    for (unsigned i = 0; i < b->place_count; i++) {
        const struct replay_place *p = &b->places[i];
        if (p->lane < lanes && (next[p->lane] < 0 || p->index < next[p->lane]))
            next[p->lane] = p->index;
    }
}

void replay_target_floor(const struct replay_target *t, int64_t *next, unsigned lanes)
{
    for (const struct list *node = t->groups.next; node != &t->groups; node = node->next) {
        const struct replay_group *g = CONTAINER_OF(node, const struct replay_group, node);
        floor_of(&g->flying, next, lanes);
        floor_of(&g->filling, next, lanes);
    }
}
