/* agreement.c - see agreement.h. */
#include "deliver/webhook/agreement.h"

#include <openssl/evp.h>

#include "base/num.h"
#include "base/say.h"
#include "deliver/webhook_sql.h"

void webhook_agreement_init(struct webhook_agreement *a, const struct deliver_place *place,
                            struct slice uri, struct slice schema)
{
    struct buf all = BUF_SECRET;
    unsigned len = sizeof a->to;
    *a = (struct webhook_agreement){.place = place};
    buf_printf(&all, "%.*s\n%.*s", SLICE_ARG(schema), SLICE_ARG(uri));
    int fine = EVP_Digest(all.ptr + all.off, buf_size(&all), a->to, &len, EVP_sha256(), NULL);
    assert(fine);
    buf_wipe(&all);
}

/* What is stored: the digest, and the rate if there is one. */
static void put_agreed(const struct webhook_agreement *a, struct buf *out)
{
    buf_put(out, a->to, sizeof a->to);
    if (a->rate) buf_printf(out, "%llu", (unsigned long long)a->rate);
}

static bool take_agreed(struct webhook_agreement *a, struct slice stored)
{
    if (stored.len < sizeof a->to || memcmp(stored.ptr, a->to, sizeof a->to) != 0) return false;
    struct slice rate = slice_from(stored, sizeof a->to);
    return rate.len == 0 || num_u64(rate, &a->rate) == OK;
}

static void ask(struct webhook_agreement *a, struct store_request *r,
                void (*fn)(struct store_wait *w, struct store_answer *answer))
{
    a->asking = true;
    a->wait.fn = fn;
    store_ask(a->place->hub->store, a->place->lane, r, &a->wait);
}

void webhook_agreement_forget(struct webhook_agreement *a)
{
    if (a->asking) store_forget(a->place->lane, &a->wait);
    a->asking = false;
}

/* ---- looking */

static void on_row(struct store_wait *w, struct store_answer *row)
{
    struct webhook_agreement *a = CONTAINER_OF(w, struct webhook_agreement, wait);
    bool agreed = row->err == OK && store_next(row) && row->col[0].number == a->place->since_us &&
                  take_agreed(a, row->col[1].bytes);
    a->asking = false;
    a->fn(a, agreed);
}

void webhook_agreement_look(struct webhook_agreement *a,
                            void (*fn)(struct webhook_agreement *a, bool agreed))
{
    struct store_request q;
    store_begin_query(&q, &sql_webhook_agreement_get);
    store_put_text(&q, "endpoint", slice_str(a->place->name));
    a->fn = fn;
    ask(a, &q, on_row);
}

/* ---- changing */

static void on_kept(struct store_wait *w, struct store_answer *answer)
{
    CONTAINER_OF(w, struct webhook_agreement, wait)->asking = false;
    if (answer->err != OK)
        say_warn("deliver.agreement_not_kept",
                 "why=%s next=\"the webhook is asked again after a restart\"",
                 err_name(answer->err));
}

void webhook_agreement_keep(struct webhook_agreement *a)
{
    struct store_request u;
    struct buf agreed = {0};
    if (a->asking) return; /* he asks twice */
    put_agreed(a, &agreed);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_webhook_agreement_put, 1);
    store_put_text(&u, "endpoint", slice_str(a->place->name));
    store_put_int(&u, "since_us", a->place->since_us);
    store_put_blob(&u, "agreed_to", buf_slice(&agreed));
    ask(a, &u, on_kept);
    buf_free(&agreed);
}

void webhook_agreement_drop(struct webhook_agreement *a)
{
    struct store_request u;
    webhook_agreement_forget(a);
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_webhook_agreement_delete, STORE_ANY);
    store_put_text(&u, "endpoint", slice_str(a->place->name));
    store_put_int(&u, "since_us", a->place->since_us);
    ask(a, &u, on_kept);
}
