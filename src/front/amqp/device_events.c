/* device_events.c - the telemetry link of a device or module: messages in, dispositions out.
 *
 * A transfer is one message, or in format 0x80013700 a batch whose data sections are messages.  It is
 * accepted once all of it is durable; a transfer that breaks a rule is rejected whole, before any of
 * it is stored.
 */
#include "base/clock.h"
#include "base/limit.h"
#include "front/amqp/device.h"

LIMIT_REACHED(too_many_messages, "amqp-batch")
COUNTER(rejected, "azimuth_amqp_telemetry_rejected_total", "AMQP transfers of devices rejected");

struct events_link {
    struct device_link device_link;
    struct addr slot;
    uint32_t unsettled; /* transfers with the log */
    enum err failed;    /* why an earlier message of the transfer under way was refused */
    struct list full;   /* in service->full */
    struct timer held;  /* runs: no credit until the throttle's turn has come */
};

/* A message of a transfer, read; in the service's scratch. */
struct taken {
    struct taken *next;
    struct envelope message;
};

/* Cookie of a stored message: the transfer's delivery id, and what it is in it. */
enum { MARK_LAST = 1, MARK_SETTLED = 2, MARK_BITS = 2 };

static struct events_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct events_link, device_link.base);
}

static struct peer_link *base_of(struct events_link *e)
{
    return &e->device_link.base;
}

/* ---- credit */

static void renew_credit(struct events_link *e)
{
    struct peer_link *l = base_of(e);
    struct amqp_service *service = l->peer->service;
    if (log_writer_full(service->telemetry.writer)) {
        if (!list_linked(&e->full)) list_push(&service->full, &e->full);
        return;
    }
    if (timer_active(&e->held) || l->link->credit + e->unsettled > AMQP_EVENTS_CREDIT / 2) return;
    amqp_send_flow(l->link, AMQP_EVENTS_CREDIT - e->unsettled, false);
}

/* Takes a transfer's messages; what comes next waits for credit.  false: refused. */
static bool take(struct events_link *e, unsigned count)
{
    struct amqp_service *service = base_of(e)->peer->service;
    int64_t wait_us = throttle_take_now(service->hub->throttle, THROTTLE_TELEMETRY, count);
    if (wait_us > 0) timer_set(&service->lane->timers, &e->held, clock_mono_us() + wait_us);
    return wait_us != THROTTLE_REFUSED;
}

/* Every message of a transfer counts by its size. */
static bool is_over_quota(struct events_link *e, const struct taken *first)
{
    struct quota *quota = base_of(e)->peer->service->hub->quota;
    uint64_t messages = 0;
    if (quota == NULL) return false;
    for (const struct taken *t = first; t; t = t->next)
        messages += quota_messages(quota, telemetry_size(&t->message));
    return !quota_take_messages(quota, messages);
}

static void on_turn(struct timer *t, int64_t now_us)
{
    struct events_link *e = CONTAINER_OF(t, struct events_link, held);
    (void)now_us;
    peer_touch(base_of(e)->peer);
    renew_credit(e);
}

void amqp_relief(struct amqp_service *s)
{
    for (struct list *node; (node = list_shift(&s->full)) != NULL;) {
        struct events_link *e = CONTAINER_OF(node, struct events_link, full);
        peer_touch(base_of(e)->peer);
        renew_credit(e);
    }
    event_senders_relief(s);
}

/* ---- settling */

static void settle(struct events_link *e, uint32_t id, bool settled, const struct amqp_error *no)
{
    if (no) metric_inc(&rejected);
    peer_settle(base_of(e), id, settled, no);
}

static enum status status_of_condition(const char *condition)
{
    static const struct {
        const char *condition;
        enum status status;
    } rows[] = {
        {AMQP_THROTTLED, STATUS_THROTTLING},
        {AMQP_RESOURCE_LIMIT, STATUS_QUOTA_EXCEEDED},
        {AMQP_MESSAGE_SIZE_EXCEEDED, STATUS_MESSAGE_TOO_LARGE},
        {AMQP_DECODE_ERROR, STATUS_ARGUMENT_INVALID},
        {AMQP_UNAUTHORIZED, STATUS_UNAUTHORIZED_ACCESS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(condition, rows[i].condition) == 0) return rows[i].status;
    return STATUS_SERVER_ERROR;
}

/* Described in JSON, as IoT Hub does: its number is what tells .NET one cause of a condition from another. */
static void reject(struct events_link *e, uint32_t id, bool settled, const char *condition,
                   const char *why)
{
    struct buf text = {0};
    status_put_json(&text, status_number(status_of_condition(condition)), slice_str(why));
    struct amqp_error no = amqp_error_of(condition, buf_cstr(&text));
    settle(e, id, settled, &no);
    buf_free(&text);
}

/* What the log said is why it is not stored. */
static void reject_unstored(struct events_link *e, uint32_t id, bool settled)
{
    if (e->failed == ERR_THROTTLED)
        reject(e, id, settled, AMQP_THROTTLED, "The hub takes no messages now.");
    else
        reject(e, id, settled, AMQP_INTERNAL_ERROR, "The message could not be stored.");
}

/* In the order of the messages: an error of an earlier one of its transfer is known by the last. */
static void on_stored(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct events_link *e = slot_get(core, who);
    if (e == NULL) return;
    if (result != OK && e->failed == OK) e->failed = result;
    if (!(cookie & MARK_LAST)) return;
    uint32_t id = (uint32_t)(cookie >> MARK_BITS);
    bool settled = cookie & MARK_SETTLED;
    peer_touch(base_of(e)->peer);
    e->unsettled--;
    if (e->failed == OK)
        settle(e, id, settled, NULL);
    else
        reject_unstored(e, id, settled);
    e->failed = OK;
    renew_credit(e);
}

/* ---- taking in */

static enum err read_message(struct amqp_service *s, struct slice bytes, struct envelope *out)
{
    struct amqp_message m;
    if (amqp_message_parse(bytes, &m) != OK) return fail(ERR_INVALID, "it is not an AMQP message");
    TRY(device_envelope(&m, &s->scratch, s->space, out));
    TRY(telemetry_check(out));
    size_t size = out->property_count * sizeof *out->properties;
    out->properties = arena_alloc(&s->scratch, size);
    if (size) memcpy(out->properties, s->space, size);
    return OK;
}

/* Reads all messages; every one of them can be stored. */
static enum err read_all(struct amqp_service *s, const struct amqp_delivery *d,
                         struct taken **first, unsigned *messages)
{
    struct cur c = cur_of(d->payload);
    struct slice bytes;
    unsigned count = 0;
    enum err e;
    arena_reset(&s->scratch);
    for (; (e = amqp_next_message(&c, d->format == AMQP_FORMAT_BATCH, &bytes)) == OK; count++) {
        if (count == AMQP_BATCH_MAX) {
            metric_inc(&too_many_messages);
            return fail(ERR_TOO_BIG, "more than %d messages in a batch", AMQP_BATCH_MAX);
        }
        *first = arena_zero(&s->scratch, sizeof **first);
        TRY(read_message(s, bytes, &(*first)->message));
        first = &(*first)->next;
    }
    if (e != ERR_NOT_FOUND) return fail(ERR_INVALID, "it is not a batch of AMQP messages");
    *messages = count;
    return count ? OK : fail(ERR_INVALID, "it has no message");
}

static void store_all(struct events_link *e, const struct amqp_delivery *d,
                      const struct taken *first)
{
    struct amqp_service *s = base_of(e)->peer->service;
    uint64_t cookie = (uint64_t)d->id << MARK_BITS | (d->settled ? MARK_SETTLED : 0);
    for (const struct taken *t = first; t; t = t->next) {
        if (t->next == NULL) cookie |= MARK_LAST;
        enum err err = telemetry_submit(&s->telemetry, &e->device_link.device->sender, &t->message,
                                        clock_wall_us(), on_stored, e->slot, cookie);
        assert(err == OK); /* it was checked */
        device_inject(e->device_link.device, &t->message);
    }
}

/* A fault that the device asked for lasts. */
static bool suffers(struct events_link *e, const struct amqp_delivery *d)
{
    const struct device *device = e->device_link.device;
    const char *condition =
        device_fault_condition(base_of(e)->peer->service, slice_str(device->session.who), false);
    if (condition == NULL) return false;
    reject(e, d->id, d->settled, condition, "A fault that the device asked for lasts.");
    renew_credit(e);
    return true;
}

static const char *condition_of(enum err why)
{
    switch (why) {
    case ERR_THROTTLED: return AMQP_THROTTLED;
    case ERR_FULL: return AMQP_RESOURCE_LIMIT;
    case ERR_TOO_BIG: return AMQP_MESSAGE_SIZE_EXCEEDED;
    default: return AMQP_DECODE_ERROR;
    }
}

static void turn_away(const struct events_link *e, unsigned count, enum err why)
{
    const struct device *device = e->device_link.device;
    const struct amqp_service *service = device->peer->service;
    telemetry_turned_away(HUB_AMQP, why == ERR_THROTTLED ? TELEMETRY_THROTTLED : TELEMETRY_REFUSED,
                          count);
    telemetry_diagnose(service->hub, service->lane, slice_str(device->session.who), HUB_AMQP, count,
                       why == ERR_THROTTLED ? STATUS_THROTTLING
                       : why == ERR_FULL    ? STATUS_QUOTA_EXCEEDED
                                            : status_of_err(why));
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct events_link *e = of(l);
    struct taken *first = NULL;
    unsigned count = 1; /* what cannot be read counts as one */
    device_active(e->device_link.device);
    if (suffers(e, d)) return;
    enum err err = read_all(l->peer->service, d, &first, &count);
    telemetry_arrived(HUB_AMQP, count);
    if (err == OK && !take(e, count))
        err = fail(ERR_THROTTLED, "The devices of the hub send too much; try again later.");
    if (err == OK && is_over_quota(e, first))
        err = fail(ERR_FULL, "The messages of the day are used up.");
    if (err != OK) {
        reject(e, d->id, d->settled, condition_of(err), fail_text());
        turn_away(e, count, err);
        renew_credit(e);
        return;
    }
    e->unsettled++;
    store_all(e, d, first);
    renew_credit(e);
}

/* ---- the link */

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    list_init(&of(l)->full);
    timer_init(&of(l)->held, on_turn);
    device_attach(l, ev);
}

static void on_ready(struct peer_link *l)
{
    struct events_link *e = of(l);
    e->slot = slot_new(l->peer->service->lane, e);
    amqp_answer_attach(l->link,
                       &(struct amqp_link_answer){.max_message_size = AMQP_EVENTS_MESSAGE_MAX});
    renew_credit(e);
}

static void on_detached(struct peer_link *l)
{
    struct events_link *e = of(l);
    if (e->slot.slot) slot_free(l->peer->service->lane, e->slot);
    timer_stop(&e->held);
    list_remove(&e->full);
    device_detached(l);
}

static bool owes(const struct peer_link *l)
{
    return CONTAINER_OF(l, const struct events_link, device_link.base)->unsettled > 0;
}

const struct node node_device_events = {
    .name = "device telemetry",
    .size = sizeof(struct events_link),
    .receiver = true,
    .of_device = true,
    .attach = on_attach,
    .ready = on_ready,
    .delivery = on_delivery,
    .owes = owes,
    .detached = on_detached,
};
