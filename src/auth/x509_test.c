/* x509_test.c - which certificates a device may rely on. */
#include "auth/x509_issue_test.h"

#include <openssl/rsa.h>

#include "base/text.h"

/* ---- a factory: root, line (an intermediate), device; and others that go wrong in one way each */

enum {
    ROOT,
    LINE,
    DEVICE, /* d1, by LINE */
    DIRECT, /* d1, by ROOT */
    SELF,   /* d1, by itself */
    OTHER_ROOT,
    OTHER_DEVICE, /* d1, by OTHER_ROOT */
    FALSE_ROOT,   /* named as ROOT, with another key */
    FALSE_DEVICE, /* d1, by FALSE_ROOT */
    EXPIRED,      /* d1, by LINE */
    EARLY,        /* d1, by LINE, valid tomorrow */
    OLD_LINE,     /* an intermediate that has expired */
    OLD_LINE_DEVICE,
    NO_CA, /* by ROOT, may not sign */
    NO_CA_DEVICE,
    NO_SIGN, /* by ROOT, a CA whose key usage lacks keyCertSign */
    NO_SIGN_DEVICE,
    SHORT,        /* by ROOT, path length 0 */
    SHORT_LINE,   /* by SHORT: one too many */
    SHORT_DEVICE, /* by SHORT_LINE */
    SERVER,       /* d1, by LINE, for TLS servers only */
    CLIENT,       /* d1, by LINE, for TLS clients */
    WEAK,         /* d1, by LINE, signed with SHA-1 */
    MODULE,       /* d1/m1, by LINE */
    TWO_NAMES,    /* d1 and d2, by LINE */
    NAMELESS,     /* by LINE */
    PAPERS
};

static struct paper papers[PAPERS];

static int make_papers(void **state)
{
    (void)state;
    const struct issue how[PAPERS] = {
        [ROOT] = {.name = "root", .ca = true},
        [LINE] = {.name = "line", .by = &papers[ROOT], .ca = true, .usage = "keyCertSign"},
        [DEVICE] = {.name = "d1", .by = &papers[LINE]},
        [DIRECT] = {.name = "d1", .by = &papers[ROOT]},
        [SELF] = {.name = "d1"},
        [OTHER_ROOT] = {.name = "other", .ca = true},
        [OTHER_DEVICE] = {.name = "d1", .by = &papers[OTHER_ROOT]},
        [FALSE_ROOT] = {.name = "root", .ca = true},
        [FALSE_DEVICE] = {.name = "d1", .by = &papers[FALSE_ROOT]},
        [EXPIRED] = {.name = "d1", .by = &papers[LINE], .from_s = -DAY_S, .until_s = -1},
        [EARLY] = {.name = "d1", .by = &papers[LINE], .from_s = 1, .until_s = DAY_S},
        [OLD_LINE] = {.name = "old", .by = &papers[ROOT], .ca = true, .from_s = -9, .until_s = -1},
        [OLD_LINE_DEVICE] = {.name = "d1", .by = &papers[OLD_LINE]},
        [NO_CA] = {.name = "no ca", .by = &papers[ROOT], .constraints = "critical,CA:FALSE"},
        [NO_CA_DEVICE] = {.name = "d1", .by = &papers[NO_CA]},
        [NO_SIGN] = {.name = "no sign", .by = &papers[ROOT], .ca = true, .usage = "cRLSign"},
        [NO_SIGN_DEVICE] = {.name = "d1", .by = &papers[NO_SIGN]},
        [SHORT] = {.name = "short",
                   .by = &papers[ROOT],
                   .constraints = "critical,CA:TRUE,pathlen:0"},
        [SHORT_LINE] = {.name = "short line", .by = &papers[SHORT], .ca = true},
        [SHORT_DEVICE] = {.name = "d1", .by = &papers[SHORT_LINE]},
        [SERVER] = {.name = "d1", .by = &papers[LINE], .purpose = "serverAuth"},
        [CLIENT] = {.name = "d1",
                    .by = &papers[LINE],
                    .usage = "digitalSignature",
                    .purpose = "clientAuth"},
        [WEAK] = {.name = "d1", .by = &papers[LINE], .hash = EVP_sha1()},
        [MODULE] = {.name = "d1/m1", .by = &papers[LINE]},
        [TWO_NAMES] = {.name = "d1", .second_name = "d2", .by = &papers[LINE]},
        [NAMELESS] = {.by = &papers[LINE]},
    };
    for (int i = 0; i < PAPERS; i++) issue(&papers[i], &how[i]);
    return 0;
}

static int free_papers(void **state)
{
    (void)state;
    for (int i = 0; i < PAPERS; i++) paper_fini(&papers[i]);
    return 0;
}

/* Lists of papers begin with their count. */
static struct x509_facts *shown(const int *list)
{
    const struct paper *chain[X509_CHAIN_MAX + 2];
    for (int i = 0; i < list[0]; i++) chain[i] = &papers[list[1 + i]];
    return facts_of(chain, (size_t)list[0]);
}

static struct x509_cas *registered(const int *list)
{
    struct x509_cas *cas = x509_cas_new();
    for (int i = 0; i < list[0]; i++)
        assert_int_equal(x509_cas_add(cas, buf_slice(&papers[list[1 + i]].der)), OK);
    return cas;
}

/* ---- facts */

static void facts_are_what_the_leaf_says(void **state)
{
    (void)state;
    const int list[] = {3, DEVICE, LINE, ROOT};
    struct x509_facts *f = shown(list);
    uint8_t sha256[X509_SHA256_LEN];
    X509_digest(papers[DEVICE].x509, EVP_sha256(), sha256, NULL);
    assert_memory_equal(f->sha256, sha256, sizeof sha256);
    assert_string_equal(f->common_name, "d1");
    assert_int_equal(f->shown, 3);
    assert_true(f->from_us == NOW_US - DAY_S * INT64_C(1000000));
    assert_true(f->until_us == NOW_US + 365 * DAY_S * INT64_C(1000000));
    assert_int_equal(f->chain_len, buf_size(&papers[DEVICE].der) + buf_size(&papers[LINE].der) +
                                       buf_size(&papers[ROOT].der));
    free(f);
}

static void a_name_that_can_be_no_id_is_none(void **state)
{
    (void)state;
    char longest[X509_COMMON_NAME_MAX + 2] = {0};
    memset(longest, 'n', X509_COMMON_NAME_MAX);
    for (int over = 0; over < 2; over++) {
        struct paper p;
        issue(&p, &(struct issue){.name = longest});
        const struct paper *chain[] = {&p};
        struct x509_facts *f = facts_of(chain, 1);
        assert_string_equal(f->common_name, over ? "" : longest);
        free(f);
        paper_fini(&p);
        longest[X509_COMMON_NAME_MAX] = 'n';
    }
    struct paper nul;
    issue(&nul, &(struct issue){.name = NULL});
    X509_NAME_add_entry_by_txt(X509_get_subject_name(nul.x509), "CN", MBSTRING_UTF8,
                               (const unsigned char *)"d1\0x", 4, -1, 0);
    char name[8];
    assert_false(x509_common_name(nul.x509, name, sizeof name));
    assert_string_equal(name, "");
    paper_fini(&nul);
}

static void what_is_no_chain_is_refused(void **state)
{
    (void)state;
    struct slice der = buf_slice(&papers[DEVICE].der);
    struct buf followed = {0}, big = {0};
    struct x509_facts *f;
    buf_put_slice(&followed, der);
    buf_put_str(&followed, "x");
    while (buf_size(&big) <= X509_CHAIN_BYTES_MAX) buf_put_slice(&big, der);
    assert_int_equal(x509_facts_new(SLICE_NONE, &f), ERR_INVALID);
    assert_int_equal(x509_facts_new(slice_head(der, der.len - 1), &f), ERR_INVALID);
    assert_int_equal(x509_facts_new(buf_slice(&followed), &f), ERR_INVALID);
    assert_int_equal(x509_facts_new(buf_slice(&big), &f), ERR_TOO_BIG);
    buf_free(&followed);
    buf_free(&big);
}

/* ---- by thumbprint */

static void a_thumbprint_is_either_hash_in_either_case_and_either_place(void **state)
{
    (void)state;
    const int list[] = {1, SELF};
    struct x509_facts *f = shown(list);
    struct buf sha1 = {0}, sha256 = {0}, upper = {0};
    text_hex(&sha1, slice_of(f->sha1, sizeof f->sha1));
    text_hex(&sha256, slice_of(f->sha256, sizeof f->sha256));
    for (size_t i = 0; i < sizeof f->sha1; i++) buf_printf(&upper, "%02X", f->sha1[i]);
    struct slice other = SLICE_LIT("0000000000000000000000000000000000000000");
    const struct {
        struct slice pair[2];
        enum auth_cause want;
    } rows[] = {
        {{buf_slice(&sha1), SLICE_NONE}, AUTH_OK},
        {{SLICE_NONE, buf_slice(&sha1)}, AUTH_OK},
        {{other, buf_slice(&sha256)}, AUTH_OK},
        {{buf_slice(&upper), other}, AUTH_OK},
        {{other, other}, AUTH_CERTIFICATE_WRONG_THUMBPRINT},
        {{SLICE_NONE, SLICE_NONE}, AUTH_CERTIFICATE_WRONG_THUMBPRINT},
        {{slice_head(buf_slice(&sha256), 40), SLICE_NONE}, AUTH_CERTIFICATE_WRONG_THUMBPRINT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(x509_by_thumbprint(f, rows[i].pair, NOW_US), rows[i].want);
    assert_int_equal(x509_by_thumbprint(f, rows[0].pair, f->from_us - 1),
                     AUTH_CERTIFICATE_NOT_YET_VALID);
    assert_int_equal(x509_by_thumbprint(f, rows[0].pair, f->until_us), AUTH_OK);
    assert_int_equal(x509_by_thumbprint(f, rows[0].pair, f->until_us + 1),
                     AUTH_CERTIFICATE_EXPIRED);
    buf_free(&sha1);
    buf_free(&sha256);
    buf_free(&upper);
    free(f);
}

/* ---- by CA */

static void a_chain_leads_to_a_registered_ca_or_not(void **state)
{
    (void)state;
    static const struct {
        int shown[6], cas[4];
        const char *name;
        enum auth_cause want;
    } rows[] = {
        {{2, DEVICE, LINE}, {1, ROOT}, "d1", AUTH_OK},
        {{3, DEVICE, LINE, ROOT}, {1, ROOT}, "d1", AUTH_OK},
        {{3, DEVICE, ROOT, LINE}, {1, ROOT}, "d1", AUTH_OK}, /* in any order behind the leaf */
        {{1, DIRECT}, {1, ROOT}, "d1", AUTH_OK},
        {{1, DEVICE}, {1, LINE}, "d1", AUTH_OK},       /* an intermediate is registered */
        {{2, DEVICE, LINE}, {1, LINE}, "d1", AUTH_OK}, /* and sent */
        {{3, DEVICE, LINE, ROOT}, {1, LINE}, "d1", AUTH_OK},
        {{2, DEVICE, LINE}, {3, OTHER_ROOT, LINE, ROOT}, "d1", AUTH_OK},
        {{2, DEVICE, LINE}, {2, FALSE_ROOT, ROOT}, "d1", AUTH_OK},
        {{1, FALSE_DEVICE}, {2, ROOT, FALSE_ROOT}, "d1", AUTH_OK},
        {{1, CLIENT}, {1, LINE}, "d1", AUTH_OK},
        {{2, MODULE, LINE}, {1, ROOT}, "d1/m1", AUTH_OK},

        {{1, DEVICE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA}, /* LINE is missing */
        {{2, DEVICE, LINE}, {0}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{2, DEVICE, LINE}, {1, OTHER_ROOT}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{1, OTHER_DEVICE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{2, OTHER_DEVICE, OTHER_ROOT}, {1, ROOT}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{1, SELF}, {1, ROOT}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{1, SELF}, {0}, "d1", AUTH_CERTIFICATE_UNKNOWN_CA},
        {{2, FALSE_DEVICE, FALSE_ROOT}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{1, FALSE_DEVICE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN}, /* signature */

        {{2, EXPIRED, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_EXPIRED},
        {{2, EARLY, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_NOT_YET_VALID},
        {{2, OLD_LINE_DEVICE, OLD_LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_EXPIRED},
        {{1, OLD_LINE_DEVICE}, {1, OLD_LINE}, "d1", AUTH_CERTIFICATE_EXPIRED},

        {{2, DEVICE, LINE}, {1, ROOT}, "d2", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, DEVICE, LINE}, {1, ROOT}, "D1", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, DEVICE, LINE}, {1, ROOT}, "d1/m1", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, MODULE, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, TWO_NAMES, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, NAMELESS, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_WRONG_NAME},
        {{2, NAMELESS, LINE}, {1, ROOT}, "", AUTH_CERTIFICATE_WRONG_NAME},

        {{2, NO_CA_DEVICE, NO_CA}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{2, NO_SIGN_DEVICE, NO_SIGN}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{3, SHORT_DEVICE, SHORT_LINE, SHORT}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{2, SHORT_DEVICE, SHORT_LINE}, {1, SHORT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{2, SERVER, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{2, WEAK, LINE}, {1, ROOT}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
        {{1, ROOT}, {1, ROOT}, "root", AUTH_CERTIFICATE_BAD_CHAIN}, /* a CA as a device */
        {{1, SELF}, {1, SELF}, "d1", AUTH_CERTIFICATE_BAD_CHAIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct x509_facts *f = shown(rows[i].shown);
        struct x509_cas *cas = registered(rows[i].cas);
        enum auth_cause got = x509_by_ca(f, cas, slice_str(rows[i].name), NOW_US, NULL);
        if (got != rows[i].want)
            print_error("row %zu: %s, %s\n", i, auth_cause_name(got), fail_text());
        assert_int_equal(got, rows[i].want);
        x509_cas_free(cas);
        free(f);
    }
}

static void the_ca_that_vouches_is_named(void **state)
{
    (void)state;
    const int list[] = {2, DEVICE, LINE}, cas_list[] = {3, OTHER_ROOT, FALSE_ROOT, ROOT};
    struct x509_facts *f = shown(list);
    struct x509_cas *cas = registered(cas_list);
    unsigned which = 99;
    assert_int_equal(x509_by_ca(f, cas, SLICE_LIT("d1"), NOW_US, &which), AUTH_OK);
    assert_int_equal(which, 2);
    x509_cas_free(cas);
    free(f);
}

/* A renewed CA with the same name and key: the one that is valid counts. */
static void an_expired_ca_does_not_hide_its_successor(void **state)
{
    (void)state;
    struct paper ca[2], leaf;
    issue(&ca[0], &(struct issue){.name = "ca", .ca = true, .from_s = -9, .until_s = -1});
    EVP_PKEY_up_ref(ca[0].key);
    issue(&ca[1], &(struct issue){.name = "ca", .ca = true, .key = ca[0].key});
    issue(&leaf, &(struct issue){.name = "d1", .by = &ca[1]});
    const struct paper *chain[] = {&leaf};
    struct x509_facts *f = facts_of(chain, 1);
    for (int first = 0; first < 2; first++) {
        struct x509_cas *cas = x509_cas_new();
        unsigned which;
        assert_int_equal(x509_cas_add(cas, buf_slice(&ca[first].der)), OK);
        assert_int_equal(x509_cas_add(cas, buf_slice(&ca[!first].der)), OK);
        assert_int_equal(x509_by_ca(f, cas, SLICE_LIT("d1"), NOW_US, &which), AUTH_OK);
        assert_int_equal(which, !first);
        x509_cas_free(cas);
    }
    free(f);
    paper_fini(&leaf);
    paper_fini(&ca[0]);
    paper_fini(&ca[1]);
}

static void a_chain_may_have_8_certificates(void **state)
{
    (void)state;
    struct paper p[X509_CHAIN_MAX + 1]; /* p[0] is registered, the last one is the leaf */
    const struct paper *chain[X509_CHAIN_MAX + 1];
    for (int i = 0; i <= X509_CHAIN_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, i == X509_CHAIN_MAX ? "d1" : "ca%d", i);
        issue(&p[i],
              &(struct issue){.name = name, .by = i ? &p[i - 1] : NULL, .ca = i < X509_CHAIN_MAX});
        chain[X509_CHAIN_MAX - i] = &p[i];
    }
    struct x509_cas *cas = x509_cas_new();
    assert_int_equal(x509_cas_add(cas, buf_slice(&p[0].der)), OK);
    for (size_t over = 0; over < 2; over++) {
        struct x509_facts *f = facts_of(chain, X509_CHAIN_MAX + over);
        assert_int_equal(f->shown, X509_CHAIN_MAX + over);
        assert_int_equal(f->chain_len == 0, over);
        assert_int_equal(x509_by_ca(f, cas, SLICE_LIT("d1"), NOW_US, NULL),
                         over ? AUTH_CERTIFICATE_BAD_CHAIN : AUTH_OK);
        free(f);
    }
    x509_cas_free(cas);
    for (int i = 0; i <= X509_CHAIN_MAX; i++) paper_fini(&p[i]);
}

/* More than a thread keeps, twice over, and one that is too long to be kept. */
static void what_was_read_before_reads_the_same(void **state)
{
    (void)state;
    enum { COUNT = X509_KEPT_MAX + 1 };
    struct buf der[COUNT] = {0};
    X509 *x = X509_dup(papers[DEVICE].x509);
    for (int i = 0; i < COUNT; i++) {
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1000 + i);
        assert_true(X509_sign(x, papers[LINE].key, EVP_sha256()) > 0);
        x509_put(&der[i], x);
    }
    for (int i = 0; i < 2 * COUNT; i++) {
        struct slice rest = buf_slice(&der[i % COUNT]), before = rest;
        X509 *read = x509_next(&rest);
        assert_int_equal(rest.len, 0);
        assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(read)), 1000 + i % COUNT);
        X509 *again = x509_next(&before);
        assert_ptr_equal(again, read);
        X509_free(again);
        X509_free(read);
    }
    for (int i = 0; i < COUNT; i++) buf_free(&der[i]);
    X509_free(x);
}

static enum auth_cause judge(const struct x509_facts *f, int ca, int64_t now_us)
{
    struct x509_cas *cas = x509_cas_new();
    assert_int_equal(x509_cas_add(cas, buf_slice(&papers[ca].der)), OK);
    enum auth_cause cause = x509_by_ca(f, cas, SLICE_LIT("d1"), now_us, NULL);
    x509_cas_free(cas);
    return cause;
}

/* The leaf is still valid when the line's certificate has expired. */
static void a_path_that_held_holds_again_in_its_time_and_to_its_ca(void **state)
{
    (void)state;
    const struct paper *line[] = {&papers[OLD_LINE_DEVICE], &papers[OLD_LINE]};
    const struct paper *alone[] = {&papers[OLD_LINE_DEVICE]};
    struct x509_facts *f = facts_of(line, 2), *incomplete = facts_of(alone, 1);
    int64_t end_us = NOW_US - 1000000;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(judge(f, ROOT, end_us - 1), AUTH_OK);
        assert_int_equal(judge(f, ROOT, end_us), AUTH_CERTIFICATE_EXPIRED);
        assert_int_equal(judge(f, ROOT, NOW_US - 10000000), AUTH_CERTIFICATE_NOT_YET_VALID);
        assert_int_equal(judge(f, FALSE_ROOT, end_us - 1), AUTH_CERTIFICATE_BAD_CHAIN);
        assert_int_equal(judge(f, OTHER_ROOT, end_us - 1), AUTH_CERTIFICATE_UNKNOWN_CA);
        assert_int_equal(judge(incomplete, ROOT, end_us - 1), AUTH_CERTIFICATE_UNKNOWN_CA);
    }
    f->chain[f->chain_len - 1] ^= 1; /* of the line's signature */
    assert_int_equal(judge(f, ROOT, end_us - 1), AUTH_CERTIFICATE_BAD_CHAIN);
    free(f);
    free(incomplete);
}

static void a_thread_remembers_512_paths_and_then_each_for_another(void **state)
{
    (void)state;
    unsigned depth = 0, there = 0;
    struct x509_path p = {.from_us = 0, .until_us = 10, .depth = 3};
    for (uint32_t i = 0; i <= X509_PATHS_MAX; i++) {
        memcpy(p.ends.shown, &i, sizeof i);
        x509_path_keep(&p);
        assert_true(x509_path_find(&p.ends, 9, &depth));
        assert_int_equal(depth, 3);
        assert_false(x509_path_find(&p.ends, 10, &depth));
        assert_false(x509_path_find(&p.ends, -1, &depth));
    }
    for (uint32_t i = 0; i <= X509_PATHS_MAX; i++) {
        memcpy(p.ends.shown, &i, sizeof i);
        there += x509_path_find(&p.ends, 0, &depth);
    }
    assert_int_equal(there, X509_PATHS_MAX);
}

/* What TLS has read is what is found, once; of bytes that are none nothing is kept. */
static void what_tls_has_read_is_not_read_again(void **state)
{
    (void)state;
    struct paper p;
    issue(&p, &(struct issue){.name = "d9", .by = &papers[LINE]});
    struct slice der = buf_slice(&p.der);
    X509_up_ref(p.x509);
    x509_remember(der, p.x509);
    X509 *x = x509_next(&der);
    assert_ptr_equal(x, p.x509);
    X509_free(x);
    X509_up_ref(p.x509);
    x509_remember(SLICE_LIT("none"), p.x509);
    x509_remember(buf_slice(&p.der), NULL);
    paper_fini(&p);
}

/* The path over a line to the root is one to the line, too. */
static void a_path_holds_up_to_each_of_its_cas(void **state)
{
    (void)state;
    const struct paper *shown[] = {&papers[CLIENT], &papers[LINE]};
    struct x509_facts *f = facts_of(shown, 2);
    struct slice name = SLICE_LIT("d1"), line = buf_slice(&papers[LINE].der);
    unsigned depth = 9;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(judge(f, ROOT, NOW_US), AUTH_OK);
        assert_int_equal(x509_by_anchor(f, line, name, NOW_US, &depth), AUTH_OK);
        assert_int_equal(depth, 0);
        assert_int_equal(x509_by_anchor(f, buf_slice(&papers[ROOT].der), name, NOW_US, &depth),
                         AUTH_OK);
        assert_int_equal(depth, 1);
    }
    free(f);
}

static EVP_PKEY *new_key(const char *type)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    assert_true(EVP_PKEY_keygen_init(ctx) > 0);
    if (*type == 'R') assert_true(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) > 0);
    if (strcmp(type, "EC") == 0) assert_true(EVP_PKEY_CTX_set_group_name(ctx, "P-384") > 0);
    assert_true(EVP_PKEY_generate(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void every_kind_of_key_can_be_read(void **state)
{
    (void)state;
    static const char *const types[] = {"EC", "RSA", "RSA-PSS", "ED25519", "ED448"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct paper p;
        issue(&p, &(struct issue){.name = "d1", .by = &papers[ROOT], .key = new_key(types[i])});
        struct slice der = buf_slice(&p.der);
        X509 *x = x509_next(&der);
        assert_non_null(x);
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(x), p.key), 1);
        X509_free(x);
        paper_fini(&p);
    }
}

static void a_certificate_of_4_kilobytes_is_kept_and_no_longer_one(void **state)
{
    (void)state;
    char name[X509_KEPT_BYTES_MAX] = {0};
    bool seen[2] = {false, false};
    struct paper p;
    issue(&p, &(struct issue){.name = "d1", .by = &papers[LINE]});
    size_t others = buf_size(&p.der);
    paper_fini(&p);
    memset(name, 'n', X509_KEPT_BYTES_MAX - others - 16);
    while (!seen[0] || !seen[1]) { /* a signature has a byte more or less */
        strcat(name, "n");
        issue(&p, &(struct issue){.name = name, .by = &papers[LINE]});
        struct slice one = buf_slice(&p.der), two = one;
        X509 *first = x509_next(&one), *second = x509_next(&two);
        bool fits = buf_size(&p.der) <= X509_KEPT_BYTES_MAX;
        assert_non_null(first);
        assert_int_equal(first == second, fits);
        seen[fits] = true;
        X509_free(first);
        X509_free(second);
        paper_fini(&p);
    }
}

static void a_hub_may_have_25_cas(void **state)
{
    (void)state;
    struct x509_cas *cas = x509_cas_new();
    assert_int_equal(x509_cas_add(cas, SLICE_LIT("no certificate")), ERR_INVALID);
    for (int i = 0; i < X509_CAS_MAX; i++)
        assert_int_equal(x509_cas_add(cas, buf_slice(&papers[ROOT].der)), OK);
    assert_int_equal(x509_cas_add(cas, buf_slice(&papers[ROOT].der)), ERR_FULL);
    x509_cas_free(cas);
}

/* ---- uploads */

static void expect_upload(struct slice text, enum err want)
{
    struct buf der = {0};
    struct x509_certificate c;
    assert_int_equal(x509_certificate_read(text, &der, &c), want);
    if (want == OK) {
        assert_true(slice_eq(buf_slice(&der), buf_slice(&papers[LINE].der)));
        assert_string_equal(c.subject, "CN=line");
        assert_true(c.is_ca);
    }
    buf_free(&der);
}

static void an_upload_is_pem_der_or_base64_of_them(void **state)
{
    (void)state;
    struct buf pem = {0}, pem64 = {0}, der64 = {0}, twice = {0};
    paper_pem(&papers[LINE], &pem);
    text_base64(&pem64, buf_slice(&pem));
    text_base64(&der64, buf_slice(&papers[LINE].der));
    text_base64(&twice, buf_slice(&der64));
    expect_upload(buf_slice(&pem), OK);
    expect_upload(buf_slice(&papers[LINE].der), OK);
    expect_upload(buf_slice(&pem64), OK);
    expect_upload(buf_slice(&der64), OK);
    expect_upload(buf_slice(&twice), OK);
    buf_put_str(&der64, "\r\n");
    expect_upload(buf_slice(&der64), OK);
    paper_pem(&papers[ROOT], &pem);
    expect_upload(buf_slice(&pem), ERR_INVALID); /* two */
    struct buf *bufs[] = {&pem, &pem64, &der64, &twice};
    for (size_t i = 0; i < 4; i++) buf_free(bufs[i]);
}

#define ENCRYPTED_PEM                                                                              \
    "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "                              \
    "AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\naGVsbG8=\n-----END CERTIFICATE-----\n"

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "hello",
        "0",
        "0\x82\x01\x01",
        "aGVsbG8=",
        "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
        (ENCRYPTED_PEM),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_upload(slice_str(rows[i]), ERR_INVALID);
    struct buf long_text = {0};
    while (buf_size(&long_text) < X509_UPLOAD_MAX) buf_put_u8(&long_text, 'A');
    expect_upload(buf_slice(&long_text), ERR_INVALID);
    buf_put_u8(&long_text, 'A');
    expect_upload(buf_slice(&long_text), ERR_TOO_BIG);
    buf_free(&long_text);
}

static void a_certificate_whose_dates_cannot_be_read_is_none(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct buf der = {0};
        struct x509_info info;
        buf_put_slice(&der, buf_slice(&papers[DEVICE].der));
        struct slice bytes = buf_slice(&der);
        uint8_t *at = memmem(bytes.ptr, bytes.len, "\x17\x0d", 2); /* UTCTime of 13 characters */
        assert_non_null(at);
        at[which ? 15 + 13 : 13] = 'R'; /* a digit of a second: 231113221320Z */
        assert_int_equal(x509_info_read(bytes, &info), ERR_INVALID);
        expect_upload(bytes, ERR_INVALID);
        buf_free(&der);
    }
}

/* RFC 5280 section 4.1.2.2 allows twenty bytes; of longer ones the first are shown. */
static void a_serial_number_is_shown_up_to_its_limit(void **state)
{
    (void)state;
    for (unsigned len = X509_SERIAL_MAX; len <= X509_SERIAL_MAX + 1; len++) {
        uint8_t bytes[X509_SERIAL_MAX + 1], *der = NULL;
        struct x509_info info;
        X509 *x = X509_dup(papers[SELF].x509);
        memset(bytes, 0x5a, sizeof bytes);
        BIGNUM *number = BN_bin2bn(bytes, (int)len, NULL);
        assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)));
        assert_true(X509_sign(x, papers[SELF].key, EVP_sha256()) > 0);
        int size = i2d_X509(x, &der);
        assert_true(size > 0);
        assert_int_equal(x509_info_read(slice_of(der, (size_t)size), &info), OK);
        assert_int_equal(strlen(info.serial), 2 * X509_SERIAL_MAX);
        OPENSSL_free(der);
        BN_free(number);
        X509_free(x);
    }
}

static void a_subject_is_shown_up_to_its_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        char subject[X509_SUBJECT_MAX + 2] = "CN=";
        struct x509_certificate c;
        struct x509_info info;
        struct buf der = {0};
        struct paper p;
        memset(subject + 3, 'x', X509_SUBJECT_MAX + over - 3);
        subject[X509_SUBJECT_MAX + over - 1] = 'y'; /* the last, which is cut or not */
        issue(&p, &(struct issue){.name = subject + 3});
        subject[X509_SUBJECT_MAX] = '\0';
        assert_int_equal(x509_info_read(buf_slice(&p.der), &info), OK);
        assert_string_equal(info.subject, subject);
        assert_string_equal(info.issuer, subject);
        assert_int_equal(x509_certificate_read(buf_slice(&p.der), &der, &c), OK);
        assert_string_equal(c.subject, subject);
        buf_free(&der);
        paper_fini(&p);
    }
}

static void only_a_ca_is_one(void **state)
{
    (void)state;
    static const struct {
        int paper;
        bool is_ca;
    } rows[] = {{ROOT, true},  {LINE, true},   {SHORT, true},   {DEVICE, false},
                {SELF, false}, {NO_CA, false}, {NO_SIGN, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf der = {0};
        struct x509_certificate c;
        struct slice text = buf_slice(&papers[rows[i].paper].der);
        assert_int_equal(x509_certificate_read(text, &der, &c), OK);
        assert_int_equal(c.is_ca, rows[i].is_ca);
        buf_free(&der);
    }
}

static void a_proof_has_the_code_and_the_signature_and_is_valid(void **state)
{
    (void)state;
    static const struct {
        int proof, ca;
        const char *code;
        int64_t now_s;
        enum err want;
    } rows[] = {
        {DIRECT, ROOT, "d1", NOW_S, OK},
        {DEVICE, LINE, "d1", NOW_S, OK},
        {DIRECT, ROOT, "d2", NOW_S, ERR_DENIED},
        {DEVICE, ROOT, "d1", NOW_S, ERR_DENIED},
        {FALSE_DEVICE, ROOT, "d1", NOW_S, ERR_DENIED},
        {SELF, ROOT, "d1", NOW_S, ERR_DENIED},
        {ROOT, ROOT, "d1", NOW_S, ERR_DENIED},
        {DIRECT, ROOT, "d1", NOW_S + 400 * DAY_S, ERR_DENIED},
        {DIRECT, ROOT, "d1", NOW_S - 2 * DAY_S, ERR_DENIED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(x509_proves(buf_slice(&papers[rows[i].proof].der),
                                     buf_slice(&papers[rows[i].ca].der), slice_str(rows[i].code),
                                     rows[i].now_s * 1000000),
                         rows[i].want);
    assert_int_equal(x509_proves(SLICE_NONE, SLICE_NONE, SLICE_NONE, NOW_US), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_what_the_leaf_says),
        cmocka_unit_test(a_serial_number_is_shown_up_to_its_limit),
        cmocka_unit_test(a_subject_is_shown_up_to_its_limit),
        cmocka_unit_test(a_name_that_can_be_no_id_is_none),
        cmocka_unit_test(what_is_no_chain_is_refused),
        cmocka_unit_test(a_thumbprint_is_either_hash_in_either_case_and_either_place),
        cmocka_unit_test(a_chain_leads_to_a_registered_ca_or_not),
        cmocka_unit_test(the_ca_that_vouches_is_named),
        cmocka_unit_test(an_expired_ca_does_not_hide_its_successor),
        cmocka_unit_test(a_chain_may_have_8_certificates),
        cmocka_unit_test(what_was_read_before_reads_the_same),
        cmocka_unit_test(a_path_that_held_holds_again_in_its_time_and_to_its_ca),
        cmocka_unit_test(a_thread_remembers_512_paths_and_then_each_for_another),
        cmocka_unit_test(what_tls_has_read_is_not_read_again),
        cmocka_unit_test(a_path_holds_up_to_each_of_its_cas),
        cmocka_unit_test(every_kind_of_key_can_be_read),
        cmocka_unit_test(a_certificate_of_4_kilobytes_is_kept_and_no_longer_one),
        cmocka_unit_test(a_hub_may_have_25_cas),
        cmocka_unit_test(an_upload_is_pem_der_or_base64_of_them),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(a_certificate_whose_dates_cannot_be_read_is_none),
        cmocka_unit_test(only_a_ca_is_one),
        cmocka_unit_test(a_proof_has_the_code_and_the_signature_and_is_valid),
    };
    return cmocka_run_group_tests(tests, make_papers, free_papers);
}
