/* certificate_test.c - uploads, proofs, versions, limits, and that every core goes by them. */
#include "auth/x509_issue_test.h"
#include "store/rig.h"

#include "base/limit.h"
#include "base/text.h"
#include "hub/certificate/certificate.h"

enum { CORES = 3 };

struct fixture {
    struct rig rig;
    struct hub hub;
    struct certificates *copies[CORES];
    unsigned core; /* that asks next */
};

static struct paper root, line, other, device, expired;

static int make_papers(void **state)
{
    (void)state;
    issue(&root, &(struct issue){.name = "root", .ca = true});
    issue(&line, &(struct issue){.name = "line", .by = &root, .ca = true});
    issue(&other, &(struct issue){.name = "other", .ca = true});
    issue(&device, &(struct issue){.name = "d1", .by = &root});
    issue(&expired, &(struct issue){.name = "old", .ca = true, .from_s = -9, .until_s = -1});
    return 0;
}

static int free_papers(void **state)
{
    (void)state;
    struct paper *all[] = {&root, &line, &other, &device, &expired};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) paper_fini(all[i]);
    return 0;
}

static void open_copies(struct fixture *f)
{
    f->hub = (struct hub){
        .office = &f->rig.office, .core_count = CORES, .store = f->rig.store, .created_us = 12};
    for (unsigned i = 0; i < CORES; i++) f->hub.cores[i] = f->rig.cores[i]->id;
    for (unsigned i = 0; i < CORES; i++)
        assert_int_equal(certificates_new(&f->hub, f->rig.cores[i], &f->copies[i]), OK);
}

static void close_copies(struct fixture *f)
{
    for (unsigned i = 0; i < CORES; i++) certificates_free(f->copies[i]);
}

static void restart(struct fixture *f)
{
    close_copies(f);
    rig_restart(&f->rig);
    open_copies(f);
}

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    rig_init_cores(&f->rig, io_mem_new(), CORES);
    open_copies(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close_copies(f);
    rig_fini(&f->rig);
    free(f);
    return 0;
}

/* ---- asking, each time from another core */

struct asker {
    struct certificate_wait wait;
    unsigned answers;
    enum err result;
    char text[512];
};

static void note_result(struct certificate_wait *w, enum err result, const char *text)
{
    struct asker *a = CONTAINER_OF(w, struct asker, wait);
    a->answers++;
    a->result = result;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static struct certificates *next_copy(struct fixture *f)
{
    f->core = (f->core + 1) % CORES;
    rig_on(f->rig.cores[f->core]);
    return f->copies[f->core];
}

static struct slice or_none(const char *text)
{
    return text ? slice_str(text) : SLICE_NONE;
}

enum verb { PUT, PUT_VERIFIED, DELETE, MAKE_CODE, VERIFY };

static void start(struct fixture *f, struct asker *a, enum verb verb, const char *name,
                  const char *if_match, const struct paper *paper)
{
    struct certificates *c = next_copy(f);
    struct slice upload = paper ? buf_slice(&paper->der) : SLICE_NONE;
    *a = (struct asker){.wait.fn = note_result};
    switch (verb) {
    case PUT:
    case PUT_VERIFIED:
        certificate_put(c, slice_str(name), or_none(if_match), upload, verb == PUT_VERIFIED,
                        &a->wait);
        break;
    case DELETE: certificate_delete(c, slice_str(name), or_none(if_match), &a->wait); break;
    case MAKE_CODE: certificate_make_code(c, slice_str(name), or_none(if_match), &a->wait); break;
    case VERIFY: certificate_verify(c, slice_str(name), or_none(if_match), upload, &a->wait); break;
    }
}

static char last_text[512];

static enum err ask(struct fixture *f, enum verb verb, const char *name, const char *if_match,
                    const struct paper *paper)
{
    struct asker a;
    start(f, &a, verb, name, if_match, paper);
    rig_run(&f->rig);
    assert_int_equal(a.answers, 1);
    assert_int_equal(a.result == OK, a.text[0] == '\0');
    memcpy(last_text, a.text, sizeof last_text);
    return a.result;
}

/* The same on every core; NULL: on none. */
static const struct certificate *find(struct fixture *f, const char *name)
{
    const struct certificate *c = certificate_find(f->copies[0], slice_str(name));
    for (unsigned i = 1; i < CORES; i++) {
        const struct certificate *d = certificate_find(f->copies[i], slice_str(name));
        assert_int_equal(c != NULL, d != NULL);
        if (c) assert_memory_equal(c, d, sizeof *c + c->der_len);
    }
    return c;
}

/* Does every core let the device in? */
static bool trusted(struct fixture *f)
{
    const struct paper *chain[] = {&device};
    struct x509_facts *facts = facts_of(chain, 1);
    unsigned yes = 0;
    for (unsigned i = 0; i < CORES; i++)
        yes += x509_by_ca(facts, certificates_cas(f->copies[i]), SLICE_LIT("d1"), NOW_US, NULL) ==
               AUTH_OK;
    free(facts);
    assert_true(yes == 0 || yes == CORES);
    return yes > 0;
}

static void etag_now(struct fixture *f, const char *name, char out[ETAG_MAX + 1])
{
    etag_of_number(find(f, name)->etag, out);
}

/* ---- tests */

static void an_upload_is_shown_and_trusted_once_it_is_verified(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, PUT, "Factory", NULL, &root), OK);
    const struct certificate *c = find(f, "factory");
    assert_string_equal(c->name, "Factory");
    assert_string_equal(c->subject, "CN=root");
    assert_int_equal(strlen(c->thumbprint), CERTIFICATE_THUMBPRINT_LEN);
    assert_false(c->verified);
    assert_true(c->created_us > 0 && c->created_us == c->updated_us);
    assert_true(c->until_us == NOW_US + 365 * DAY_S * INT64_C(1000000));
    assert_false(trusted(f));
    assert_int_equal(ask(f, PUT_VERIFIED, "Factory", "*", &root), OK);
    assert_true(trusted(f));
    restart(f);
    assert_true(find(f, "Factory")->verified);
    assert_true(trusted(f));
    assert_int_equal(ask(f, DELETE, "FACTORY", "*", NULL), OK);
    assert_false(trusted(f));
    assert_null(find(f, "Factory"));
    restart(f);
    assert_null(find(f, "Factory"));
}

static void possession_is_proven_with_a_code(void **state)
{
    struct fixture *f = *state;
    struct paper proof, wrong;
    char code[CERTIFICATE_CODE_LEN + 1];
    assert_int_equal(ask(f, PUT, "ca", NULL, &root), OK);
    assert_int_equal(ask(f, VERIFY, "ca", "*", &device), ERR_DENIED); /* no code yet */
    assert_int_equal(ask(f, MAKE_CODE, "ca", "*", NULL), OK);
    memcpy(code, find(f, "ca")->code, sizeof code);
    assert_int_equal(strlen(code), CERTIFICATE_CODE_LEN);
    issue(&proof, &(struct issue){.name = code, .by = &root});
    issue(&wrong, &(struct issue){.name = code, .by = &other});
    restart(f);
    assert_int_equal(ask(f, VERIFY, "ca", "*", &wrong), ERR_DENIED);
    assert_int_equal(ask(f, VERIFY, "ca", "*", &device), ERR_DENIED);
    assert_non_null(strstr(last_text, code));
    assert_int_equal(ask(f, VERIFY, "ca", "*", NULL), ERR_INVALID);
    assert_false(trusted(f));
    assert_int_equal(ask(f, VERIFY, "ca", "*", &proof), OK);
    assert_true(find(f, "ca")->verified);
    assert_string_equal(find(f, "ca")->code, "");
    assert_true(trusted(f));
    assert_int_equal(ask(f, VERIFY, "ca", "*", &proof), ERR_DENIED); /* a code is good once */
    assert_int_equal(ask(f, MAKE_CODE, "ca", "*", NULL), OK);
    assert_true(find(f, "ca")->verified); /* still */
    assert_string_not_equal(find(f, "ca")->code, code);
    paper_fini(&proof);
    paper_fini(&wrong);
}

static void a_change_names_the_version_that_it_changes(void **state)
{
    struct fixture *f = *state;
    char first[ETAG_MAX + 1], second[ETAG_MAX + 1];
    assert_int_equal(ask(f, PUT, "ca", "\"x\"", &root), ERR_PRECONDITION); /* nothing to replace */
    assert_int_equal(ask(f, PUT, "ca", NULL, &root), OK);
    etag_now(f, "ca", first);
    const enum verb verbs[] = {PUT, DELETE, MAKE_CODE, VERIFY};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(f, verbs[i], "ca", NULL, &root), ERR_PRECONDITION);
        assert_int_equal(ask(f, verbs[i], "ca", "other", &root), ERR_PRECONDITION);
    }
    assert_int_equal(ask(f, MAKE_CODE, "ca", first, NULL), OK);
    etag_now(f, "ca", second);
    assert_string_not_equal(first, second);
    assert_int_equal(ask(f, DELETE, "ca", first, NULL), ERR_PRECONDITION);
    assert_int_equal(ask(f, DELETE, "ca", second, NULL), OK);
    for (int i = 1; i < 4; i++) assert_int_equal(ask(f, verbs[i], "ca", "*", &root), ERR_NOT_FOUND);
}

static void an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing(void **state)
{
    struct fixture *f = *state;
    char wanted[CERTIFICATE_IF_MATCH_MAX + 2];
    assert_int_equal(ask(f, PUT, "ca", NULL, &root), OK);
    snprintf(wanted, sizeof wanted, "%-*s", CERTIFICATE_IF_MATCH_MAX + 1, "*");
    assert_int_equal(ask(f, DELETE, "ca", wanted, NULL), ERR_PRECONDITION);
    wanted[CERTIFICATE_IF_MATCH_MAX] = '\0';
    assert_int_equal(ask(f, DELETE, "ca", wanted, NULL), OK);
}

static void another_certificate_is_not_verified_by_the_old_proof(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, PUT_VERIFIED, "ca", NULL, &root), OK);
    assert_int_equal(ask(f, PUT, "CA", "*", &root), OK);
    assert_true(find(f, "ca")->verified);
    assert_int_equal(ask(f, PUT, "ca", "*", &other), OK);
    assert_false(find(f, "ca")->verified);
    assert_false(trusted(f));
}

static void what_cannot_be_a_ca_here_is_refused(void **state)
{
    struct fixture *f = *state;
    char longest[CERTIFICATE_NAME_MAX + 1] = {0}, longer[CERTIFICATE_NAME_MAX + 2] = {0};
    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    const struct {
        const char *name;
        const struct paper *paper;
        enum err want;
    } rows[] = {
        {"ca", &device, ERR_INVALID}, {"ca", &expired, ERR_INVALID},
        {"ca", NULL, ERR_INVALID},    {"", &root, ERR_INVALID},
        {"a b", &root, ERR_INVALID},  {longer, &root, ERR_INVALID},
        {"a/b", &root, ERR_INVALID},  {"caf\xc3\xa9", &root, ERR_INVALID},
        {longest, &root, OK},         {"again", &root, ERR_EXISTS},
        {"a-1._", &line, OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(ask(f, PUT, rows[i].name, NULL, rows[i].paper), rows[i].want);
    assert_string_equal(certificate_at(f->copies[1], 0)->name, "a-1._");
    assert_string_equal(certificate_at(f->copies[1], 1)->name, longest);
    assert_null(certificate_at(f->copies[1], 2));
}

static void a_hub_has_25(void **state)
{
    struct fixture *f = *state;
    char name[16];
    int64_t refused = limit_reached("certificates");
    for (int i = 0; i <= X509_CAS_MAX; i++) {
        struct paper p;
        snprintf(name, sizeof name, "ca%d", i);
        issue(&p, &(struct issue){.name = name, .ca = true});
        assert_int_equal(ask(f, PUT_VERIFIED, name, NULL, &p), i < X509_CAS_MAX ? OK : ERR_FULL);
        if (i == 0) assert_int_equal(ask(f, PUT_VERIFIED, name, "*", &p), OK);
        paper_fini(&p);
    }
    assert_int_equal(limit_reached("certificates") - refused, 1);
    restart(f);
    assert_int_equal(ask(f, PUT, "more", NULL, &root), ERR_FULL);
    assert_int_equal(ask(f, DELETE, "ca3", "*", NULL), OK);
    assert_int_equal(ask(f, PUT, "more", NULL, &root), OK);
}

static void changes_happen_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    enum { N = CERTIFICATE_CHANGES_MAX };
    struct asker a[N + 1];
    int64_t refused = limit_reached("certificate-changes");
    for (int i = 0; i <= N; i++) {
        f->core = 0; /* all from one core, so that they keep their order */
        start(f, &a[i], i % 2 ? DELETE : PUT, "ca", i % 2 ? "*" : NULL, &root);
    }
    rig_run(&f->rig);
    for (int i = 0; i <= N; i++) {
        assert_int_equal(a[i].answers, 1);
        assert_int_equal(a[i].result, i == N ? ERR_THROTTLED : OK);
    }
    assert_int_equal(limit_reached("certificate-changes") - refused, 1);
    assert_null(find(f, "ca"));
}

static void what_the_store_refuses_is_not_known(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, PUT_VERIFIED, "before", NULL, &root), OK);
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(ask(f, PUT, "after", NULL, &other), ERR_IO);
    assert_int_equal(ask(f, DELETE, "before", "*", NULL), ERR_IO);
    assert_true(trusted(f));
    restart(f);
    assert_null(find(f, "after"));
    assert_true(trusted(f));
}

static void a_hub_can_stop_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct asker a, b;
    start(f, &a, PUT, "a", NULL, &root);
    start(f, &b, PUT, "b", NULL, &other);
    lane_run_once(f->rig.cores[0], rig_mono_us);
    restart(f);
    assert_int_equal(a.answers, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_upload_is_shown_and_trusted_once_it_is_verified),
        CASE(possession_is_proven_with_a_code),
        CASE(a_change_names_the_version_that_it_changes),
        CASE(an_if_match_at_its_limit_counts_and_one_over_it_matches_nothing),
        CASE(another_certificate_is_not_verified_by_the_old_proof),
        CASE(what_cannot_be_a_ca_here_is_refused),
        CASE(a_hub_has_25),
        CASE(changes_happen_one_after_the_other),
        CASE(what_the_store_refuses_is_not_known),
        CASE(a_hub_can_stop_in_the_middle),
    };
    return cmocka_run_group_tests(tests, make_papers, free_papers);
}
