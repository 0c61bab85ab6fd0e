/* keeper.c - what was taken of the daily quota comes to the disk: each second, and when the server ends. */
#include "base/say.h"
#include "hub/throttle/quota.h"
#include "hub/throttle/throttle_sql.h"

static void put(struct quota *q, struct store_request *u)
{
    q->keeping = atomic_load_explicit(&q->taken, memory_order_relaxed);
    store_begin_unit(u, STORE_BULK);
    store_add(u, &sql_quota_put, 1);
    store_put_int(u, "day", (int64_t)(q->keeping >> QUOTA_DAY_SHIFT));
    store_put_int(u, "used", (int64_t)(q->keeping & QUOTA_MESSAGES_MASK));
}

static bool has_news(const struct quota *q)
{
    return atomic_load_explicit(&q->taken, memory_order_relaxed) != q->kept;
}

static void again(struct quota *q)
{
    timer_set(&q->lane->timers, &q->timer, clock_mono_us() + QUOTA_KEEP_US);
}

/* What was refused is written the next time. */
static void on_kept(struct store_wait *w, struct store_answer *a)
{
    struct quota *q = CONTAINER_OF(w, struct quota, wait);
    q->asks = false;
    if (a->err == OK) q->kept = q->keeping;
    again(q);
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct quota *q = CONTAINER_OF(t, struct quota, timer);
    struct store_request u;
    (void)now_us;
    quota_show(q);
    if (!has_news(q)) {
        again(q);
        return;
    }
    put(q, &u);
    q->wait.fn = on_kept;
    q->asks = true;
    store_ask(q->store, q->lane, &u, &q->wait);
}

enum err quota_open(struct quota *q, struct store *s, struct lane *lane)
{
    struct store_request r;
    struct store_answer a;
    struct msg *page;
    if (q == NULL) return OK;
    store_begin_query(&r, &sql_quota_get);
    TRY(store_now_query(s, &r, &a, &page));
    if (store_next(&a))
        q->kept = (uint64_t)a.col[0].number << QUOTA_DAY_SHIFT | (uint64_t)a.col[1].number;
    msg_free(page);
    atomic_store_explicit(&q->taken, q->kept, memory_order_relaxed);
    q->store = s;
    q->lane = lane;
    timer_init(&q->timer, on_timer);
    timer_set(&lane->timers, &q->timer, clock_mono_us());
    return OK;
}

void quota_close(struct quota *q)
{
    struct store_request u;
    if (q == NULL || q->store == NULL) return;
    timer_stop(&q->timer);
    if (q->asks) store_forget(q->lane, &q->wait);
    if (!has_news(q)) return;
    put(q, &u);
    if (store_now_unit(q->store, &u) == OK) return;
    say_warn("quota.lost", "reason=\"%s\" note=\"some of today's messages will not be counted\"",
             fail_text());
}
