/* credential_test.c - which certificate or token opens a session of which identity. */
#include "auth/x509_issue_test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/session/credential.h"

enum { ROOT, DEVICE, MODULE, SELF, EXPIRED, PAPERS, NOTHING = PAPERS };

static struct paper papers[PAPERS];
static struct hub hub;
static struct policies policies;
static struct x509_cas *cas;

static int64_t wall(void)
{
    return NOW_US;
}

static const struct clock_source stopped_clock = {wall, wall};

static int set_up(void **state)
{
    (void)state;
    issue(&papers[ROOT], &(struct issue){.name = "root", .ca = true});
    issue(&papers[DEVICE], &(struct issue){.name = "d1", .by = &papers[ROOT]});
    issue(&papers[MODULE], &(struct issue){.name = "d1/m1", .by = &papers[ROOT]});
    issue(&papers[SELF], &(struct issue){.name = "whatever"});
    issue(&papers[EXPIRED],
          &(struct issue){.name = "d1", .by = &papers[ROOT], .from_s = -9, .until_s = -1});
    cas = x509_cas_new();
    assert_int_equal(x509_cas_add(cas, buf_slice(&papers[ROOT].der)), OK);
    policies_make(&policies);
    hub.policies = &policies;
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("my.hub")), OK);
    clock_use(&stopped_clock);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_use(NULL);
    x509_cas_free(cas);
    for (int i = 0; i < PAPERS; i++) paper_fini(&papers[i]);
    return 0;
}

/* As desk.c lays it out. */
static struct session_open_msg *message(const char *who, int paper, struct slice token)
{
    const struct paper *chain[] = {&papers[paper % PAPERS]};
    struct x509_facts *facts = paper == NOTHING ? NULL : facts_of(chain, 1);
    size_t facts_len = facts ? x509_facts_size(facts) : 0, who_len = strlen(who);
    struct session_open_msg *m = mem_zero(sizeof *m + facts_len + who_len + token.len);
    m->certificate_len = (uint32_t)facts_len;
    m->who_len = (uint32_t)who_len;
    m->token_len = (uint32_t)token.len;
    if (facts) memcpy(m->bytes, facts, facts_len);
    memcpy(m->bytes + facts_len, who, who_len);
    if (token.len) memcpy(m->bytes + facts_len + who_len, token.ptr, token.len);
    free(facts);
    return m;
}

static enum session_cause check(const char *who, int paper, struct slice token,
                                const struct identity *id, struct session_opened *answer)
{
    const struct credential_judge judge = {&hub, cas};
    struct session_open_msg *m = message(who, paper, token);
    *answer = (struct session_opened){.ends_us = INT64_MAX};
    enum session_cause cause = credential_check(&judge, m, id, answer);
    free(m);
    return cause;
}

static struct identity self_signed(struct buf *thumbprint)
{
    uint8_t hash[X509_SHA256_LEN];
    X509_digest(papers[SELF].x509, EVP_sha256(), hash, NULL);
    text_hex(thumbprint, slice_of(hash, sizeof hash));
    return (struct identity){.auth = IDENTITY_SELF_SIGNED,
                             .thumbprints = {SLICE_NONE, buf_slice(thumbprint)}};
}

static void each_kind_of_identity_wants_its_own_credential(void **state)
{
    (void)state;
    struct buf thumbprint = {0}, token = {0};
    const struct slice key = SLICE_LIT("a key of the device itself");
    sas_make(&token, SLICE_LIT("my.hub/devices/d1"), key, NULL, NOW_S + 60);
    struct slice none = SLICE_NONE, sas = buf_slice(&token);
    const struct identity by_thumbprint = self_signed(&thumbprint);
    const struct identity by_ca = {.auth = IDENTITY_CERTIFICATE_AUTHORITY};
    const struct identity by_key = {.auth = IDENTITY_SAS, .keys = {key, SLICE_NONE}};
    const struct {
        const char *who;
        int paper;
        struct slice token;
        const struct identity *id;
        enum session_cause want;
        enum auth_cause auth;
    } rows[] = {
        {"d1", NOTHING, sas, &by_key, SESSION_GRANTED, AUTH_OK},
        {"d1", NOTHING, none, &by_key, SESSION_BAD_TOKEN, AUTH_MALFORMED},
        {"d1", DEVICE, none, &by_key, SESSION_WRONG_KIND, AUTH_OK},
        {"d1", NOTHING, sas, &by_thumbprint, SESSION_WRONG_KIND, AUTH_OK},
        {"d1", NOTHING, sas, &by_ca, SESSION_WRONG_KIND, AUTH_OK},
        {"d1", NOTHING, none, &by_ca, SESSION_WRONG_KIND, AUTH_OK},

        {"d1", SELF, none, &by_thumbprint, SESSION_GRANTED, AUTH_OK},
        {"d1/m1", SELF, none, &by_thumbprint, SESSION_GRANTED, AUTH_OK},
        {"d1", DEVICE, none, &by_thumbprint, SESSION_BAD_CERTIFICATE,
         AUTH_CERTIFICATE_WRONG_THUMBPRINT},

        {"d1", DEVICE, none, &by_ca, SESSION_GRANTED, AUTH_OK},
        {"d1/m1", MODULE, none, &by_ca, SESSION_GRANTED, AUTH_OK},
        {"d1/m1", DEVICE, none, &by_ca, SESSION_BAD_CERTIFICATE, AUTH_CERTIFICATE_WRONG_NAME},
        {"d1", MODULE, none, &by_ca, SESSION_BAD_CERTIFICATE, AUTH_CERTIFICATE_WRONG_NAME},
        {"d2", DEVICE, none, &by_ca, SESSION_BAD_CERTIFICATE, AUTH_CERTIFICATE_WRONG_NAME},
        {"d1", EXPIRED, none, &by_ca, SESSION_BAD_CERTIFICATE, AUTH_CERTIFICATE_EXPIRED},
        {"whatever", SELF, none, &by_ca, SESSION_BAD_CERTIFICATE, AUTH_CERTIFICATE_UNKNOWN_CA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session_opened answer;
        assert_int_equal(check(rows[i].who, rows[i].paper, rows[i].token, rows[i].id, &answer),
                         rows[i].want);
        assert_int_equal(answer.auth, rows[i].auth);
        if (rows[i].want == SESSION_GRANTED)
            assert_int_equal(answer.certified, rows[i].paper != NOTHING);
    }
    buf_free(&thumbprint);
    buf_free(&token);
}

static void a_session_ends_with_its_credential(void **state)
{
    (void)state;
    const struct identity by_ca = {.auth = IDENTITY_CERTIFICATE_AUTHORITY};
    struct session_opened answer;
    assert_int_equal(check("d1", DEVICE, SLICE_NONE, &by_ca, &answer), SESSION_GRANTED);
    assert_true(answer.ends_us == NOW_US + 365 * DAY_S * INT64_C(1000000));
    assert_false(answer.hub_scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_identity_wants_its_own_credential),
        cmocka_unit_test(a_session_ends_with_its_credential),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
