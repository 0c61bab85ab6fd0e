/* edge_file_test.c - what a file of edge devices may say, and that nothing of it is lost. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/edge_plan.h"

/* Those that a plan asks for. */
static const struct cli_option options[] = {{"config-file", "FILE", ""},
                                            {"output-path", "DIR", ""},
                                            {"quiet", NULL, ""},
                                            {"device", "KEY=VALUE...", ""},
                                            {"device-auth-type", "HOW", ""},
                                            {"root-cert", "FILE", ""},
                                            {"root-key", "FILE", ""},
                                            {"default-edge-agent", "IMAGE", ""},
                                            {"device-config-template", "FILE", ""},
                                            {"", NULL, NULL}};

static struct cli cli;
static struct edge_plan plan;

static enum err read_text(const char *yaml)
{
    char path[] = "/tmp/edge-file-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    close(fd);
    cli = (struct cli){.options = {options}, .values = {{path, "out", ""}}};
    plan = (struct edge_plan){.cli = &cli, .end = &plan.edges};
    enum err e = edge_read(&plan);
    unlink(path);
    return e;
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
         ":3: containerAuth: serverAddress is missing"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth: {username: u}\n",
         ":3: containerAuth: serverAddress is missing"},
        {"edgeDevices:\n  - deviceId: a\n    containerAuth:\n      serverAddress: r\n"
         "      password: [p]\n",
         ":5: password: a plain value"},
        {"certificates: {rootCACertPath: [a]}\nedgeDevices: []\n",
         ":1: rootCACertPath: a plain value"},
        {"edgeConfiguration: a\nedgeDevices: []\n", ":1: edgeConfiguration: names and values"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (read_text(rows[i].yaml) != ERR_INVALID) fail_msg("%s: accepted", rows[i].yaml);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].yaml, fail_text());
        arena_free(&cli.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_says_of_a_device_is_in_the_plan),
        cmocka_unit_test(what_is_no_plain_value_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
