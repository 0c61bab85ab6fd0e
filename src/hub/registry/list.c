/* list.c - what concerns many devices: lists, counts, and the presence that their homes know.
 *
 *   list:  pages of identities from the store ─▶ every core says who of them is there ─▶ JSON
 *   count: every core says how many are there
 */
#include <stdlib.h>

#include "base/num.h"
#include "hub/registry/message.h"
#include "hub/registry/registry_sql.h"

struct list_op {
    struct op op;
    struct registry *registry;
    struct addr waiter, slot;
    struct store_wait wait;
    void (*finish)(struct list_op *o);
    unsigned top, count;
    unsigned cores_left;
    uint64_t connected;
    struct identity *items[REGISTRY_LIST_MAX];
    struct presence presences[REGISTRY_LIST_MAX];
};

/* The question has the ids of the list, one after the other: u8 length, bytes. */
struct presence_item {
    uint32_t index; /* in the question */
    struct presence presence;
};

struct presences_are {
    uint64_t connected; /* devices at this home */
    struct presence_item items[];
};

static void drop_list(struct op *op)
{
    struct list_op *o = CONTAINER_OF(op, struct list_op, op);
    for (unsigned i = 0; i < o->count; i++) identity_free(o->items[i]);
    slot_free(o->registry->lane, o->slot);
    free(o);
}

static void end(struct list_op *o, const struct registry_answer *a)
{
    answer_wait(o->registry, o->waiter, a);
    op_end(&o->op);
    drop_list(&o->op);
}

static void refuse(struct list_op *o, enum status status, const char *text)
{
    end(o, &(struct registry_answer){.status = status, .text = slice_str(text)});
}

static struct list_op *begin(struct registry *r, struct registry_wait *w)
{
    struct list_op *o = NEW(struct list_op);
    wait_begin(r, w);
    o->registry = r;
    o->waiter = w->slot;
    o->slot = slot_new(r->lane, o);
    op_begin(r, &o->op, drop_list);
    return o;
}

/* ---- presence */

static void ask_homes(struct list_op *o)
{
    struct registry *r = o->registry;
    o->cores_left = r->hub->core_count;
    for (unsigned core = 0; core < r->hub->core_count; core++) {
        struct buf ids = {0};
        msg_buf_begin(&ids);
        for (unsigned i = 0; i < o->count; i++) {
            buf_put_u8(&ids, (uint8_t)o->items[i]->device_id.len);
            buf_put_slice(&ids, o->items[i]->device_id);
        }
        struct addr home = {.lane = r->hub->cores[core]};
        post(r->lane, o->slot, home, msg_buf_end(&ids, REGISTRY_PRESENCES));
    }
}

/* At home: of the ids that it was asked for, those that it knows. */
static void on_presences(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry *r = ctx;
    struct cur ids = cur_of(msg_body(m));
    struct presences_are head = {.connected = r->presences.connected_count};
    struct buf reply = {0};
    msg_buf_begin(&reply);
    buf_put(&reply, &head, sizeof head);
    for (uint32_t index = 0; cur_left(&ids); index++) {
        struct presence_item item = {.index = index};
        item.presence = presence_of(&r->presences, cur_take(&ids, cur_u8(&ids)));
        if (item.presence.active_us) buf_put(&reply, &item, sizeof item);
    }
    post_reply(lane, m, msg_buf_end(&reply, REGISTRY_PRESENCES_ARE));
}

static void on_presences_are(void *ctx, struct lane *lane, struct msg *m)
{
    struct list_op *o = slot_get(lane, m->to);
    const struct presences_are *are = (const void *)m->body;
    (void)ctx;
    if (o == NULL) return;
    size_t count = (m->len - sizeof *are) / sizeof *are->items;
    o->connected += are->connected;
    for (size_t i = 0; i < count; i++) o->presences[are->items[i].index] = are->items[i].presence;
    if (--o->cores_left == 0) o->finish(o);
}

/* ---- lists */

static void finish_list(struct list_op *o)
{
    struct buf json = BUF_SECRET;
    buf_put_u8(&json, '[');
    for (unsigned i = 0; i < o->count; i++) {
        if (i) buf_put_u8(&json, ',');
        identity_write(&json, o->items[i], &o->presences[i]);
    }
    buf_put_u8(&json, ']');
    end(o, &(struct registry_answer){.body = buf_slice(&json)});
    buf_wipe(&json);
}

static enum err take_rows(struct list_op *o, struct store_answer *a)
{
    struct arena arena = {0};
    struct identity id;
    enum err err = a->err;
    while (err == OK && store_next(a)) {
        err = identity_of_row(&arena, a->col, &id);
        if (err == OK) o->items[o->count++] = identity_copy(&id);
    }
    arena_wipe(&arena);
    return err;
}

static void ask_page(struct list_op *o);

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct list_op *o = CONTAINER_OF(w, struct list_op, wait);
    enum err err = take_rows(o, a);
    if (err != OK)
        refuse(o, status_of_err(err), "the store does not answer");
    else if (a->more)
        ask_page(o);
    else
        ask_homes(o);
}

static void ask_page(struct list_op *o)
{
    struct store_request q;
    store_begin_query(&q, &sql_identity_page);
    store_put_text(&q, "after", o->count ? o->items[o->count - 1]->device_id : SLICE_LIT(""));
    store_put_int(&q, "top", o->top - o->count);
    o->wait.fn = on_page;
    store_ask(o->registry->hub->store, o->registry->lane, &q, &o->wait);
}

void registry_list(struct registry *r, unsigned top, struct registry_wait *w)
{
    struct list_op *o = begin(r, w);
    o->top = top ? top : REGISTRY_LIST_MAX;
    o->finish = finish_list;
    if (top > REGISTRY_LIST_MAX)
        refuse(o, STATUS_ARGUMENT_INVALID, "a list has at most 1000 devices");
    else
        ask_page(o);
}

/* ---- counts */

static void finish_connected(struct list_op *o)
{
    struct buf json = {0};
    buf_printf(&json, "{\"connectedDeviceCount\":%llu}", (unsigned long long)o->connected);
    end(o, &(struct registry_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

void registry_count_connected(struct registry *r, struct registry_wait *w)
{
    struct list_op *o = begin(r, w);
    o->finish = finish_connected;
    ask_homes(o);
}

static void on_counts(struct store_wait *w, struct store_answer *a)
{
    struct list_op *o = CONTAINER_OF(w, struct list_op, wait);
    struct buf json = {0};
    if (a->err != OK || !store_next(a)) {
        refuse(o, status_of_err(a->err), "the store does not answer");
        return;
    }
    long long all = a->col[0].number, disabled = a->col[1].number;
    buf_printf(&json,
               "{\"totalDeviceCount\":%lld,\"enabledDeviceCount\":%lld,"
               "\"disabledDeviceCount\":%lld}",
               all, all - disabled, disabled);
    end(o, &(struct registry_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

struct metric registry_devices = {.name = "azimuth_totalDeviceCount",
                                  .help = "Devices that are registered",
                                  .kind = METRIC_GAUGE};

__attribute__((constructor)) static void register_devices(void)
{
    metric_register(&registry_devices);
}

uint64_t registry_devices_now(void)
{
    return (uint64_t)MAX(metric_value(&registry_devices), 0);
}

enum err registry_meter(const struct hub *hub)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_identity_count_get);
    enum err e = store_now_query(hub->store, &q, &a, &page);
    if (e == OK && store_next(&a)) metric_set(&registry_devices, a.col[0].number);
    msg_free(page);
    return e;
}

void registry_count_devices(struct registry *r, struct registry_wait *w)
{
    struct store_request q;
    struct list_op *o = begin(r, w);
    store_begin_query(&q, &sql_identity_count_get);
    o->wait.fn = on_counts;
    store_ask(r->hub->store, r->lane, &q, &o->wait);
}

void list_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_PRESENCES, on_presences, r);
    lane_on(r->lane, REGISTRY_PRESENCES_ARE, on_presences_are, r);
}
