/* digital_twin.c - the two verbs: reading, and reading to write. */
#include "hub/digital_twin/digital_twin.h"

#include "base/metrics.h"
#include "hub/digital_twin/document.h"
#include "hub/etag.h"

COUNTER(reads_total, "azimuth_digital_twin_reads_total", "Digital twins read by services");
COUNTER(updates_total, "azimuth_digital_twin_updates_total",
        "Updates of digital twins that services asked for");

static void drop(struct digital_twin_call *c)
{
    buf_free(&c->who);
    buf_free(&c->patch);
    buf_free(&c->if_match);
}

void digital_twin_forget(struct digital_twin_call *c)
{
    twin_forget(c->twins, &c->wait);
    drop(c);
}

static void answer(struct digital_twin_call *c, const struct digital_twin_answer *a)
{
    drop(c);
    c->fn(c, a);
}

static void answer_twin_error(struct digital_twin_call *c, const struct twin_answer *a)
{
    answer(c, &(struct digital_twin_answer){.status = a->status, .text = a->text});
}

static struct digital_twin_call *of(struct twin_wait *w)
{
    return CONTAINER_OF(w, struct digital_twin_call, wait);
}

/* What hub/twin writes is JSON. */
static const struct json *parse_twin(struct arena *a, struct slice body)
{
    struct json *twin;
    enum err e = json_parse(a, body, &twin);
    assert(e == OK);
    return twin;
}

/* ---- reading */

static void on_read(struct twin_wait *w, const struct twin_answer *a)
{
    struct arena arena = {0};
    struct buf json = {0};
    if (a->status != STATUS_OK) {
        answer_twin_error(of(w), a);
        return;
    }
    json_write(&json, document_view(&arena, parse_twin(&arena, a->body)));
    answer(of(w), &(struct digital_twin_answer){.etag = a->etag, .body = buf_slice(&json)});
    buf_free(&json);
    arena_free(&arena);
}

void digital_twin_get(struct twins *t, struct slice device_id, struct digital_twin_call *c)
{
    metric_inc(&reads_total);
    c->twins = t;
    c->who = c->patch = c->if_match = (struct buf){0};
    c->wait.fn = on_read;
    twin_get(t, device_id, &c->wait);
}

/* ---- updating: for a twin that was read, if it is still that one */

static void read_again(struct digital_twin_call *c);

static void on_written(struct twin_wait *w, const struct twin_answer *a)
{
    struct digital_twin_call *c = of(w);
    bool outrun = a->status == STATUS_PRECONDITION_FAILED;
    if (outrun && ++c->tries < DIGITAL_TWIN_TRIES)
        read_again(c);
    else if (a->status != STATUS_OK)
        answer_twin_error(c, a);
    else
        answer(c, &(struct digital_twin_answer){.etag = a->etag});
}

static void write(struct digital_twin_call *c, struct slice etag, const struct json *patch)
{
    struct buf json = {0};
    json_write(&json, patch);
    c->wait.fn = on_written;
    twin_write(c->twins, buf_slice(&c->who), TWIN_MERGE_DESIRED, etag, buf_slice(&json), &c->wait);
    buf_free(&json);
}

static void update(struct digital_twin_call *c, struct arena *arena, const struct twin_answer *a)
{
    struct json *ops, *patch;
    struct document_refusal why = {"InvalidDigitalTwinJsonPatch", "the body is not JSON"};
    enum err e = json_parse(arena, buf_slice(&c->patch), &ops);
    if (e == OK) e = document_patch(arena, parse_twin(arena, a->body), ops, &patch, &why);
    if (e != OK)
        answer(c, &(struct digital_twin_answer){.status = STATUS_ARGUMENT_INVALID,
                                                .error = why.error,
                                                .text = slice_str(why.text)});
    else if (patch)
        write(c, a->etag, patch);
    else
        answer(c, &(struct digital_twin_answer){.etag = a->etag}); /* it changes nothing */
}

/* The condition of who asks; what was read is the condition of the write. */
static bool is_wanted(const struct digital_twin_call *c, struct slice etag)
{
    return !c->has_match || etag_matches(buf_slice(&c->if_match), etag);
}

static void on_read_to_write(struct twin_wait *w, const struct twin_answer *a)
{
    struct arena arena = {0};
    if (a->status != STATUS_OK)
        answer_twin_error(of(w), a);
    else if (!is_wanted(of(w), a->etag))
        answer(of(w), &(struct digital_twin_answer){
                          .status = STATUS_PRECONDITION_FAILED,
                          .text = SLICE_LIT("the etag is not that of the digital twin")});
    else
        update(of(w), &arena, a);
    arena_free(&arena);
}

static void read_again(struct digital_twin_call *c)
{
    c->wait.fn = on_read_to_write;
    twin_get(c->twins, buf_slice(&c->who), &c->wait);
}

void digital_twin_update(struct twins *t, struct slice device_id, struct slice if_match,
                         struct slice patch, struct digital_twin_call *c)
{
    metric_inc(&updates_total);
    c->twins = t;
    c->who = c->patch = c->if_match = (struct buf){0};
    c->tries = 0;
    c->has_match = if_match.ptr != NULL;
    buf_put_slice(&c->who, device_id);
    buf_put_slice(&c->patch, patch);
    buf_put_slice(&c->if_match, if_match);
    read_again(c);
}

void digital_twin_put_method(struct buf *out, struct slice component, struct slice command)
{
    buf_put_slice(out, component);
    if (component.len) buf_put_u8(out, '*');
    buf_put_slice(out, command);
}
