/* contract_test.c - what every engine behind store.h must do; with limits_test.c. */
#include "store/asker.h"

/* ---- units */

static void a_broken_constraint_undoes_the_whole_unit(void **state)
{
    struct rig *r = *state;
    assert_int_equal(insert_number(r, 2, 20), OK);
    struct store_request u = unit();
    add_number(&u, 1, 10);
    add_number(&u, 2, 21);
    add_number(&u, 3, 30);
    struct asker a = asked(r, &u);
    assert_int_equal(a.err, ERR_CONFLICT);
    assert_int_equal(a.statement, 1);
    assert_int_equal(number_of(r, 1), -1);
    assert_int_equal(number_of(r, 2), 20);
    assert_int_equal(number_of(r, 3), -1);
}

static void a_wrong_row_count_is_a_conflict(void **state)
{
    struct rig *r = *state;
    for (int64_t id = 1; id <= 3; id++) assert_int_equal(insert_number(r, id, 0), OK);
    const struct {
        int64_t from, upto;
        int32_t expected;
        enum err err;
    } rows[] = {
        {1, 1, 1, OK},           {1, 2, 1, ERR_CONFLICT}, {9, 9, 1, ERR_CONFLICT},
        {9, 9, 0, OK},           {1, 1, 0, ERR_CONFLICT}, {1, 3, 3, OK},
        {1, 3, 2, ERR_CONFLICT}, {1, 3, STORE_ANY, OK},   {9, 9, STORE_ANY, OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t before = number_of(r, 1), after = (int64_t)i + 100;
        struct store_request u = unit();
        add_set(&u, rows[i].from, rows[i].upto, after, rows[i].expected);
        assert_int_equal(asked(r, &u).err, rows[i].err);
        bool changes = rows[i].err == OK && rows[i].from == 1;
        assert_int_equal(number_of(r, 1), changes ? after : before);
    }
}

static void rows_that_come_back_are_counted(void **state)
{
    struct rig *r = *state;
    struct store_request u = unit();
    store_add(&u, &sql_test_put_returning, 1);
    store_put_int(&u, "id", 1);
    store_put_int(&u, "number", 5);
    add_exists(&u, 1);
    assert_int_equal(asked(r, &u).err, OK);
    u = unit();
    add_set(&u, 1, 1, 77, 1);
    add_exists(&u, 2);
    struct asker a = asked(r, &u);
    assert_int_equal(a.err, ERR_CONFLICT);
    assert_int_equal(a.statement, 1);
    assert_int_equal(number_of(r, 1), 5);
}

static void an_upsert_may_have_a_condition(void **state)
{
    struct rig *r = *state;
    const struct {
        int64_t number;
        enum err err;
    } rows[] = {{5, OK}, {6, OK}, {6, ERR_CONFLICT}, {3, ERR_CONFLICT}, {7, OK}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store_request u = unit();
        store_add(&u, &sql_test_put_newer, 1);
        store_put_int(&u, "number", rows[i].number); /* by name, in any order */
        store_put_int(&u, "id", 1);
        assert_int_equal(asked(r, &u).err, rows[i].err);
    }
    assert_int_equal(number_of(r, 1), 7);
}

static void a_unit_that_makes_no_sense_harms_no_other(void **state)
{
    struct rig *r = *state;
    struct asker before, nonsense, after;
    struct store_request u = unit();
    add_number(&u, 1, 1);
    ask(r, &before, &u);
    u = unit();
    store_add(&u, &sql_test_nonsense, STORE_ANY);
    store_put_int(&u, "id", 1);
    ask(r, &nonsense, &u);
    u = unit();
    add_number(&u, 2, 2);
    ask(r, &after, &u);
    rig_run(r);
    assert_int_equal(before.err, OK);
    assert_int_equal(nonsense.err, ERR_INVALID);
    assert_int_equal(after.err, OK);
    assert_true(store_healthy(r->store));
    assert_int_equal(count_things(r), 2);
}

static void units_happen_in_the_order_they_came(void **state)
{
    struct rig *r = *state;
    struct asker askers[9];
    assert_int_equal(insert_number(r, 1, 0), OK);
    for (int64_t digit = 1; digit <= 9; digit++) {
        struct store_request u = unit();
        store_add(&u, &sql_test_append_digit, 1);
        store_put_int(&u, "id", 1);
        store_put_int(&u, "digit", digit);
        ask(r, &askers[digit - 1], &u);
    }
    rig_run(r);
    assert_int_equal(number_of(r, 1), 123456789);
}

static void values_come_back_as_they_were(void **state)
{
    struct rig *r = *state;
    const struct store_value nothing = {.type = STORE_NULL};
    const struct {
        struct store_value number, words, bytes;
    } rows[] = {
        {nothing, nothing, nothing},
        {{.type = STORE_INT, .number = INT64_MIN},
         {.type = STORE_TEXT, .bytes = SLICE_LIT("")},
         {.type = STORE_BYTES, .bytes = SLICE_LIT("")}},
        {{.type = STORE_INT, .number = INT64_MAX},
         {.type = STORE_TEXT, .bytes = SLICE_LIT("gr\xc3\xbc\xc3\x9f dich")},
         {.type = STORE_BYTES, .bytes = SLICE_LIT("\0\xff\0")}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store_request u = unit();
        store_add(&u, &sql_test_insert, 1);
        store_put_int(&u, "id", (int64_t)i);
        if (rows[i].number.type)
            store_put_int(&u, "number", rows[i].number.number);
        else
            store_put_null(&u, "number");
        if (rows[i].words.type)
            store_put_text(&u, "words", rows[i].words.bytes);
        else
            store_put_null(&u, "words");
        if (rows[i].bytes.type)
            store_put_blob(&u, "bytes", rows[i].bytes.bytes);
        else
            store_put_null(&u, "bytes");
        assert_int_equal(asked(r, &u).err, OK);

        struct store_request q;
        struct store_answer a;
        struct msg *page;
        store_begin_query(&q, &sql_test_get);
        store_put_int(&q, "id", (int64_t)i);
        assert_int_equal(store_now_query(r->store, &q, &a, &page), OK);
        assert_true(store_next(&a));
        const struct store_value *expected[] = {&rows[i].number, &rows[i].words, &rows[i].bytes};
        for (int c = 0; c < 3; c++) {
            assert_int_equal(a.col[c].type, expected[c]->type);
            assert_int_equal(a.col[c].number, expected[c]->number);
            assert_true(slice_eq(a.col[c].bytes, expected[c]->bytes));
        }
        msg_free(page);
    }
}

static void what_was_acknowledged_is_there_after_a_restart(void **state)
{
    struct rig *r = *state;
    assert_int_equal(insert_number(r, 1, 42), OK);
    rig_restart(r);
    assert_int_equal(number_of(r, 1), 42);
    assert_int_equal(insert_number(r, 1, 43), ERR_CONFLICT);
}

/* ---- queries */

struct reader {
    struct store_wait wait;
    int64_t rows, last_id;
    unsigned pages;
    bool more;
    enum err err;
};

static void read_rows(struct store_wait *w, struct store_answer *a)
{
    struct reader *reader = CONTAINER_OF(w, struct reader, wait);
    reader->pages++;
    reader->err = a->err;
    reader->more = a->more;
    while (store_next(a)) {
        assert_true(a->col[0].number > reader->last_id);
        reader->last_id = a->col[0].number;
        reader->rows++;
    }
}

static void ask_page(struct rig *r, struct reader *reader)
{
    struct store_request q;
    store_begin_query(&q, &sql_test_page);
    store_put_int(&q, "after", reader->last_id);
    reader->wait.fn = read_rows;
    store_ask(r->store, rig_on(r->cores[0]), &q, &reader->wait);
}

static struct reader read_page(struct rig *r, int64_t after)
{
    struct reader reader = {.last_id = after};
    ask_page(r, &reader);
    rig_run(r);
    assert_int_equal(reader.pages, 1);
    assert_int_equal(reader.err, OK);
    return reader;
}

static void insert_many(struct rig *r, int64_t from, int64_t upto)
{
    while (from <= upto) {
        struct store_request u = unit();
        for (int i = 0; i < STORE_STATEMENTS_MAX && from <= upto; i++, from++)
            add_number(&u, from, from);
        assert_int_equal(asked(r, &u).err, OK);
    }
}

static void a_page_ends_after_its_most_rows(void **state)
{
    struct rig *r = *state;
    insert_many(r, 1, STORE_PAGE_ROWS_MAX);
    struct reader page = read_page(r, 0);
    assert_int_equal(page.rows, STORE_PAGE_ROWS_MAX);
    assert_false(page.more);
    insert_many(r, STORE_PAGE_ROWS_MAX + 1, STORE_PAGE_ROWS_MAX + 1);
    page = read_page(r, 0);
    assert_int_equal(page.rows, STORE_PAGE_ROWS_MAX);
    assert_true(page.more);
    page = read_page(r, page.last_id);
    assert_int_equal(page.rows, 1);
    assert_false(page.more);
}

static void insert_words(struct rig *r, int64_t id, size_t size)
{
    char *words = mem_zero(size);
    memset(words, 'x', size);
    struct store_request u = unit();
    store_add(&u, &sql_test_insert_words, 1);
    store_put_int(&u, "id", id);
    store_put_text(&u, "words", slice_of(words, size));
    assert_int_equal(asked(r, &u).err, OK);
    free(words);
}

static void a_page_ends_after_its_most_bytes(void **state)
{
    struct rig *r = *state;
    insert_words(r, 1, STORE_PAGE_BYTES_MAX);
    insert_words(r, 2, STORE_PAGE_BYTES_MAX / 2);
    insert_words(r, 3, STORE_PAGE_BYTES_MAX / 2);
    insert_words(r, 4, 1);
    struct reader page = read_page(r, 0);
    assert_int_equal(page.last_id, 1);
    assert_true(page.more);
    page = read_page(r, 1);
    assert_int_equal(page.last_id, 3);
    assert_true(page.more);
    page = read_page(r, 3);
    assert_int_equal(page.last_id, 4);
    assert_false(page.more);
}

static void a_query_sees_what_was_acknowledged_before_it(void **state)
{
    struct rig *r = *state;
    for (int64_t id = 1; id <= 20; id++) {
        assert_int_equal(insert_number(r, id, id), OK);
        assert_int_equal(read_page(r, 0).rows, id);
    }
}

static void a_query_that_makes_no_sense_is_invalid(void **state)
{
    struct rig *r = *state;
    struct store_request q;
    store_begin_query(&q, &sql_test_nonsense);
    store_put_int(&q, "id", 1);
    assert_int_equal(asked(r, &q).err, ERR_INVALID);
}

static void an_answer_finds_nobody_who_forgot(void **state)
{
    struct rig *r = *state;
    struct asker forgetful, other;
    struct store_request u = unit();
    add_number(&u, 1, 1);
    ask(r, &forgetful, &u);
    store_forget(r->cores[0], &forgetful.wait);
    u = unit();
    add_number(&u, 2, 2);
    ask(r, &other, &u); /* in the same slot, in its next life */
    rig_run(r);
    assert_int_equal(forgetful.answers, 0);
    assert_int_equal(other.answers, 1);
    assert_int_equal(count_things(r), 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_broken_constraint_undoes_the_whole_unit),
        CASE(a_wrong_row_count_is_a_conflict),
        CASE(rows_that_come_back_are_counted),
        CASE(an_upsert_may_have_a_condition),
        CASE(a_unit_that_makes_no_sense_harms_no_other),
        CASE(units_happen_in_the_order_they_came),
        CASE(values_come_back_as_they_were),
        CASE(what_was_acknowledged_is_there_after_a_restart),
        CASE(a_page_ends_after_its_most_rows),
        CASE(a_page_ends_after_its_most_bytes),
        CASE(a_query_sees_what_was_acknowledged_before_it),
        CASE(a_query_that_makes_no_sense_is_invalid),
        CASE(an_answer_finds_nobody_who_forgot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
