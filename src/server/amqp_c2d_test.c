/* amqp_c2d_test.c - messages to a device over AMQP, through a whole hub. */
#include "front/amqp/amqp.h"
#include "hub/c2d/c2d.h"
#include "server/amqp_client_test.h"

enum { IN = 2 }; /* the client's handle */

#define ADDRESS "/devices/d1/messages/devicebound"

static void attach_with(struct rig_conn *c, const char *modes, unsigned size)
{
    say(c, "0 attach[\"in\" %d true %s @40 [\"" ADDRESS "\"] @41 [\"me\"] null null null %ul]", IN,
        modes, size);
    assert_true(hears(c, "0 attach[\"in\""));
}

static void give_credit(struct rig_conn *c, unsigned credit)
{
    say(c, "0 flow[0 5000 1 5000 %d 0 %u]", IN, credit);
}

static struct rig_conn *c2d_client(const char *modes)
{
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    attach_with(c, modes, 0);
    give_credit(c, 1000);
    heard(c);
    return c;
}

static const char mixed[] = "2b 0b", second[] = "2b 1b", settled[] = "1b 0b";

/* ---- services */

static void on_sent(struct c2d_wait *w, const struct c2d_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static void send_to(const char *body)
{
    struct c2d_wait wait = {.fn = on_sent};
    struct c2d_draft draft = {.body = slice_str(body), .message_id = SLICE_LIT("m1")};
    lane_running = &rig.core;
    c2d_send(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &draft, &wait);
    rig_run(&rig);
}

/* ---- what comes */

static unsigned count(const char *lines, const char *words)
{
    unsigned found = 0;
    for (const char *at = lines; (at = strstr(at, words)) != NULL; at++) found++;
    return found;
}

/* The delivery's id; how often it was given back has to be `before`. */
static unsigned take_delivery(struct rig_conn *c, const char *body, unsigned before)
{
    char want[100];
    const char *lines = heard(c), *at = strstr(lines, "transfer[");
    unsigned handle, id = 0;
    if (at == NULL || sscanf(at, "transfer[%u %u ", &handle, &id) != 2) fail_msg("%s", lines);
    snprintf(want, sizeof want, "'iothub-deliverycount' %ub}", before);
    if (!strstr(at, want)) fail_msg("no %s in %s", want, at);
    snprintf(want, sizeof want, "@117 b\"%s\"\n", body);
    if (!strstr(at, want)) fail_msg("no %s in %s", want, at);
    return id;
}

static void dispose(struct rig_conn *c, unsigned id, bool is_settled, const char *state)
{
    say(c, "0 disposition[true %u %u %s %s]", id, id, is_settled ? "true" : "false", state);
}

/* The bytes of a lock token, as lines show them. */
static const char *tag_of(struct slice text)
{
    static char out[4 * C2D_TOKEN_LEN + 3];
    uint8_t token[C2D_TOKEN_LEN];
    char *at = out;
    assert_int_equal(c2d_token_read(text, token), OK);
    *at++ = '"';
    for (size_t i = 0; i < sizeof token; i++) {
        bool shown = token[i] >= ' ' && token[i] <= '~';
        at += sprintf(at, token[i] == 0 ? "\\0" : shown ? "%c" : "\\x%02x", token[i]);
    }
    strcpy(at, "\"");
    return out;
}

/* ---- cases */

static void a_message_has_its_lock_token_for_a_tag(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(mixed);
    send_to("hello");
    const char *lines = heard(c), *text = strstr(lines, "'x-opt-lock-token' \"");
    assert_non_null(text);
    assert_non_null(strstr(lines, tag_of(slice_of(strchr(text, '"') + 1, C2D_TOKEN_TEXT_LEN))));
    assert_non_null(strstr(lines, "'x-opt-sequence-number' "));
    assert_non_null(strstr(lines, "'iothub-enqueuedtime' "));
    assert_non_null(strstr(lines, "@115 [\"m1\" null \"/devices/d1/messages/deviceBound\""));
    rig_free(c);
}

/* Accepted and rejected take it from the queue; the others give it back. */
static void what_the_device_says_settles_it(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        bool comes_again;
    } rows[] = {
        {"@36 []", false}, {"@37 [@29 ['x' null null]]", false},
        {"@38 []", true},  {"@39 [true]", true},
        {"null", true},
    };
    struct rig_conn *c = c2d_client(mixed);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        send_to("once");
        unsigned id = take_delivery(c, "once", 0);
        dispose(c, id, true, rows[i].state);
        if (rows[i].comes_again) dispose(c, take_delivery(c, "once", 1), true, "@36 []");
        assert_string_equal(heard(c), "");
    }
    rig_wait(&rig, 2 * C2D_LOCK_US);
    assert_null(strstr(heard(c), "transfer"));
    rig_free(c);
}

/* .NET waits for our word, and has to hear that the lock was over. */
static void who_settles_second_is_answered_when_it_is_done(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(second);
    char want[100];
    send_to("a");
    unsigned id = take_delivery(c, "a", 0);
    dispose(c, id, false, "@36 []");
    snprintf(want, sizeof want, "disposition[false %u %u true @36 []", id, id);
    assert_true(hears(c, want));
    send_to("b");
    id = take_delivery(c, "b", 0);
    rig_wait(&rig, C2D_LOCK_US);
    rig_say(c, SLICE_NONE);
    unsigned again = take_delivery(c, "b", 0);
    dispose(c, id, false, "@36 []");
    snprintf(want, sizeof want, "disposition[false %u %u true @37 [@29 ['amqp:not-found'", id, id);
    assert_true(hears(c, want));
    dispose(c, again, false, "@35 [0 0l]"); /* received: nothing final yet */
    assert_string_equal(heard(c), "");
    dispose(c, again, false, "@38 []");
    take_delivery(c, "b", 1);
    rig_free(c);
}

static bool rejects(const char *lines, unsigned first, unsigned last)
{
    char want[100];
    snprintf(want, sizeof want, "disposition[false %u %u true @37 [@29 ['amqp:not-found'", first,
             last);
    return strstr(lines, want) != NULL;
}

/* b was completed before; the locks of a and c stand; after c there is nothing. */
static void of_a_range_each_message_is_answered(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(second);
    char want[100];
    send_to("a");
    unsigned a = take_delivery(c, "a", 0);
    send_to("b");
    unsigned b = take_delivery(c, "b", 0);
    send_to("c");
    assert_int_equal(take_delivery(c, "c", 0), b + 1);
    assert_int_equal(b, a + 1);
    dispose(c, b, false, "@36 []");
    snprintf(want, sizeof want, "disposition[false %u %u true @36 []", b, b);
    assert_true(hears(c, want));
    say(c, "0 disposition[true %u %u false @36 []]", a, b + 3);
    const char *lines = heard(c);
    assert_true(rejects(lines, b, b));
    assert_true(rejects(lines, b + 2, b + 3));
    for (unsigned id = a; id <= b + 1; id += 2) {
        snprintf(want, sizeof want, "disposition[false %u %u true @36 []", id, id);
        assert_int_equal(count(lines, want), 1);
    }
    assert_int_equal(count(lines, "disposition["), 4);
    rig_wait(&rig, 2 * C2D_LOCK_US);
    assert_null(strstr(heard(c), "transfer")); /* all three are done */
    rig_free(c);
}

static void a_link_that_is_sent_settled_completes(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(settled);
    send_to("a");
    take_delivery(c, "a", 0);
    say(c, "0 detach[%d true]", IN);
    heard(c);
    attach_with(c, mixed, 0);
    give_credit(c, 10);
    assert_null(strstr(heard(c), "transfer"));
    rig_free(c);
}

static void messages_wait_for_credit(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(mixed);
    give_credit(c, 1);
    for (int i = 0; i < 3; i++) send_to("a");
    assert_int_equal(count(heard(c), "transfer["), 1);
    give_credit(c, 1000);
    assert_int_equal(count(heard(c), "transfer["), 2);
    for (int i = 0; i < 20; i++) send_to("a"); /* C2D_WINDOW are under way */
    assert_int_equal(count(heard(c), "transfer["), C2D_WINDOW - 3);
    rig_free(c);
}

/* Without credit the locks end and the messages come again and again: one copy of each is kept. */
static void waiting_messages_are_kept_once(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(mixed);
    give_credit(c, 0);
    for (int i = 0; i < 3; i++) send_to("a");
    for (int i = 0; i < 5; i++) rig_wait(&rig, C2D_LOCK_US);
    give_credit(c, 1000);
    assert_int_equal(count(heard(c), "transfer["), 3);
    rig_free(c);
}

static void on_purged(struct c2d_wait *w, const struct c2d_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
    assert_int_equal(a->count, 1);
}

static void purge_or_drop(bool all)
{
    struct c2d_wait wait = {.fn = on_purged};
    lane_running = &rig.core;
    if (all)
        c2d_purge(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &wait);
    else
        c2d_drop(rig.wire.cores[0].c2d, SLICE_LIT("d1"), 1, &wait);
    rig_run(&rig);
}

/* Its sender has heard Purged: credit comes too late, before its lock ends and after. */
static void what_was_purged_while_it_waited_is_not_sent(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        rig_delete(&rig, "d1"); /* its sequences begin anew */
        rig_put_device(&rig, "d1", "{" KEYS "}", NULL);
        struct rig_conn *c = c2d_client(mixed);
        give_credit(c, 0);
        send_to("a");
        purge_or_drop(how & 1);
        if (how & 2) rig_wait(&rig, C2D_LOCK_US);
        give_credit(c, 1000);
        assert_null(strstr(heard(c), "transfer"));
        send_to("b");
        take_delivery(c, "b", 0);
        rig_free(c);
    }
}

/* What has gone out is the device's: it hears that its lock is over. */
static void what_was_purged_after_it_was_sent_has_no_lock_any_more(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(second);
    send_to("a");
    unsigned id = take_delivery(c, "a", 0);
    purge_or_drop(true);
    dispose(c, id, false, "@36 []");
    assert_true(hears(c, "'amqp:not-found'"));
    rig_free(c);
}

/* A client that says nothing of what it got: the oldest are not waited for. */
static void messages_in_flight_have_a_limit(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(second);
    enum { EACH = C2D_WINDOW, ROUNDS = AMQP_FLIGHT_MAX / EACH };
    for (int i = 0; i < EACH; i++) send_to("a");
    unsigned first = take_delivery(c, "a", 0);
    for (int i = 1; i < ROUNDS; i++) {
        rig_wait(&rig, C2D_LOCK_US);
        rig_say(c, SLICE_NONE);
    }
    heard(c);
    dispose(c, first, false, "@36 []"); /* N: it is known that this lock is over */
    assert_true(hears(c, "'amqp:not-found'"));
    rig_wait(&rig, C2D_LOCK_US);
    rig_say(c, SLICE_NONE);
    heard(c);
    dispose(c, first + 1, false, "@36 []"); /* N+1: it is forgotten, and its lock is over, too */
    assert_true(hears(c, "'amqp:not-found'"));
    rig_free(c);
}

static void what_a_link_had_goes_back_with_it(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct rig_conn *c = c2d_client(mixed);
        send_to("a");
        take_delivery(c, "a", 0);
        if (how == 0) {
            rig_hang_up(c);
            rig_free(c);
            c = c2d_client(mixed);
            send_to("b");
            heard(c);
        } else if (how == 1) { /* the session goes on */
            say(c, "0 detach[%d true]", IN);
            heard(c);
            attach_with(c, mixed, 0);
            give_credit(c, 10);
            dispose(c, take_delivery(c, "a", 0), true, "@36 []");
        } else { /* all in one breath */
            say(c,
                "0 detach[%d true]\n0 attach[\"in\" %d true 2b 0b @40 [\"" ADDRESS
                "\"] @41 [\"me\"]]\n0 flow[0 5000 1 5000 %d 0 10]",
                IN, IN, IN);
            dispose(c, take_delivery(c, "a", 0), true, "@36 []");
        }
        rig_free(c);
        struct c2d_wait nobody = {.fn = on_sent};
        lane_running = &rig.core;
        c2d_purge(rig.wire.cores[0].c2d, SLICE_LIT("d1"), &nobody);
        rig_run(&rig);
    }
}

/* With two links the newer one is sent; what the other had is given back when it ends. */
static void another_link_takes_over(void **state)
{
    (void)state;
    struct rig_conn *c = c2d_client(mixed);
    send_to("a");
    take_delivery(c, "a", 0);
    say(c, "0 attach[\"in2\" 5 true 2b 0b @40 [\"" ADDRESS "\"] @41 [\"me\"]]\n"
           "0 flow[0 5000 1 5000 5 0 10]");
    heard(c);
    send_to("b");
    dispose(c, take_delivery(c, "b", 0), true, "@36 []");
    say(c, "0 detach[%d true]", IN);
    dispose(c, take_delivery(c, "a", 1), true, "@36 []");
    rig_free(c);
}

static void a_message_longer_than_the_link_takes_is_rejected(void **state)
{
    (void)state;
    struct rig_conn *c = connect();
    open_device(c, 0, "d1");
    attach_with(c, mixed, 512);
    give_credit(c, 10);
    heard(c);
    char body[600];
    memset(body, 'x', sizeof body);
    body[sizeof body - 1] = '\0';
    send_to(body);
    send_to("short");
    take_delivery(c, "short", 0);
    rig_free(c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_keyed, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_message_has_its_lock_token_for_a_tag),
        CASE(what_the_device_says_settles_it),
        CASE(who_settles_second_is_answered_when_it_is_done),
        CASE(of_a_range_each_message_is_answered),
        CASE(a_link_that_is_sent_settled_completes),
        CASE(messages_wait_for_credit),
        CASE(waiting_messages_are_kept_once),
        CASE(what_was_purged_while_it_waited_is_not_sent),
        CASE(what_was_purged_after_it_was_sent_has_no_lock_any_more),
        CASE(messages_in_flight_have_a_limit),
        CASE(what_a_link_had_goes_back_with_it),
        CASE(another_link_takes_over),
        CASE(a_message_longer_than_the_link_takes_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
