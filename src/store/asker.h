/* asker.h - asks a rig's store about things (contract.sql) and waits; for the tests of this folder. */
#ifndef STORE_ASKER_H
#define STORE_ASKER_H

#include "store/rig.h"

#include "store/contract_sql.h"

struct asker {
    struct store_wait wait;
    unsigned answers;
    enum err err;
    uint32_t statement;
};

static inline void note_answer(struct store_wait *w, struct store_answer *a)
{
    struct asker *asker = CONTAINER_OF(w, struct asker, wait);
    asker->answers++;
    asker->err = a->err;
    asker->statement = a->statement;
}

static inline void ask(struct rig *r, struct asker *asker, struct store_request *request)
{
    *asker = (struct asker){.wait.fn = note_answer};
    store_ask(r->store, rig_on(r->cores[0]), request, &asker->wait);
}

/* Asks and runs until the answer is there. */
static inline struct asker asked(struct rig *r, struct store_request *request)
{
    struct asker asker;
    ask(r, &asker, request);
    rig_run(r);
    assert_int_equal(asker.answers, 1);
    return asker;
}

static inline void add_number(struct store_request *u, int64_t id, int64_t number)
{
    store_add(u, &sql_test_insert_number, 1);
    store_put_int(u, "id", id);
    store_put_int(u, "number", number);
}

static inline void add_set(struct store_request *u, int64_t from, int64_t upto, int64_t number,
                           int32_t expected)
{
    store_add(u, &sql_test_set, expected);
    store_put_int(u, "from", from);
    store_put_int(u, "upto", upto);
    store_put_int(u, "number", number);
}

static inline void add_exists(struct store_request *u, int64_t id)
{
    store_add(u, &sql_test_exists, 1);
    store_put_int(u, "id", id);
}

static inline struct store_request unit(void)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    return u;
}

static inline enum err insert_number(struct rig *r, int64_t id, int64_t number)
{
    struct store_request u = unit();
    add_number(&u, id, number);
    return asked(r, &u).err;
}

/* The number of thing `id`; -1 when there is no such thing. */
static inline int64_t number_of(struct rig *r, int64_t id)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_test_get);
    store_put_int(&q, "id", id);
    assert_int_equal(store_now_query(r->store, &q, &a, &page), OK);
    int64_t number = store_next(&a) ? a.col[0].number : -1;
    assert_false(store_next(&a));
    msg_free(page);
    return number;
}

static inline int64_t count_things(struct rig *r)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_test_count);
    assert_int_equal(store_now_query(r->store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    int64_t count = a.col[0].number;
    msg_free(page);
    return count;
}

static inline void make_tables(struct rig *r)
{
    struct store_request u = unit();
    store_add(&u, &sql_test_make_tables, STORE_ANY);
    store_add(&u, &sql_test_make_pairs, STORE_ANY);
    assert_int_equal(store_now_unit(r->store, &u), OK);
}

static inline int set_up(void **state)
{
    struct rig *r = NEW(struct rig);
    rig_init(r, io_mem_new());
    make_tables(r);
    *state = r;
    return 0;
}

static inline int tear_down(void **state)
{
    rig_fini(*state);
    free(*state);
    return 0;
}

#endif
