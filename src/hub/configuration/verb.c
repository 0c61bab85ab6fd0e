/* verb.c - the verbs: to the first core with a question, back with the answer.  Changes happen there one
 * after the other. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/home.h"
#include "hub/etag.h"

LIMIT_REACHED(too_many, "configurations")
LIMIT_REACHED(too_many_calls, "configuration-calls")
COUNTER(changes_total, "azimuth_configuration_changes_total",
        "Configurations made, changed and deleted");
COUNTER(reads_total, "azimuth_configuration_reads_total",
        "Configurations and lists of them that services read");

/* ---- asking, on any core */

static void ask(struct configurations *c, enum ask_verb verb, struct slice id,
                struct slice if_match, struct slice json, struct configuration_wait *w)
{
    ON_LANE(c->lane);
    struct msg *m =
        msg_new(CONFIGURATION_ASK, sizeof(struct ask_msg) + id.len + if_match.len + json.len);
    struct ask_msg *a = (void *)m->body;
    *a = (struct ask_msg){.verb = verb,
                          .has_match = if_match.ptr != NULL,
                          .id_len = (uint32_t)id.len,
                          .match_len = (uint32_t)if_match.len,
                          .json_len = (uint32_t)json.len};
    slice_copy(slice_copy(slice_copy(a->bytes, id), if_match), json);
    w->slot = slot_new(c->lane, w);
    post(c->lane, w->slot, (struct addr){.lane = c->hub->cores[0]}, m);
}

void configuration_put(struct configurations *c, struct slice id, struct slice if_match,
                       struct slice json, struct configuration_wait *w)
{
    ask(c, ASK_PUT, id, etag_of_put(if_match), json, w);
}

void configuration_delete(struct configurations *c, struct slice id, struct slice if_match,
                          struct configuration_wait *w)
{
    ask(c, ASK_DELETE, id, if_match, SLICE_NONE, w);
}

void configuration_get(struct configurations *c, struct slice id, struct configuration_wait *w)
{
    ask(c, ASK_GET, id, SLICE_NONE, SLICE_NONE, w);
}

void configuration_list(struct configurations *c, struct configuration_wait *w)
{
    ask(c, ASK_LIST, SLICE_NONE, SLICE_NONE, SLICE_NONE, w);
}

void configuration_test(struct configurations *c, struct slice json, struct configuration_wait *w)
{
    ask(c, ASK_TEST, SLICE_NONE, SLICE_NONE, json, w);
}

void configuration_apply(struct configurations *c, struct slice device_id, struct slice json,
                         struct configuration_wait *w)
{
    ask(c, ASK_APPLY, device_id, SLICE_NONE, json, w);
}

void configuration_forget(struct configurations *c, struct configuration_wait *w)
{
    slot_free(c->lane, w->slot);
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct configuration_wait *w = slot_get(lane, m->to);
    const struct done_msg *d = (const void *)m->body;
    const uint8_t *body = d->bytes + d->etag_len;
    if (w == NULL) return;
    configuration_forget(ctx, w);
    w->fn(w, &(struct configuration_answer){.status = d->status,
                                            .etag = slice_of(d->bytes, d->etag_len),
                                            .body = slice_of(body, d->body_len),
                                            .text = slice_of(body + d->body_len, d->text_len)});
}

/* ---- answers, from the first core */

static void reply(struct configurations *c, const struct msg *m,
                  const struct configuration_answer *a)
{
    struct msg *done = msg_new(CONFIGURATION_DONE,
                               sizeof(struct done_msg) + a->etag.len + a->body.len + a->text.len);
    struct done_msg *d = (void *)done->body;
    *d = (struct done_msg){.status = a->status,
                           .etag_len = (uint32_t)a->etag.len,
                           .body_len = (uint32_t)a->body.len,
                           .text_len = (uint32_t)a->text.len};
    slice_copy(slice_copy(slice_copy(d->bytes, a->etag), a->body), a->text);
    post_reply(c->lane, m, done);
}

static void op_free(struct op *op)
{
    list_remove(&op->node);
    op->configurations->op_count--;
    conf_item_free(op->next);
    conf_apply_free(op->apply);
    msg_free(op->m);
    free(op);
}

void conf_op_done(struct op *op, const struct configuration_answer *a)
{
    bool reads = op->verb == ASK_GET || op->verb == ASK_LIST;
    if (reads && a->status == STATUS_OK) metric_inc(&reads_total);
    reply(op->configurations, op->m, a);
    op_free(op);
}

void conf_op_refuse(struct op *op, enum status s, struct slice text)
{
    conf_op_done(op, &(struct configuration_answer){.status = s, .text = text});
}

static void refuse(struct op *op, enum status s, const char *text)
{
    conf_op_refuse(op, s, slice_str(text));
}

/* ---- changes */

static void next_change(struct configurations *c);
static void read_counts_of(struct op *op);

static void end_change(struct op *op)
{
    op->configurations->change = NULL;
}

static void answer_item(struct op *op, const struct item *it, const struct item_counts *counts)
{
    struct buf json = {0};
    char etag[ETAG_MAX + 1];
    etag_of_number((uint64_t)it->etag, etag);
    conf_item_write(&json, it, counts);
    conf_op_done(op,
                 &(struct configuration_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    buf_free(&json);
}

/* Labels, metrics and its version concern no twin; the content stays what it was. */
static bool concerns_twins(const struct item *old, const struct item *next)
{
    return old == NULL || next == NULL || old->priority != next->priority ||
           !slice_eq(old->target, next->target);
}

static void take_over(struct op *op)
{
    struct configurations *c = op->configurations;
    struct item *old = conf_items_find(c, op->id), *it = op->next;
    bool updates = old != NULL, sweeps = concerns_twins(old, it);
    metric_inc(&changes_total);
    op->next = NULL;
    if (it) conf_items_add(c, it);
    if (old) conf_items_remove(c, old);
    if (sweeps) conf_sweep_start(c, op->id);
    if (it && it->metric_count) conf_measure(c, it);
    if (it && updates)
        read_counts_of(op);
    else if (it)
        answer_item(op, it, &(struct item_counts){0});
    else
        conf_op_done(op, &(struct configuration_answer){0});
}

static void on_changed(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    struct configurations *c = op->configurations;
    end_change(op);
    if (a->err == OK)
        take_over(op);
    else
        refuse(op, status_of_err(a->err), "the store refuses the change");
    next_change(c);
}

static void ask_store(struct op *op, struct store_request *r,
                      void (*fn)(struct store_wait *w, struct store_answer *a))
{
    op->wait.fn = fn;
    store_ask(op->configurations->hub->store, op->configurations->lane, r, &op->wait);
}

static enum status check(const struct op *op, const struct item *old, const char **why)
{
    char etag[ETAG_MAX + 1];
    bool creates = op->verb == ASK_PUT && op->if_match.ptr == NULL;
    *why = "there is no such configuration";
    if (old == NULL && !creates) return STATUS_CONFIGURATION_NOT_FOUND;
    *why = "there is a configuration with that id";
    if (old && creates) return STATUS_CONFIGURATION_ALREADY_EXISTS;
    *why = "there are as many configurations as there may be";
    if (creates && op->configurations->item_count >= CONFIGURATIONS_MAX) {
        metric_inc(&too_many);
        return STATUS_CONFIGURATION_COUNT_LIMIT;
    }
    if (old == NULL || op->if_match.ptr == NULL) return STATUS_OK;
    etag_of_number((uint64_t)old->etag, etag);
    *why = "the etag is not that of the configuration";
    return etag_matches(op->if_match, slice_str(etag)) ? STATUS_OK : STATUS_PRECONDITION_FAILED;
}

static void begin_change(struct op *op)
{
    struct configurations *c = op->configurations;
    struct item *old = conf_items_find(c, op->id);
    struct store_request u;
    const char *why;
    enum status s = check(op, old, &why);
    if (s == STATUS_OK && op->verb == ASK_PUT) {
        s = conf_item_read(op->id, op->json, old, clock_wall_us(), &op->next);
        why = fail_text();
    }
    if (s != STATUS_OK) {
        refuse(op, s, why);
        return;
    }
    c->change = op;
    store_begin_unit(&u, STORE_INTERACTIVE);
    if (op->verb == ASK_PUT) {
        conf_item_put_write(&u, op->next, old);
    } else {
        store_add(&u, &sql_configuration_remove, 1);
        store_put_text(&u, "id", op->id);
    }
    ask_store(op, &u, on_changed);
}

static void next_change(struct configurations *c)
{
    while (c->change == NULL && !list_empty(&c->changes)) {
        struct op *op = CONTAINER_OF(list_take(&c->changes), struct op, node);
        list_push(&c->ops, &op->node);
        begin_change(op);
    }
}

/* ---- reading */

static void read_counts(struct store_answer *a, struct item_counts *out)
{
    *out = (struct item_counts){.targeted = a->col[1].number, .applied = a->col[2].number};
}

static void on_counts(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    struct item *it = conf_items_find(op->configurations, op->id);
    struct item_counts counts = {0};
    if (a->err == OK && store_next(a)) read_counts(a, &counts);
    if (it)
        answer_item(op, it, &counts);
    else
        refuse(op, STATUS_CONFIGURATION_NOT_FOUND, "there is no such configuration");
}

static bool id_less(const struct item *a, const struct item *b)
{
    return slice_cmp(a->id, b->id) < 0;
}

/* By id. */
static unsigned sorted_items(const struct configurations *c, const struct item **out)
{
    unsigned count = 0;
    LIST_EACH(node, &c->items)
    {
        const struct item *it = CONTAINER_OF(node, struct item, node);
        unsigned at = count++;
        for (; at && id_less(it, out[at - 1]); at--) out[at] = out[at - 1];
        out[at] = it;
    }
    return count;
}

/* One that an older server took, and that nobody could read in a list, does not hide the others. */
static bool may_be_listed(const struct item *it)
{
    if (json_levels(it->doc) <= ITEM_LEVELS_MAX) return true;
    say_warn("configuration.not_listed", "id=%.*s why=\"its JSON has too many levels for a list\"",
             SLICE_ARG(it->id));
    return false;
}

static void on_all_counts(struct store_wait *w, struct store_answer *a)
{
    struct op *op = CONTAINER_OF(w, struct op, wait);
    const struct item *items[CONFIGURATIONS_MAX];
    struct item_counts all[CONFIGURATIONS_MAX] = {0};
    unsigned count = sorted_items(op->configurations, items);
    struct buf json = {0};
    while (a->err == OK && store_next(a))
        for (unsigned i = 0; i < count; i++)
            if (slice_eq(items[i]->id, a->col[0].bytes)) read_counts(a, &all[i]);
    buf_put_u8(&json, '[');
    for (unsigned i = 0; i < count; i++) {
        if (!may_be_listed(items[i])) continue;
        if (buf_size(&json) > 1) buf_put_u8(&json, ',');
        conf_item_write(&json, items[i], &all[i]);
    }
    buf_put_u8(&json, ']');
    conf_op_done(op, &(struct configuration_answer){.body = buf_slice(&json)});
    buf_free(&json);
}

/* Every id is less than one "~". */
static void ask_counts(struct op *op, struct slice from, struct slice upto,
                       void (*fn)(struct store_wait *w, struct store_answer *a))
{
    struct store_request q;
    store_begin_query(&q, &sql_configuration_count);
    store_put_text(&q, "from", from);
    store_put_text(&q, "upto", upto);
    ask_store(op, &q, fn);
}

static void read_counts_of(struct op *op)
{
    ask_counts(op, op->id, op->id, on_counts);
}

static void begin_list(struct op *op)
{
    ask_counts(op, SLICE_LIT(""), SLICE_LIT("~"), on_all_counts);
}

/* With results of its metrics that are not old. */
static void begin_get(struct op *op)
{
    struct configurations *c = op->configurations;
    struct item *it = conf_items_find(c, op->id);
    if (it == NULL) {
        refuse(op, STATUS_CONFIGURATION_NOT_FOUND, "there is no such configuration");
    } else if (conf_measure_is_fresh(it)) {
        read_counts_of(op);
    } else {
        list_remove(&op->node);
        list_push(&c->unmeasured, &op->node);
        conf_measure(c, it);
    }
}

void conf_verb_measured(struct configurations *c, struct slice id)
{
    LIST_EACH(node, &c->unmeasured)
    {
        struct op *op = CONTAINER_OF(node, struct op, node);
        if (!slice_eq(op->id, id)) continue;
        list_remove(node);
        list_push(&c->ops, node);
        read_counts_of(op);
    }
}

/* ---- testing */

static void put_error(struct buf *out, const char *name, const char *text)
{
    text_json_string(out, slice_str(name));
    buf_put_u8(out, ':');
    if (text)
        text_json_untrusted(out, slice_str(text));
    else
        buf_put_str(out, "null");
}

/* A real hub takes "*" in a configuration and not here. */
static const char *target_error(struct arena *a, struct slice target)
{
    struct query *q;
    if (slice_is(slice_trim(target), "*")) return "a condition was expected, not *";
    if (slice_trim(target).len && query_target(a, target, &q) != OK) return fail_text();
    return NULL;
}

static void put_metric_errors(struct buf *out, struct arena *a, const struct json *queries)
{
    struct query *q;
    bool first = true;
    buf_put_str(out, ",\"customMetricQueryErrors\":{");
    for (const struct json *m = queries ? queries->child : NULL; m; m = m->next) {
        bool text = m->type == JSON_STRING;
        if (text && query_read(a, m->text, &q) == OK) continue;
        if (!first) buf_put_u8(out, ',');
        first = false;
        text_json_string(out, m->key);
        buf_put_u8(out, ':');
        text_json_untrusted(out, slice_str(text ? fail_text() : "a query must be a string"));
    }
    buf_put_str(out, "}}");
}

static void test(struct op *op)
{
    struct arena a = {0};
    struct json *doc;
    struct buf json = {0};
    if (json_parse(&a, op->json, &doc) != OK) {
        refuse(op, STATUS_DESERIALIZATION_ERROR, fail_text());
    } else {
        buf_put_u8(&json, '{');
        put_error(&json, "targetConditionError",
                  target_error(&a, json_str(doc, "targetCondition")));
        put_metric_errors(&json, &a, json_get(doc, "customMetricQueries"));
        conf_op_done(op, &(struct configuration_answer){.body = buf_slice(&json)});
    }
    buf_free(&json);
    arena_free(&a);
}

/* ---- asked */

static struct op *op_new(struct configurations *c, struct msg *m)
{
    const struct ask_msg *a = (const void *)m->body;
    struct op *op = NEW(struct op);
    msg_keep(m);
    op->configurations = c;
    op->m = m;
    op->verb = a->verb;
    op->id = slice_of(a->bytes, a->id_len);
    op->if_match = a->has_match ? slice_of(a->bytes + a->id_len, a->match_len) : SLICE_NONE;
    op->json = slice_of(a->bytes + a->id_len + a->match_len, a->json_len);
    c->op_count++;
    list_push(&c->ops, &op->node);
    return op;
}

static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct configurations *c = ctx;
    (void)lane;
    if (c->op_count >= CONFIGURATION_CALLS_MAX) {
        metric_inc(&too_many_calls);
        reply(c, m,
              &(struct configuration_answer){
                  .status = STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                  .text = SLICE_LIT("too many calls wait; try again later")});
        return;
    }
    struct op *op = op_new(c, m);
    switch (op->verb) {
    case ASK_PUT:
    case ASK_DELETE:
        list_remove(&op->node);
        list_push(&c->changes, &op->node);
        next_change(c);
        break;
    case ASK_GET: begin_get(op); break;
    case ASK_LIST: begin_list(op); break;
    case ASK_TEST: test(op); break;
    case ASK_APPLY: conf_apply_start(op); break;
    }
}

/* ---- life */

void conf_verb_join(struct configurations *c)
{
    list_init(&c->ops);
    list_init(&c->changes);
    list_init(&c->unmeasured);
    lane_on(c->lane, CONFIGURATION_ASK, on_ask, c);
    lane_on(c->lane, CONFIGURATION_DONE, on_done, c);
}

void conf_verb_leave(struct configurations *c)
{
    LIST_EACH(node, &c->ops) op_free(CONTAINER_OF(node, struct op, node));
    LIST_EACH(node, &c->unmeasured) op_free(CONTAINER_OF(node, struct op, node));
    LIST_EACH(node, &c->changes) op_free(CONTAINER_OF(node, struct op, node));
}
