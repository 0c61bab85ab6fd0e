/* profile_test.c - which profile is meant, and what is said of a bad file. */
#include "base/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/profile.h"

static char home[64], path[128];
static struct cli cli;

static int go_home(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/profile-test-XXXXXX");
    assert_non_null(mkdtemp(home));
    snprintf(path, sizeof path, "%s/.config", home);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/.config/azimuth", home);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/.config/azimuth/config.yaml", home);
    setenv("HOME", home, 1);
    unsetenv("AZIMUTH_PROFILE");
    return 0;
}

static int leave(void **state)
{
    (void)state;
    unlink(path);
    arena_free(&cli.arena);
    for (int i = 0; i < 3; i++) {
        *strrchr(path, '/') = '\0';
        rmdir(path);
    }
    return 0;
}

static enum err find(const char *yaml, const char *name, struct profile *out)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(yaml, f);
    fclose(f);
    return profile_find(&cli, name, out);
}

static const char *const both = "connection-string: HostName=top\n"
                                "ca: /top.pem\n"
                                "profiles:\n"
                                "  lab:\n"
                                "    connection-string: HostName=lab\n"
                                "    admin-url: https://lab:8443\n"
                                "  plant: {connection-string: HostName=plant, ca: /plant.pem}\n";

static void the_profile_is_named_by_flag_variable_or_file(void **state)
{
    (void)state;
    struct profile p;
    char text[512];
    assert_int_equal(find(both, NULL, &p), OK);
    assert_string_equal(p.connection_string, "HostName=top");
    assert_string_equal(p.ca, "/top.pem");
    assert_int_equal(find(both, "lab", &p), OK);
    assert_string_equal(p.connection_string, "HostName=lab");
    assert_string_equal(p.admin_url, "https://lab:8443");
    assert_null(p.ca);
    snprintf(text, sizeof text, "%sprofile: plant\n", both);
    assert_int_equal(find(text, NULL, &p), OK);
    assert_string_equal(p.connection_string, "HostName=plant");
    setenv("AZIMUTH_PROFILE", "lab", 1);
    assert_int_equal(find(text, NULL, &p), OK);
    assert_string_equal(p.connection_string, "HostName=lab");
    assert_int_equal(find(text, "plant", &p), OK);
    assert_string_equal(p.connection_string, "HostName=plant");
    unsetenv("AZIMUTH_PROFILE");
}

static void no_file_is_no_profile_unless_one_is_named(void **state)
{
    (void)state;
    struct profile p;
    assert_int_equal(profile_find(&cli, NULL, &p), OK);
    assert_null(p.connection_string);
    assert_int_equal(profile_find(&cli, "lab", &p), ERR_NOT_FOUND);
    assert_int_equal(find("", NULL, &p), OK);
    assert_null(p.connection_string);
    assert_int_equal(find("ca: /top.pem\n", NULL, &p), OK);
    assert_null(p.connection_string);
    assert_string_equal(p.ca, "/top.pem");
    assert_int_equal(find(both, "nowhere", &p), ERR_NOT_FOUND);
    assert_non_null(strstr(fail_text(), "it has: lab, plant"));
}

static void a_bad_file_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *why;
    } rows[] = {
        {"conection-string: x\n", ":1: conection-string: there is no such setting"},
        {"ca: [a]\n", ":1: ca: a plain value"},
        {"- a\n", ":1: names and values"},
        {"profile: [a]\n", ":1: profile: the name of a profile"},
        {"profile: a\nprofiles:\n  a: x\n", ":3: a: names and values"},
        {"profile: a\nprofiles:\n  a: {ca: x}\n", ":3: a: it has no connection-string"},
        {"profile: a\nprofiles:\n  a: {profile: x}\n", ":3: profile: there is no such setting"},
        {"a: b: c\n", ":1: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct profile p;
        if (find(rows[i].yaml, NULL, &p) != ERR_INVALID) fail_msg("%s: accepted", rows[i].yaml);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].yaml, fail_text());
    }
}

/* Ends of lines and what is no character, to YAML: all of them are escaped. */
static void a_book_that_is_written_says_what_it_said(void **state)
{
    (void)state;
    static const char yaml[] =
        "ca: \"/\\x7f \\u2028 \\L \\P \\N \\uffff \\ufffe \\ufeff \\u00fc \\\" x\"\n"
        "profiles: {\"a\\u2029\\x7f\": {connection-string: \"\\L\"}}\n";
    struct json *book, *again;
    struct profile p;
    struct buf said = {0}, read = {0};
    assert_int_equal(find(yaml, "a\u2029\x7f", &p), OK);
    assert_string_equal(p.connection_string, "\u2028");
    assert_int_equal(profile_book_read(&cli, path, &book), OK);
    assert_int_equal(profile_book_write(path, book), OK);
    assert_int_equal(profile_book_read(&cli, path, &again), OK);
    json_write(&said, book);
    json_write(&read, again);
    assert_string_equal(buf_cstr(&said), buf_cstr(&read));
    assert_non_null(strstr(buf_cstr(&said), "\u00fc"));
    buf_free(&said);
    buf_free(&read);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, go_home, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_profile_is_named_by_flag_variable_or_file),
        TEST(no_file_is_no_profile_unless_one_is_named),
        TEST(a_bad_file_is_named_with_its_line),
        TEST(a_book_that_is_written_says_what_it_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
