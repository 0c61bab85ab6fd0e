/* write.c - a write: may it, what does it say, the unit, and what follows when the store said yes. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "hub/etag.h"
#include "hub/twin/home.h"

COUNTER(reported_total, "azimuth_twin_reported_writes_total", "Reported properties written");
COUNTER(desired_total, "azimuth_twin_service_writes_total", "Tags and desired properties written");
COUNTER(conflicts_total, "azimuth_twin_conflicts_total",
        "Writes that found another twin in the store than home believed");

/* ---- before */

static enum status check(const struct op *op, const char **why)
{
    const struct twin *twin = op->entry->twin;
    char etag[TWIN_ETAG_LEN + 1];
    twin_etag(twin, etag);
    *why = "the etag is not that of the twin";
    if (op->ask.if_match.ptr && !etag_matches(op->ask.if_match, slice_str(etag)))
        return STATUS_PRECONDITION_FAILED;
    *why = "the version is not that of the reported properties";
    bool any = op->ask.verb != ASK_REPORT || op->ask.version == TWIN_ANY_VERSION;
    return any || op->ask.version == twin->reported_version ? STATUS_OK
                                                            : STATUS_PRECONDITION_FAILED;
}

/* On anything else than STATUS_OK fail_text() says why. */
static enum status read_change(struct arena *a, const struct ask *ask, struct twin_change *out)
{
    struct json *doc;
    if (json_parse(a, ask->json, &doc) != OK) return STATUS_DESERIALIZATION_ERROR;
    if (ask->verb == ASK_REPORT)
        *out = (struct twin_change){.reported = doc};
    else if (twin_change_read(a, ask->how, doc, out) != OK)
        return STATUS_ARGUMENT_INVALID;
    return STATUS_OK;
}

/* ---- after */

static void take_over(struct op *op)
{
    struct twin *before = op->entry->twin;
    struct twin_answer done = {.version = op->next->reported_version};
    op->entry->twin = NULL; /* twin_entry_set() would free what twin_tell_changed() needs */
    twin_entry_set(op->entry, op->next);
    op->next = NULL;
    metric_inc(op->ask.verb == ASK_REPORT ? &reported_total : &desired_total);
    if (op->ask.verb == ASK_REPORT)
        twin_op_answer(op, &done);
    else
        twin_op_answer_twin(op);
    if (buf_size(&op->desired)) twin_tell_changed(op, before);
    LIST_EACH(node, &op->entry->twins->listeners)
    {
        struct twin_listener *l = CONTAINER_OF(node, struct twin_listener, node);
        l->changed(l, op->entry->who);
    }
    free(before);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    if (a->err == ERR_CONFLICT) metric_inc(&conflicts_total);
    if (a->err == ERR_CONFLICT && !op->again) {
        twin_op_retry(op);
        return;
    }
    if (a->err == OK) twin_event_stored(op);
    if (a->err == OK)
        take_over(op);
    else
        twin_op_refuse_err(op, a->err);
    twin_op_end(op);
}

/* ---- the write */

static void ask_store(struct op *op)
{
    struct twins *t = op->entry->twins;
    bool bulk = op->ask.verb == ASK_WRITE && op->ask.how == TWIN_IMPORT;
    struct store_request u;
    store_begin_unit(&u, bulk ? STORE_BULK : STORE_INTERACTIVE);
    twin_put_write(&u, op->entry->who, slice_str(op->entry->generation), op->entry->twin, op->next);
    twin_history_add(op, &u);
    twin_event_add(op, &u);
    op->wait.fn = on_stored;
    store_ask(t->hub->store, t->lane, &u, &op->wait);
}

static enum status prepare(struct op *op, struct arena *a, struct twin_change *change)
{
    struct twin next;
    enum status status = read_change(a, &op->ask, change);
    if (status != STATUS_OK) return status;
    if (!change->tags && !change->desired && !change->reported && !change->configurations)
        return STATUS_OK;
    int64_t wall_us = clock_wall_us();
    enum err e = twin_change_apply(a, op->entry->twin, change, wall_us, &next);
    if (e == OK) e = twin_event_prepare(op, change, &next, wall_us);
    if (e != OK) return status_of_err(e);
    if (change->desired) twin_change_put_desired(&op->desired, change, &next);
    op->next = twin_copy(&next);
    return STATUS_OK;
}

void twin_op_write(struct op *op)
{
    struct arena arena = {0};
    struct twin_change change;
    const char *why;
    enum status status = check(op, &why);
    if (status == STATUS_OK) {
        status = prepare(op, &arena, &change);
        why = fail_text();
    }
    arena_free(&arena);
    if (op->next) {
        ask_store(op);
        return;
    }
    if (status == STATUS_OK)
        twin_op_answer_twin(op); /* it changes nothing */
    else
        twin_op_refuse(op, status, why);
    twin_op_end(op);
}
