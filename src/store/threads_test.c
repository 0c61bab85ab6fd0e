/* threads_test.c - the store on threads of its own, asked by two lanes at once; made for TSan. */
#include "base/test.h"

#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io_mem.h"
#include "base/say.h"
#include "post/thread.h"
#include "store/contract_sql.h"
#include "store/store.h"

enum { CORES = 2, UNITS = 3000, UNDER_WAY = 64, GO = POST_TEST };

/* Inserts UNITS things, UNDER_WAY at a time, and after each answer asks for a page. */
struct client {
    struct lane *lane;
    struct store *store;
    sem_t done;
    int64_t first_id, asked, inserted, pages;
    struct insert {
        struct store_wait wait;
        struct client *client;
    } inserts[UNDER_WAY];
    struct store_wait page;
    bool reading;
};

static void insert_next(struct client *c, struct insert *insert)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_insert_words, 1);
    store_put_int(&u, "id", c->first_id + c->asked++);
    store_put_text(&u, "words", SLICE_LIT("some words that take their place in a page"));
    store_ask(c->store, c->lane, &u, &insert->wait);
}

static void on_page(struct store_wait *w, struct store_answer *a)
{
    struct client *c = CONTAINER_OF(w, struct client, page);
    assert_int_equal(a->err, OK);
    c->reading = false;
    c->pages++;
}

static void read_page(struct client *c)
{
    if (c->reading) return;
    struct store_request q;
    store_begin_query(&q, &sql_test_page);
    store_put_int(&q, "after", c->first_id + c->inserted - 20);
    c->page.fn = on_page;
    c->reading = true;
    store_ask(c->store, c->lane, &q, &c->page);
}

static void on_inserted(struct store_wait *w, struct store_answer *a)
{
    struct insert *insert = CONTAINER_OF(w, struct insert, wait);
    struct client *c = insert->client;
    assert_int_equal(a->err, OK);
    c->inserted++;
    read_page(c);
    if (c->asked < UNITS) insert_next(c, insert);
    if (c->inserted == UNITS) sem_post(&c->done);
}

static void on_go(void *ctx, struct lane *lane, struct msg *m)
{
    struct client *c = ctx;
    (void)lane, (void)m;
    for (int i = 0; i < UNDER_WAY; i++) {
        c->inserts[i] = (struct insert){.wait.fn = on_inserted, .client = c};
        insert_next(c, &c->inserts[i]);
    }
}

static void make_tables(struct store *store)
{
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_make_tables, STORE_ANY);
    store_add(&u, &sql_test_make_pairs, STORE_ANY);
    assert_int_equal(store_now_unit(store, &u), OK);
}

static int64_t count_things(struct store *store)
{
    struct store_request q;
    struct store_answer a;
    struct msg *page;
    store_begin_query(&q, &sql_test_count);
    assert_int_equal(store_now_query(store, &q, &a, &page), OK);
    assert_true(store_next(&a));
    int64_t count = a.col[0].number;
    msg_free(page);
    return count;
}

static void run_clients(struct io *io)
{
    enum { WRITE, READ, CHECK, FIRST_CORE, LANES = FIRST_CORE + CORES };
    static struct lane lanes[LANES];
    static struct client clients[CORES];
    const char *const names[LANES] = {"store", "storeread", "storecheck", "core0", "core1"};
    struct office office = {0};
    struct lane_thread *threads[LANES];
    struct store *store;
    for (int i = 0; i < LANES; i++) lane_init(&lanes[i], &office, names[i]);
    struct store_config cfg = {
        .io = io, .write = &lanes[WRITE], .read = &lanes[READ], .check = &lanes[CHECK]};
    assert_int_equal(store_open(&cfg, &store), OK);
    make_tables(store);
    for (int i = 0; i < CORES; i++) {
        struct lane *core = &lanes[FIRST_CORE + i];
        clients[i] =
            (struct client){.lane = core, .store = store, .first_id = INT64_C(1000000) * i};
        sem_init(&clients[i].done, 0, 0);
        store_attach(core);
        lane_on(core, GO, on_go, &clients[i]);
    }
    for (int i = 0; i < LANES; i++) threads[i] = lane_thread_start(&lanes[i]);
    for (int i = 0; i < CORES; i++)
        post(&lanes[FIRST_CORE + i], (struct addr){0}, lane_addr(&lanes[FIRST_CORE + i]),
             msg_new(GO, 0));
    for (int i = 0; i < CORES; i++) sem_wait(&clients[i].done);
    for (int i = 0; i < LANES; i++) lane_thread_stop(threads[i]);
    for (int i = 0; i < CORES; i++) {
        assert_true(clients[i].pages > 0);
        sem_destroy(&clients[i].done);
    }
    assert_int_equal(count_things(store), CORES * UNITS);
    store_close(store);
    for (int i = 0; i < LANES; i++) lane_fini(&lanes[i]);
}

static void lanes_on_threads_share_a_store_in_memory(void **state)
{
    (void)state;
    struct io *io = io_mem_new();
    run_clients(io);
    io_free(io);
}

static void remove_entry(void *ctx, const char *name)
{
    assert_int_equal(io_remove(ctx, name), OK);
}

static void lanes_on_threads_share_a_store_on_disk(void **state)
{
    (void)state;
    struct io *io;
    char folder[] = "/tmp/store_test.XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(io_posix_new(folder, &io), OK);
    run_clients(io);
    assert_int_equal(io_list(io, "", remove_entry, io), OK);
    io_free(io);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_on_threads_share_a_store_in_memory),
        cmocka_unit_test(lanes_on_threads_share_a_store_on_disk),
    };
    say_level_max = SAY_WARN;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
