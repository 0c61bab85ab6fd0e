/* draft_test.c - what a service may send, and how devices get to see it. */
#include "base/test.h"

#include "base/limit.h"
#include "hub/c2d/draft.h"

#define NOW_US (1800000000 * INT64_C(1000000))

static struct slice repeat(char c, size_t len)
{
    static uint8_t room[C2D_SIZE_MAX + 1];
    assert_true(len <= sizeof room);
    memset(room, c, len);
    return slice_of(room, len);
}

/* What becomes of a draft: its status, and the bag of what passed. */
static enum status make(const struct c2d_draft *d, struct buf *bag)
{
    struct msg *m = NULL;
    enum status status = draft_message(SLICE_LIT("d1"), d, NOW_US, &m);
    if (status == STATUS_OK) {
        const struct c2d_send_msg *s = (const void *)m->body;
        size_t head = offsetof(struct c2d_send_msg, bytes) + s->who_len + s->id_len;
        if (bag) c2d_put_bag(bag, slice_from(msg_body(m), head));
    }
    msg_free(m);
    return status;
}

static enum status status_of(const struct c2d_draft *d)
{
    return make(d, NULL);
}

static void assert_bag(const struct c2d_draft *d, const char *want)
{
    struct buf bag = {0};
    assert_int_equal(make(d, &bag), STATUS_OK);
    assert_string_equal(buf_cstr(&bag), want);
    buf_free(&bag);
}

static void a_bag_has_system_properties_first_and_always_to(void **state)
{
    (void)state;
    static const struct c2d_property some[] = {
        {{(const uint8_t *)"prop", 4}, {(const uint8_t *)"a b+c/d", 7}},
        {{(const uint8_t *)"iothub-ack", 10}, {(const uint8_t *)"full", 4}},
        {{(const uint8_t *)"iothub-message-schema", 21}, {(const uint8_t *)"s", 1}},
        {{(const uint8_t *)"iothub-creation-time-utc", 24}, {(const uint8_t *)"t", 1}},
        {{(const uint8_t *)"iothub-operation", 16}, {(const uint8_t *)"o", 1}},
        {{(const uint8_t *)"empty", 5}, {(const uint8_t *)"", 0}},
    };
    assert_bag(&(struct c2d_draft){0}, "%24.to=%2Fdevices%2Fd1%2Fmessages%2FdeviceBound");
    assert_bag(&(struct c2d_draft){.message_id = SLICE_LIT("42"),
                                   .correlation_id = SLICE_LIT("c"),
                                   .user_id = SLICE_LIT("u"),
                                   .content_type = SLICE_LIT("application/json"),
                                   .content_encoding = SLICE_LIT("utf-8"),
                                   .expiry_ms = NOW_US / 1000 + 1500,
                                   .properties = some,
                                   .property_count = 6},
               "%24.mid=42&%24.cid=c&%24.uid=u&%24.to=%2Fdevices%2Fd1%2Fmessages%2FdeviceBound&"
               "%24.exp=2027-01-15T08%3A00%3A01.5000000Z&%24.ct=application%2Fjson&%24.ce=utf-8&"
               "%24.ctime=t&%24.schema=s&iothub-ack=full&iothub-operation=o&prop=a%20b%2Bc%2Fd&"
               "empty=");
}

static void size_counts_the_body_and_all_text(void **state)
{
    (void)state;
    struct c2d_property p = {SLICE_LIT("k"), SLICE_LIT("v")};
    struct c2d_draft d = {.body = repeat('x', C2D_SIZE_MAX)};
    int64_t met = limit_reached("c2d-message");
    assert_int_equal(status_of(&d), STATUS_OK);
    assert_int_equal(limit_reached("c2d-message"), met);
    d.body = repeat('x', C2D_SIZE_MAX + 1);
    assert_int_equal(status_of(&d), STATUS_MESSAGE_TOO_LARGE);
    assert_int_equal(limit_reached("c2d-message") - met, 1);
    d = (struct c2d_draft){.message_id = SLICE_LIT("id"), .properties = &p, .property_count = 1};
    d.body = repeat('x', C2D_SIZE_MAX - 4);
    assert_int_equal(status_of(&d), STATUS_OK);
    d.body = repeat('x', C2D_SIZE_MAX - 3);
    assert_int_equal(status_of(&d), STATUS_MESSAGE_TOO_LARGE);
}

static void properties_have_to_fit_an_mqtt_topic(void **state)
{
    (void)state;
    size_t around = strlen("%24.to=%2Fdevices%2Fd1%2Fmessages%2FdeviceBound&k=");
    struct c2d_property p = {SLICE_LIT("k"), repeat('/', (C2D_BAG_MAX - around) / 3)};
    struct c2d_draft d = {.properties = &p, .property_count = 1};
    int64_t met = limit_reached("c2d-message");
    assert_int_equal(status_of(&d), STATUS_OK);
    assert_int_equal(limit_reached("c2d-message"), met);
    p.value.len++;
    assert_int_equal(status_of(&d), STATUS_MESSAGE_TOO_LARGE);
    assert_int_equal(limit_reached("c2d-message") - met, 1);
}

static void a_message_has_at_most_a_thousand_properties(void **state)
{
    (void)state;
    static struct c2d_property many[C2D_PROPERTIES_MAX + 1];
    for (size_t i = 0; i <= C2D_PROPERTIES_MAX; i++)
        many[i] = (struct c2d_property){SLICE_LIT("k"), SLICE_LIT("v")};
    struct c2d_draft d = {.properties = many, .property_count = C2D_PROPERTIES_MAX};
    assert_int_equal(status_of(&d), STATUS_OK);
    d.property_count++;
    assert_int_equal(status_of(&d), STATUS_ARGUMENT_INVALID);
}

static void a_message_id_has_at_most_128_characters(void **state)
{
    (void)state;
    struct c2d_draft d = {.message_id = repeat('i', C2D_MESSAGE_ID_MAX)};
    assert_int_equal(status_of(&d), STATUS_OK);
    d.message_id.len++;
    assert_int_equal(status_of(&d), STATUS_ARGUMENT_INVALID);
}

static void text_that_no_device_could_read_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a b", "a:b", "a\x01", "\xc3\xbc", "a/b"};
    static const char *const texts[] = {"a\nb", "\x7f", "\xff\xfe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct c2d_property p = {slice_str(names[i]), SLICE_LIT("v")};
        struct c2d_draft d = {.properties = &p, .property_count = 1};
        assert_int_equal(status_of(&d), STATUS_ARGUMENT_INVALID);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct slice bad = slice_str(texts[i]);
        struct c2d_property p = {SLICE_LIT("n"), bad};
        struct c2d_draft drafts[] = {
            {.message_id = bad},       {.correlation_id = bad},
            {.user_id = bad},          {.content_type = bad},
            {.content_encoding = bad}, {.properties = &p, .property_count = 1}};
        for (size_t n = 0; n < sizeof drafts / sizeof *drafts; n++)
            assert_int_equal(status_of(&drafts[n]), STATUS_ARGUMENT_INVALID);
    }
}

static void an_ack_is_one_of_four_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum c2d_ack ack;
        enum status status;
    } rows[] = {
        {"none", ACK_NONE, STATUS_OK},
        {"positive", ACK_POSITIVE, STATUS_OK},
        {"negative", ACK_NEGATIVE, STATUS_OK},
        {"full", ACK_FULL, STATUS_OK},
        {"Full", ACK_FULL, STATUS_OK},
        {"", ACK_NONE, STATUS_ARGUMENT_INVALID},
        {"perhaps", ACK_NONE, STATUS_ARGUMENT_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct msg *m = NULL;
        struct c2d_property p = {SLICE_LIT("iothub-ack"), slice_str(rows[i].text)};
        struct c2d_draft d = {.properties = &p, .property_count = 1};
        assert_int_equal(draft_message(SLICE_LIT("d"), &d, NOW_US, &m), rows[i].status);
        if (m)
            assert_int_equal(((const struct c2d_send_msg *)(const void *)m->body)->ack,
                             rows[i].ack);
        msg_free(m);
    }
}

static void an_expiry_is_within_the_next_48_hours(void **state)
{
    (void)state;
    int64_t now_ms = NOW_US / 1000, most_ms = C2D_TTL_US_MAX / 1000;
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = now_ms}), STATUS_ARGUMENT_INVALID);
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = now_ms + 1}), STATUS_OK);
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = now_ms + most_ms}), STATUS_OK);
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = now_ms + most_ms + 1}),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = INT64_MAX}),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(status_of(&(struct c2d_draft){.expiry_ms = -1}), STATUS_ARGUMENT_INVALID);
}

static void lock_tokens_are_guids_in_dot_nets_order(void **state)
{
    (void)state;
    static const uint8_t bytes[C2D_TOKEN_LEN] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    uint8_t read[C2D_TOKEN_LEN];
    char text[C2D_TOKEN_TEXT_LEN + 1];
    c2d_token_text(bytes, text);
    assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
    assert_int_equal(c2d_token_read(slice_str(text), read), OK);
    assert_memory_equal(read, bytes, sizeof bytes);
    static const char *const bad[] = {
        "", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefg",
        "001122334-455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccd-eeff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(c2d_token_read(slice_str(bad[i]), read), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bag_has_system_properties_first_and_always_to),
        cmocka_unit_test(size_counts_the_body_and_all_text),
        cmocka_unit_test(properties_have_to_fit_an_mqtt_topic),
        cmocka_unit_test(a_message_has_at_most_a_thousand_properties),
        cmocka_unit_test(a_message_id_has_at_most_128_characters),
        cmocka_unit_test(text_that_no_device_could_read_is_refused),
        cmocka_unit_test(an_ack_is_one_of_four_words),
        cmocka_unit_test(an_expiry_is_within_the_next_48_hours),
        cmocka_unit_test(lock_tokens_are_guids_in_dot_nets_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
