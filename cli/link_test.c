/* Tests of a device's connection against a scripted hub in memory. */
#include "base/test.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cli/link.h"

/* ---- a hub: the server roles of the engines, with bytes in and out */

struct hub {
    struct buf out, plain;
    struct tls tls;
    struct mqtt mqtt;
    bool encrypted, secured;
    struct buf heard; /* what it was told, one word per packet */
};

static void hub_open(struct hub *h, struct tls_context *tls)
{
    *h = (struct hub){.encrypted = tls != NULL};
    const struct mqtt_config config = {.role = MQTT_SERVER,
                                       .out = h->encrypted ? &h->plain : &h->out};
    mqtt_init(&h->mqtt, &config, 0);
    if (tls) tls_init_server(&h->tls, tls, &h->out);
}

static void hub_close(struct hub *h)
{
    if (h->encrypted) tls_fini(&h->tls);
    mqtt_fini(&h->mqtt);
    buf_free(&h->out);
    buf_free(&h->plain);
    buf_free(&h->heard);
}

static void hub_note(struct hub *h, const struct mqtt_event *ev)
{
    const struct mqtt_connect *c = &ev->connect;
    const struct mqtt_publish *p = &ev->publish;
    if (ev->kind == MQTT_CONNECT)
        buf_printf(&h->heard, "CONNECT %.*s %.*s %.*s %u %d;", SLICE_ARG(c->client_id),
                   SLICE_ARG(c->user_name), SLICE_ARG(c->password), c->keep_alive_s,
                   c->clean_session);
    else if (ev->kind == MQTT_PUBLISH)
        buf_printf(&h->heard, "PUBLISH %.*s %.*s %u q%u%s;", SLICE_ARG(p->topic),
                   SLICE_ARG(p->payload), p->packet_id, p->qos, p->dup ? " again" : "");
    else
        buf_printf(&h->heard, "%d;", ev->kind);
}

static void hub_hear(struct hub *h, struct slice bytes)
{
    struct mqtt_event ev;
    mqtt_feed(&h->mqtt, bytes, 0);
    while (mqtt_next(&h->mqtt, &ev) == OK) hub_note(h, &ev);
}

static void hub_take(struct hub *h, struct buf *from)
{
    struct tls_event ev;
    if (!h->encrypted) {
        hub_hear(h, buf_slice(from));
    } else {
        tls_feed(&h->tls, buf_slice(from));
        while (tls_next(&h->tls, &ev)) {
            h->secured = h->secured || ev.kind == TLS_HANDSHAKE_DONE;
            if (ev.kind == TLS_DATA) hub_hear(h, ev.data);
            if (ev.kind == TLS_CLOSED) buf_put_str(&h->heard, "end;");
        }
    }
    buf_clear(from);
}

static void hub_flush(struct hub *h)
{
    if (h->encrypted) assert_int_equal(tls_send(&h->tls, buf_slice(&h->plain)), OK);
    buf_clear(&h->plain);
}

/* ---- a device's end */

struct pair {
    struct hub hub;
    struct link link;
    struct buf out;
    struct tls_context *ctx;
};

static const struct link_identity who = {SLICE_LIT("d1"), SLICE_LIT("hub/d1/?v"), SLICE_LIT("tok")};

static void pair_open(struct pair *p, struct tls_context *server, struct tls_context *client,
                      const char *host)
{
    *p = (struct pair){.ctx = client};
    hub_open(&p->hub, server);
    const struct link_config config = {.out = &p->out, .tls = client, .host = host};
    link_init(&p->link, &config, 0);
}

static void pair_close(struct pair *p)
{
    link_fini(&p->link);
    hub_close(&p->hub);
    buf_free(&p->out);
    tls_context_drop(p->ctx);
}

/* What the hub has to say reaches the link; its events as text, then the error. */
static const char *pull(struct pair *p, char text[64])
{
    struct link_event ev;
    enum err e;
    hub_flush(&p->hub);
    link_feed(&p->link, buf_slice(&p->hub.out), 0);
    *text = '\0';
    while ((e = link_next(&p->link, &ev)) == OK) {
        size_t at = strlen(text);
        if (ev.kind == LINK_SECURED) snprintf(text + at, 64 - at, "secured ");
        if (ev.kind == LINK_ANSWERED) snprintf(text + at, 64 - at, "answered %d ", ev.code);
        if (ev.kind == LINK_ACKED) snprintf(text + at, 64 - at, "acked %d ", ev.packet_id);
        if (ev.kind == LINK_GRANTED)
            snprintf(text + at, 64 - at, "granted %d%s ", ev.packet_id, ev.refused ? " not" : "");
        if (ev.kind == LINK_TOLD)
            snprintf(text + at, 64 - at, "told %d %.*s ", ev.packet_id, SLICE_ARG(ev.payload));
    }
    snprintf(text + strlen(text), 64 - strlen(text), "%s", err_name(e));
    buf_clear(&p->hub.out);
    return text;
}

/* Both ways until nobody has anything to say: the handshake. */
static const char *shake(struct pair *p, char text[64])
{
    for (int i = 0; i < 4 && (buf_size(&p->out) || buf_size(&p->hub.out)); i++) {
        hub_take(&p->hub, &p->out);
        if (p->hub.secured) hub_flush(&p->hub);
        struct slice bytes = buf_slice(&p->hub.out);
        struct link_event ev;
        link_feed(&p->link, bytes, 0);
        enum err e = link_next(&p->link, &ev);
        snprintf(text, 64, "%s", e == OK && ev.kind == LINK_SECURED ? "secured" : err_name(e));
        if (e == OK) assert_int_equal(link_next(&p->link, &ev), ERR_AGAIN);
        buf_clear(&p->hub.out);
        if (e != ERR_AGAIN) return text;
    }
    return text;
}

static void say_connect(struct pair *p)
{
    assert_int_equal(link_connect(&p->link, &who), OK);
    link_flush(&p->link);
    hub_take(&p->hub, &p->out);
}

static void say(struct pair *p, uint16_t id, bool again)
{
    const struct link_message m = {SLICE_LIT("devices/d1/messages/events/"), SLICE_LIT("x"), id,
                                   again};
    assert_int_equal(link_publish(&p->link, &m), OK);
    link_flush(&p->link);
    hub_take(&p->hub, &p->out);
}

#define CONNECTED "CONNECT d1 hub/d1/?v tok 240 0;"

/* ---- without TLS */

static void a_message_is_sent_and_acknowledged(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    assert_string_equal(pull(&p, text), "secured again");
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_ACCEPTED, false);
    assert_string_equal(pull(&p, text), "answered 0 again");
    say(&p, 7, false);
    say(&p, 8, true);
    mqtt_send_puback(&p.hub.mqtt, 7);
    mqtt_send_puback(&p.hub.mqtt, 8);
    assert_string_equal(pull(&p, text), "acked 7 acked 8 again");
    link_close(&p.link);
    hub_take(&p.hub, &p.out);
    assert_string_equal(buf_cstr(&p.hub.heard),
                        CONNECTED "PUBLISH devices/d1/messages/events/ x 7 q1;"
                                  "PUBLISH devices/d1/messages/events/ x 8 q1 again;14;");
    pair_close(&p);
}

static void a_refusal_has_its_code(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_NOT_AUTHORIZED, false);
    assert_string_equal(pull(&p, text), "answered 5 again");
    pair_close(&p);
    assert_string_equal(link_code_text(MQTT_NOT_AUTHORIZED), "not authorized (CONNACK 5)");
}

static void what_the_hub_sends_is_not_acknowledged_unasked(void **state)
{
    struct pair p;
    char text[64];
    const struct mqtt_publish c2d = {.topic = SLICE_LIT("devices/d1/messages/devicebound/"),
                                     .payload = SLICE_LIT("do"),
                                     .packet_id = 3,
                                     .qos = 1};
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_ACCEPTED, true);
    assert_int_equal(mqtt_send_publish(&p.hub.mqtt, &c2d), OK);
    assert_string_equal(pull(&p, text), "answered 0 told 3 do again");
    link_flush(&p.link);
    assert_int_equal(buf_size(&p.out), 0);
    link_ack(&p.link, 3);
    link_flush(&p.link);
    hub_take(&p.hub, &p.out);
    assert_string_equal(buf_cstr(&p.hub.heard), CONNECTED "4;"); /* PUBACK */
    pair_close(&p);
}

static void subscriptions_are_granted_or_not(void **state)
{
    struct pair p;
    char text[64];
    const struct mqtt_filter filters[] = {{SLICE_LIT("$iothub/methods/POST/#"), 0},
                                          {SLICE_LIT("devices/d1/messages/devicebound/#"), 1}};
    const struct link_message answer = {SLICE_LIT("$iothub/methods/res/200/?$rid=1"), SLICE_NONE, 0,
                                        false};
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_ACCEPTED, false);
    pull(&p, text);
    assert_int_equal(link_subscribe(&p.link, 5, filters, 2), OK);
    assert_int_equal(link_publish(&p.link, &answer), OK);
    link_flush(&p.link);
    hub_take(&p.hub, &p.out);
    assert_string_equal(buf_cstr(&p.hub.heard),
                        CONNECTED "8;PUBLISH $iothub/methods/res/200/?$rid=1  0 q0;");
    mqtt_send_suback(&p.hub.mqtt, 5, SLICE_LIT("\0\1"));
    mqtt_send_suback(&p.hub.mqtt, 6, SLICE_LIT("\0\x80"));
    assert_string_equal(pull(&p, text), "granted 5 granted 6 not again");
    pair_close(&p);
}

static void who_has_a_certificate_has_no_password(void **state)
{
    struct pair p;
    char text[64];
    struct mqtt_event ev;
    const struct link_identity shown = {SLICE_LIT("d1"), SLICE_LIT("hub/d1/?v"), SLICE_NONE};
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    assert_int_equal(link_connect(&p.link, &shown), OK);
    mqtt_feed(&p.hub.mqtt, buf_slice(&p.out), 0);
    assert_int_equal(mqtt_next(&p.hub.mqtt, &ev), OK);
    assert_true(ev.connect.has_user_name && !ev.connect.has_password);
    pair_close(&p);
}

static void who_does_not_speak_mqtt_is_told_apart(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    buf_put_str(&p.hub.out, "HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_string_equal(pull(&p, text), "protocol");
    assert_string_equal(pull(&p, text), "closed");
    assert_int_equal(link_deadline(&p.link), INT64_MAX);
    pair_close(&p);
}

static void a_silent_hub_is_given_up(void **state)
{
    struct pair p;
    char text[64];
    int64_t wait_us = MQTT_ANSWER_WAIT_S * 1000000ll;
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    assert_int_equal(link_deadline(&p.link), wait_us);
    assert_int_equal(link_tick(&p.link, wait_us - 1), OK);
    assert_int_equal(link_tick(&p.link, wait_us), ERR_TIMEOUT);
    pair_close(&p);
}

static void a_quiet_line_is_kept_alive(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    pair_open(&p, NULL, NULL, "hub");
    pull(&p, text);
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_ACCEPTED, false);
    pull(&p, text);
    int64_t half_us = LINK_KEEP_ALIVE_S / 2 * 1000000ll;
    assert_int_equal(link_deadline(&p.link), half_us);
    assert_int_equal(link_tick(&p.link, half_us), OK);
    hub_take(&p.hub, &p.out);
    assert_string_equal(buf_cstr(&p.hub.heard), CONNECTED "12;"); /* PINGREQ */
    mqtt_send_pingresp(&p.hub.mqtt);
    assert_string_equal(pull(&p, text), "again");
    pair_close(&p);
}

/* ---- with TLS */

struct papers {
    struct buf chain, key;
};

static struct papers ours, strangers;

static void take_pem(struct buf *out, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)len);
    BIO_free(bio);
}

static void make_papers(struct papers *p)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:hub.example");
    X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    BIO *chain = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, x);
    PEM_write_bio_PKCS8PrivateKey(private, key, NULL, NULL, 0, NULL, NULL);
    take_pem(&p->chain, chain);
    take_pem(&p->key, private);
    X509_free(x);
    EVP_PKEY_free(key);
}

static int make_all_papers(void **state)
{
    (void)state;
    make_papers(&ours);
    make_papers(&strangers);
    return 0;
}

static int free_all_papers(void **state)
{
    struct buf *all[] = {&ours.chain, &ours.key, &strangers.chain, &strangers.key};
    (void)state;
    for (size_t i = 0; i < 4; i++) buf_free(all[i]);
    return 0;
}

static void open_tls(struct pair *p, const struct papers *trusted, const char *host)
{
    const struct tls_identity identity = {.chain_pem = buf_slice(&ours.chain),
                                          .key_pem = buf_slice(&ours.key)};
    const struct tls_server_config config = {.identities = &identity, .identity_count = 1};
    struct tls_context *server, *client;
    assert_int_equal(tls_server_context(&config, NULL, &server), OK);
    assert_int_equal(tls_client_context(buf_slice(&trusted->chain), &client), OK);
    pair_open(p, server, client, host);
    tls_context_drop(server);
}

static void messages_travel_in_tls(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    open_tls(&p, &ours, "hub.example");
    assert_string_equal(shake(&p, text), "secured");
    say_connect(&p);
    mqtt_send_connack(&p.hub.mqtt, MQTT_ACCEPTED, false);
    assert_string_equal(pull(&p, text), "answered 0 again");
    say(&p, 1, false);
    mqtt_send_puback(&p.hub.mqtt, 1);
    assert_string_equal(pull(&p, text), "acked 1 again");
    link_close(&p.link);
    hub_take(&p.hub, &p.out);
    assert_string_equal(buf_cstr(&p.hub.heard),
                        CONNECTED "PUBLISH devices/d1/messages/events/ x 1 q1;14;end;");
    pair_close(&p);
}

static void a_certificate_of_somebody_else_is_refused(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    open_tls(&p, &strangers, "hub.example");
    assert_string_equal(shake(&p, text), "denied");
    pair_close(&p);
    open_tls(&p, &ours, "other.example");
    assert_string_equal(shake(&p, text), "denied");
    pair_close(&p);
}

static void tls_that_is_not_finished_is_given_up(void **state)
{
    struct pair p;
    (void)state;
    open_tls(&p, &ours, "hub.example");
    assert_int_equal(link_deadline(&p.link), LINK_SECURE_WAIT_US);
    assert_int_equal(link_tick(&p.link, LINK_SECURE_WAIT_US - 1), OK);
    assert_int_equal(link_tick(&p.link, LINK_SECURE_WAIT_US), ERR_TIMEOUT);
    pair_close(&p);
}

static void a_good_bye_of_the_hub_is_an_end(void **state)
{
    struct pair p;
    char text[64];
    (void)state;
    open_tls(&p, &ours, "hub.example");
    shake(&p, text);
    hub_take(&p.hub, &p.out);
    tls_close(&p.hub.tls);
    p.hub.encrypted = false; /* nothing is left to flush */
    assert_string_equal(pull(&p, text), "closed");
    p.hub.encrypted = true;
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_sent_and_acknowledged),
        cmocka_unit_test(a_refusal_has_its_code),
        cmocka_unit_test(what_the_hub_sends_is_not_acknowledged_unasked),
        cmocka_unit_test(subscriptions_are_granted_or_not),
        cmocka_unit_test(who_has_a_certificate_has_no_password),
        cmocka_unit_test(who_does_not_speak_mqtt_is_told_apart),
        cmocka_unit_test(a_silent_hub_is_given_up),
        cmocka_unit_test(a_quiet_line_is_kept_alive),
        cmocka_unit_test(messages_travel_in_tls),
        cmocka_unit_test(a_certificate_of_somebody_else_is_refused),
        cmocka_unit_test(tls_that_is_not_finished_is_given_up),
        cmocka_unit_test(a_good_bye_of_the_hub_is_an_end),
    };
    return cmocka_run_group_tests(tests, make_all_papers, free_all_papers);
}
