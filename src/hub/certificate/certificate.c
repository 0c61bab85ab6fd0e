/* certificate.c - the copies and how they change.
 *
 *   any core ──CHANGE──▶ first core: queue, one at a time ──unit──▶ store
 *                            │ yes
 *                            ├──APPLY──▶ every core's copy ──APPLIED──▶ first core
 *   any core ◀──DONE─────────┘ when all have
 */
#include "hub/certificate/certificate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/say.h"
#include "hub/certificate/certificate_sql.h"
#include "hub/certificate/change.h"
#include "hub/certificate/row.h"
#include "hub/rollout.h"

LIMIT_REACHED(changes_refused, "certificate-changes")

enum certificate_kind {
    CERTIFICATE_CHANGE = HUB_CERTIFICATE, /* struct change -> CERTIFICATE_DONE */
    CERTIFICATE_DONE,                     /* struct done */
    CERTIFICATE_APPLY,                    /* struct certificate, or the name of one that went */
    CERTIFICATE_APPLIED,
};

struct done {
    enum err err;
    char text[]; /* ends with NUL */
};

struct certificates {
    const struct hub *hub;
    struct lane *lane;
    struct certificate_table table;
    /* on the first core: */
    struct rollout changes;    /* CERTIFICATE_CHANGE */
    struct certificate *after; /* what the one under way makes; NULL: nothing is left */
    struct store_wait wait;
};

/* ---- reading the copy */

const struct x509_cas *certificates_cas(const struct certificates *c)
{
    return c->table.cas;
}

const struct certificate *certificate_find(const struct certificates *c, struct slice name)
{
    return certificate_table_find(&c->table, name);
}

const struct certificate *certificate_at(const struct certificates *c, unsigned i)
{
    return i < c->table.count ? c->table.items[i] : NULL;
}

/* ---- on the first core */

static const struct change *change_of(const struct msg *m)
{
    return (const void *)m->body;
}

static void answer(struct certificates *c, const struct msg *m, enum err result)
{
    const char *text = result == OK ? "" : fail_text();
    struct msg *reply = msg_new(CERTIFICATE_DONE, sizeof(struct done) + strlen(text) + 1);
    struct done *done = (void *)reply->body;
    done->err = result;
    memcpy(done->text, text, strlen(text) + 1);
    post_reply(c->lane, m, reply);
}

static void start_first(struct certificates *c);

static void finish_first(struct certificates *c, enum err result)
{
    answer(c, c->changes.first, result);
    free(c->after);
    c->after = NULL;
    rollout_shift(&c->changes);
    start_first(c);
}

static void tell_cores(struct certificates *c)
{
    struct slice row = c->after ? slice_of(c->after, certificate_size(c->after))
                                : slice_str(change_of(c->changes.first)->name);
    rollout_tell(&c->changes, c->hub, c->lane, CERTIFICATE_APPLY, row);
}

static void on_applied(void *ctx, struct lane *lane, struct msg *m)
{
    struct certificates *c = ctx;
    (void)lane, (void)m;
    if (rollout_applied(&c->changes)) finish_first(c, OK);
}

static void say_change(const struct certificates *c)
{
    static const char *const names[] = {[CHANGE_PUT] = "certificate.put",
                                        [CHANGE_DELETE] = "certificate.deleted",
                                        [CHANGE_MAKE_CODE] = "certificate.code",
                                        [CHANGE_VERIFY] = "certificate.verified"};
    const struct change *change = change_of(c->changes.first);
    say_info(names[change->kind], "name=%s verified=%d thumbprint=%s", change->name,
             c->after && c->after->verified, c->after ? c->after->thumbprint : "");
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    struct certificates *c = CONTAINER_OF(w, struct certificates, wait);
    if (a->err != OK) {
        fail(a->err, "the store does not take it now");
        finish_first(c, a->err);
        return;
    }
    say_change(c);
    tell_cores(c);
}

static void start_first(struct certificates *c)
{
    const struct certificate *before;
    struct store_request u;
    if (c->changes.first == NULL) return;
    enum err e = certificate_decide(change_of(c->changes.first), &c->table, &before, &c->after);
    if (e != OK) {
        finish_first(c, e);
        return;
    }
    certificate_row_write(&u, before, c->after);
    c->wait.fn = on_stored;
    store_ask(c->hub->store, c->lane, &u, &c->wait);
}

static void on_change(void *ctx, struct lane *lane, struct msg *m)
{
    struct certificates *c = ctx;
    (void)lane;
    enum err e = rollout_add(&c->changes, m, CERTIFICATE_CHANGES_MAX);
    if (e != OK) {
        metric_inc(&changes_refused);
        answer(c, m, e);
    } else if (c->changes.waiting == 1) {
        start_first(c);
    }
}

/* ---- on every core */

static void on_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct certificates *c = ctx;
    if (m->len >= sizeof(struct certificate))
        certificate_table_put(&c->table, (const void *)m->body);
    else
        certificate_table_remove(&c->table, msg_body(m));
    post_reply(lane, m, msg_new(CERTIFICATE_APPLIED, 0));
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct certificate_wait *w = slot_get(lane, m->to);
    const struct done *done = (const void *)m->body;
    if (w == NULL) return;
    certificate_forget(ctx, w);
    w->fn(w, done->err, done->text);
}

void certificate_forget(struct certificates *c, struct certificate_wait *w)
{
    slot_free(c->lane, w->slot);
}

/* What is too long keeps one character too many, and a NUL becomes what no name has. */
static void copy_text(char *out, size_t cap, struct slice text)
{
    size_t len = MIN(text.len, cap - 1);
    assert(text.ptr || len == 0);
    for (size_t i = 0; i < len; i++) out[i] = (char)(text.ptr[i] ? text.ptr[i] : '?');
    out[len] = '\0';
}

static void ask_first_core(struct certificates *c, const struct change *head, struct slice name,
                           struct slice if_match, struct slice upload, struct certificate_wait *w)
{
    ON_LANE(c->lane);
    struct msg *m = msg_new(CERTIFICATE_CHANGE, sizeof *head + upload.len);
    struct change *change = (void *)m->body;
    *change = *head;
    change->has_if_match = if_match.ptr != NULL;
    change->upload_len = (uint32_t)upload.len;
    copy_text(change->name, sizeof change->name, name);
    copy_text(change->if_match, sizeof change->if_match, if_match);
    if (upload.len) memcpy(change->upload, upload.ptr, upload.len);
    w->slot = slot_new(c->lane, w);
    post(c->lane, w->slot, (struct addr){.lane = c->hub->cores[0]}, m);
}

void certificate_put(struct certificates *c, struct slice name, struct slice if_match,
                     struct slice upload, bool verified, struct certificate_wait *w)
{
    const struct change head = {.kind = CHANGE_PUT, .verified = verified};
    ask_first_core(c, &head, name, if_match, slice_head(upload, X509_UPLOAD_MAX + 1), w);
}

void certificate_delete(struct certificates *c, struct slice name, struct slice if_match,
                        struct certificate_wait *w)
{
    ask_first_core(c, &(struct change){.kind = CHANGE_DELETE}, name, if_match, SLICE_NONE, w);
}

void certificate_make_code(struct certificates *c, struct slice name, struct slice if_match,
                           struct certificate_wait *w)
{
    ask_first_core(c, &(struct change){.kind = CHANGE_MAKE_CODE}, name, if_match, SLICE_NONE, w);
}

void certificate_verify(struct certificates *c, struct slice name, struct slice if_match,
                        struct slice proof, struct certificate_wait *w)
{
    ask_first_core(c, &(struct change){.kind = CHANGE_VERIFY}, name, if_match,
                   slice_head(proof, X509_UPLOAD_MAX + 1), w);
}

/* ---- life */

static enum err load_page(struct certificates *c, char after[CERTIFICATE_NAME_MAX + 1], bool *more)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_certificate_page);
    store_put_text(&q, "after", slice_str(after));
    enum err e = store_now_query(c->hub->store, &q, &a, &page);
    while (e == OK && store_next(&a)) {
        struct certificate *row;
        snprintf(after, CERTIFICATE_NAME_MAX + 1, "%.*s", SLICE_ARG(a.col[0].bytes));
        e = certificate_row_read(a.col, &row);
        if (e != OK) break;
        certificate_table_put(&c->table, row);
        free(row);
    }
    *more = a.more;
    msg_free(page);
    return e;
}

static enum err load_all(struct certificates *c)
{
    char after[CERTIFICATE_NAME_MAX + 1] = "";
    bool more = true;
    while (more) TRY(load_page(c, after, &more));
    return OK;
}

enum err certificates_new(const struct hub *hub, struct lane *lane, struct certificates **out)
{
    struct certificates *c = NEW(struct certificates);
    c->hub = hub;
    c->lane = lane;
    certificate_table_init(&c->table);
    enum err e = load_all(c);
    if (e != OK) {
        certificates_free(c);
        return e;
    }
    lane_on(lane, CERTIFICATE_CHANGE, on_change, c);
    lane_on(lane, CERTIFICATE_DONE, on_done, c);
    lane_on(lane, CERTIFICATE_APPLY, on_apply, c);
    lane_on(lane, CERTIFICATE_APPLIED, on_applied, c);
    *out = c;
    return OK;
}

void certificates_free(struct certificates *c)
{
    if (c == NULL) return;
    rollout_free(&c->changes);
    free(c->after);
    certificate_table_fini(&c->table);
    free(c);
}
