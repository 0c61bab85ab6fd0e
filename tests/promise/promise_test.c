/* promise_test.c - a judge that sees nothing wrong in anything is no judge. */
#include "base/test.h"

#include <unistd.h>

#include "base/amqp.h"
#include "promise/judge.h"
#include "promise/payload.h"

/* One record as a hub stores it. */
struct stored {
    const char *id; /* of the device that it says it is from */
    unsigned device;
    uint64_t number;
    uint64_t ordinal;
    int64_t sequence;
};

static void put_record(struct buf *b, const struct stored *s)
{
    struct buf pairs = {0}, body = {0};
    amqp_put_sym(&pairs, "iothub-connection-device-id");
    amqp_put_string(&pairs, slice_str(s->id));
    payload_write(&body, s->device, s->number, 10);
    uint8_t *head = buf_reserve(b, RECORD_HEAD);
    memset(head, 0, RECORD_HEAD);
    buf_commit(b, RECORD_HEAD);
    buf_put_slice(b, buf_slice(&pairs));
    amqp_put_data(b, buf_slice(&body));
    uint8_t *frame = b->ptr;
    uint32_t size = (uint32_t)buf_size(b), pairs_len = (uint32_t)buf_size(&pairs);
    uint16_t pair_count = 1;
    memcpy(frame, &size, sizeof size);
    memcpy(frame + 46, &pair_count, sizeof pair_count);
    memcpy(frame + 48, &pairs_len, sizeof pairs_len);
    record_stamp(frame, s->ordinal, s->sequence, 1000);
    buf_free(&pairs);
    buf_free(&body);
}

static void show_record(struct judge *j, const struct stored *s, bool flip_a_bit)
{
    struct buf b = {0};
    struct record r;
    put_record(&b, s);
    if (flip_a_bit) b.ptr[b.len - 1] ^= 1;
    assert_int_equal(record_parse(buf_slice(&b), &r), OK);
    judge_record(j, &r);
    buf_free(&b);
}

/* Device "a" sent three and had two acknowledged; number 1 was in flight when a connection ended.
 * Device "b" sent one, and does not know what became of it. */
static void open_ledger(struct ledger *l)
{
    ledger_init(l, 2);
    strcpy(l->accounts[0].id, "a");
    l->accounts[0].sent = 3;
    l->accounts[0].acked = 2;
    account_unsettled(&l->accounts[0], 1, 2);
    strcpy(l->accounts[1].id, "b");
    l->accounts[1].sent = 1;
}

static void each_broken_promise_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct stored stored[4];
        unsigned count;
        bool flip_a_bit;
        uint64_t found[JUDGE_KINDS];
    } rows[] = {
        {"all is well", {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}}, 2, false, {0}},
        {"sent and not acknowledged",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}, {"a", 0, 2, 2, 2}, {"b", 1, 0, 3, 3}},
         4,
         false,
         {0}},
        {"stored again after a connection ended",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}, {"a", 0, 1, 2, 2}},
         3,
         false,
         {0}},
        {"lost", {{"a", 0, 0, 0, 0}}, 1, false, {[JUDGE_LOST] = 1}},
        {"twice without a reason",
         {{"a", 0, 0, 0, 0}, {"a", 0, 0, 1, 1}, {"a", 0, 1, 2, 2}},
         3,
         false,
         {[JUDGE_REPEATED] = 1}},
        {"more often than sent",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}, {"a", 0, 1, 2, 2}, {"a", 0, 1, 3, 3}},
         4,
         false,
         {[JUDGE_REPEATED] = 1}},
        {"out of order",
         {{"a", 0, 1, 0, 0}, {"a", 0, 0, 1, 1}},
         2,
         false,
         {[JUDGE_DISORDERED] = 2}},
        {"never sent",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}, {"b", 1, 1, 2, 2}},
         3,
         false,
         {[JUDGE_FOREIGN] = 1}},
        {"sent by somebody else",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 1}, {"a", 1, 0, 2, 2}},
         3,
         false,
         {[JUDGE_FOREIGN] = 1}},
        {"a gap in sequence numbers",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 1, 2}},
         2,
         false,
         {[JUDGE_DAMAGED] = 1}},
        {"a gap in ordinals",
         {{"a", 0, 0, 0, 0}, {"a", 0, 1, 2, 1}},
         2,
         false,
         {[JUDGE_DAMAGED] = 1}},
        /* Of a changed record both the checksum and the body tell. */
        {"a changed byte", {{"b", 1, 0, 0, 0}}, 1, true, {2, 0, 0, 0, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger ledger;
        open_ledger(&ledger);
        struct judge j = {.ledger = &ledger};
        judge_begin(&j);
        judge_partition(&j);
        for (unsigned n = 0; n < rows[i].count; n++)
            show_record(&j, &rows[i].stored[n], rows[i].flip_a_bit);
        judge_end(&j);
        for (int kind = 0; kind < JUDGE_KINDS; kind++)
            if (j.found[kind] != rows[i].found[kind])
                fail_msg("%s: %s %u, not %u", rows[i].what, judge_kind_name((enum judge_kind)kind),
                         (unsigned)j.found[kind], (unsigned)rows[i].found[kind]);
        ledger_fini(&ledger);
    }
}

static void among_others_only_those_with_an_account_are_judged(void **state)
{
    (void)state;
    static const struct stored rows[] = {{"a", 0, 0, 0, 0}, {"x", 7, 9, 1, 1}, {"a", 1, 0, 2, 2}};
    for (int among_others = 0; among_others < 2; among_others++) {
        struct ledger ledger;
        open_ledger(&ledger);
        struct judge j = {.ledger = &ledger, .among_others = among_others};
        judge_begin(&j);
        judge_partition(&j);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) show_record(&j, &rows[i], false);
        judge_end(&j);
        assert_int_equal(j.found[JUDGE_FOREIGN], among_others ? 1 : 2);
        assert_int_equal(j.found[JUDGE_DAMAGED], 0);
        ledger_fini(&ledger);
    }
}

static void a_ledger_is_what_it_was_after_saving_and_loading(void **state)
{
    (void)state;
    char path[] = "/tmp/ledger-XXXXXX";
    struct ledger l, again;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    open_ledger(&l);
    account_unsettled(&l.accounts[0], 1, 3);
    assert_int_equal(ledger_save(&l, path), OK);
    assert_int_equal(ledger_load(&again, path), OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.accounts[0].id, "a");
    assert_int_equal(again.accounts[0].sent, 3);
    assert_int_equal(again.accounts[0].acked, 2);
    assert_int_equal(account_copies_max(&again.accounts[0], 0), 1);
    assert_int_equal(account_copies_max(&again.accounts[0], 1), 3);
    assert_int_equal(account_copies_max(&again.accounts[0], 2), 2);
    assert_int_equal(account_copies_max(&again.accounts[0], 3), 0);
    assert_int_equal(again.accounts[1].uncertain_count, 0);
    ledger_fini(&l);
    ledger_fini(&again);
    unlink(path);
}

static void a_damaged_ledger_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"a,0,1\n", "a,x,1,1\n", "a,100000,1,1\n", "a,0,1,1,2\n",
                                       "a,0,1,1,2-x\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[] = "/tmp/ledger-XXXXXX";
        struct ledger l;
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_true(write(fd, rows[i], strlen(rows[i])) > 0);
        close(fd);
        assert_int_equal(ledger_load(&l, path), ERR_CORRUPT);
        ledger_fini(&l);
        unlink(path);
    }
}

static void a_body_that_changed_is_told_from_one_that_nobody_made(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum err e;
    } rows[] = {
        {"3 1 4 bcde", OK},
        {"3 1 0 ", OK},
        {"3 1 4 bcdf", ERR_CORRUPT},
        {"3 1 4 bcd", ERR_CORRUPT},
        {"3 1 4 bcdef", ERR_CORRUPT},
        {"3 1", ERR_INVALID},
        {"hello", ERR_INVALID},
        {"", ERR_INVALID},
        {"{\"ts\":1234567890123456789,\"dev\":\"0000003\",\"seq\":\"0000000001\"}", OK},
        {"{\"ts\":1234567890123456789,\"dev\":\"000000x\",\"seq\":\"0000000001\"}", ERR_INVALID},
        {"{}", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t device = 0, number = 0;
        assert_int_equal(payload_read(slice_str(rows[i].body), &device, &number), rows[i].e);
        if (rows[i].e == OK) assert_true(device == 3 && number == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_promise_is_found),
        cmocka_unit_test(among_others_only_those_with_an_account_are_judged),
        cmocka_unit_test(a_ledger_is_what_it_was_after_saving_and_loading),
        cmocka_unit_test(a_damaged_ledger_is_refused),
        cmocka_unit_test(a_body_that_changed_is_told_from_one_that_nobody_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
