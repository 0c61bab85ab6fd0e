/* edge_file_test.c - what a file of edge devices may say, and that nothing of it is lost. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/edge_plan.h"

static struct cli cli;
static struct edge_plan plan;

static enum err read_as(const char *yaml, bool quiet)
{
    static const struct cli_verb verb = {.words = "edge devices create",
                                         .options = edge_create_options};
    char path[] = "/tmp/edge-file-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    close(fd);
    char *words[] = {"--config-file", path, "--output-path", "out", "--quiet"};
    bool help;
    cli = (struct cli){.program = "azimuth", .verb = &verb};
    plan = (struct edge_plan){.cli = &cli, .end = &plan.edges};
    assert_int_equal(cli_read_options(&cli, quiet ? 5 : 4, words, &help), OK);
    enum err e = edge_read(&plan);
    unlink(path);
    return e;
}

static enum err read_text(const char *yaml)
{
    return read_as(yaml, true);
}

static void what_a_file_says_of_a_device_is_in_the_plan(void **state)
{
    (void)state;
    enum err e =
        read_text("edgeConfiguration: {defaultEdgeAgent: mcr/agent}\n"
                  "edgeDevices:\n"
                  "  - deviceId: top\n"
                  "    hostname: top.local\n"
                  "    edgeAgent: ~\n"
                  "    deployment:\n"
                  "    containerAuth: {serverAddress: r.io, username: u, password: 'null'}\n"
                  "    children: [{deviceId: low}]\n");
    if (e != OK) fail_msg("%s", fail_text());
    const struct edge *top = plan.edges;
    assert_true(slice_is(top->hostname, "top.local") && slice_is(plan.image, "mcr/agent"));
    assert_true(top->agent.image.len == 0 && top->content == NULL);
    assert_true(slice_is(top->agent.server, "r.io") && slice_is(top->agent.password, "null"));
    assert_true(slice_is(top->next->parent, "top"));
    arena_free(&cli.arena);
}

static void what_is_no_plain_value_is_named_with_its_line(void **state)
{
    static const struct {
        const char *yaml, *why;
    } rows[] = {
        {"edgeDevices:\n  - deviceId: a\n    hostname: [b]\n", ":3: hostname: a plain value"},
        {"edgeDevices:\n  - deviceId: a\n    edgeAgent: {b: c}\n", ":3: edgeAgent: a plain value"},
        {"edgeDevices:\n  - deviceId: a\n    deployment: [m]\n", ":3: deployment: a plain value"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth: b\n",
         ":3: containerAuth: names and values"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth: [b]\n",
         ":3: containerAuth: names and values"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth: {username: u}\n",
         ":3: containerAuth: serverAddress is missing"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth:\n      serverAddress: r\n"
         "      password: [p]\n",
         ":5: password: a plain value"},
        {"certificates: {rootCACertPath: [a]}\nedgeDevices: []\n",
         ":1: rootCACertPath: a plain value"},
        {"edgeConfiguration: a\nedgeDevices: []\n", ":1: edgeConfiguration: names and values"},
        {"iotHub: [a]\nedgeDevices: []\n", ":1: iotHub: names and values"},
        {"iotHub: a\nedgeDevices: []\n", ":1: iotHub: names and values"},
        {"iotHub:\n  authenticationMethod: [a]\nedgeDevices: []\n",
         ":2: authenticationMethod: a plain value"},
        {"iotHub:\n  authenticationMethod: tpm\nedgeDevices: []\n",
         ":2: authenticationMethod: symmetricKey or"},
        {"configVersion: [a]\nedgeDevices: []\n", ":1: configVersion: a plain value"},
        {"- edgeDevices\n", "the file has no edgeDevices"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_text(rows[i].yaml) != ERR_INVALID) fail_msg("%s: accepted", rows[i].yaml);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].yaml, fail_text());
        arena_free(&cli.arena);
    }
}

/* What it says of the file on stderr. */
static void told(const char *yaml, char out[1024])
{
    FILE *there = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_true(there && before >= 0 && dup2(fileno(there), STDERR_FILENO) >= 0);
    enum err e = read_as(yaml, false);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    if (e != OK) fail_msg("%s", fail_text());
    rewind(there);
    out[fread(out, 1, 1023, there)] = '\0';
    fclose(there);
    arena_free(&cli.arena);
}

static void what_is_left_out_is_told_with_its_line(void **state)
{
    static const struct {
        const char *yaml, *what;
    } rows[] = {
        {"iotHub: {authenticationMethod: symmetricKey,\n  hubName: h}\nedgeDevices: []\n",
         ":2: hubName is left out\n"},
        {"certificates: {rootCACertPath: a, rootCACertKeyPath: b}\ncolour: {red: 1}\n"
         "edgeDevices: []\n",
         ":2: colour is left out\n"},
        {"edgeDevices: []\nedgeConfiguration: {colour: red}\n", ":2: colour is left out\n"},
        {"edgeDevices:\n  - deviceId: a\n    colour: red\n", ":3: colour is left out\n"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth: {serverAddress: r, colour: red}\n",
         ":3: colour is left out\n"},
        {"configVersion: '1.0'\niotHub:\ncertificates: ~\nedgeConfiguration: {}\n"
         "edgeDevices: []\n",
         ""},
        {"iotHub: {authenticationMethod: ~}\nedgeDevices: []\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[1024];
        told(rows[i].yaml, out);
        const char *line = strchr(out, ':');
        assert_string_equal(line ? line : out, rows[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_says_of_a_device_is_in_the_plan),
        cmocka_unit_test(what_is_left_out_is_told_with_its_line),
        cmocka_unit_test(what_is_no_plain_value_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
