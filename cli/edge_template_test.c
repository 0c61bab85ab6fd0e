/* edge_template_test.c - what stays of somebody's own config.toml, and what is none. */
#include "base/test.h"

#include "cli/edge_template.h"

static const char template[] = "# ours\n"
                               "hostname = \"old\"\n"
                               "'parent_hostname'=\"old\"\n"
                               "provisioning.source = \"dps\"\n"
                               "allow_elevated_docker_permissions = false # [edge_ca]\n"
                               "\n"
                               "[provisioning]\n"
                               "source = \"dps\"\n"
                               "[provisioning.attestation]\n"
                               "method = \"tpm\"\n"
                               "[agent]\n"
                               "name = \"edgeAgent\"\n"
                               "env = { \"A\" = \"1\" }\n"
                               "config.createOptions = { HostConfig = [\n  1, # ]\n ] }\n"
                               "[agent.config]\n"
                               "image = \"agent:0\"\n"
                               "[ edge_ca ]\n"
                               "cert = \"file:///old\"\n"
                               "[[listeners]]\n"
                               "note = \"\"\"\n"
                               "[edge_ca]\n"
                               "a \\\"quote\\\" \"\"\"\"\n"
                               "[moby_runtime]\n"
                               "uri = 'unix:///var/run/docker.sock'";

static struct buf kept(const struct edge_template *t, bool tables, bool with_agent_config)
{
    struct buf out = {0};
    edge_template_put(t, tables, with_agent_config, &out);
    return out;
}

static void what_a_device_has_of_its_own_is_taken_out(void **state)
{
    struct arena arena = {0};
    struct edge_template t;
    (void)state;
    assert_int_equal(edge_template_read(&arena, "t.toml", slice_str(template), &t), OK);
    assert_true(t.has_agent);
    struct buf top = kept(&t, false, true), tables = kept(&t, true, false);
    assert_string_equal(buf_cstr(&top),
                        "# ours\nallow_elevated_docker_permissions = false # [edge_ca]\n\n");
    assert_string_equal(buf_cstr(&tables),
                        "[agent]\nname = \"edgeAgent\"\nenv = { \"A\" = \"1\" }\n[[listeners]]\n"
                        "note = \"\"\"\n[edge_ca]\na \\\"quote\\\" \"\"\"\"\n[moby_runtime]\n"
                        "uri = 'unix:///var/run/docker.sock'\n");
    buf_free(&top);
    buf_free(&tables);
    tables = kept(&t, true, true);
    assert_non_null(strstr(buf_cstr(&tables), "[agent.config]\nimage = \"agent:0\"\n"));
    assert_non_null(strstr(buf_cstr(&tables), "HostConfig = [\n  1, # ]\n ] }\n"));
    buf_free(&tables);
    arena_free(&arena);
}

static void what_is_no_toml_is_refused_with_its_line(void **state)
{
    static const char *const texts[][2] = {
        {"a = 1\nb = \"x\n", "t.toml:2: a string has no end"},
        {"a = '''x\n", "t.toml:1: a string has no end"},
        {"a = \"x\\", "t.toml:1: a string has no end"},
        {"\na = [1,\n2\n", "t.toml:2: a bracket is never closed"},
        {"a = 1]\n", "t.toml:1: a bracket was never opened"},
        {"[ ]\n", "t.toml:1: no name of a table"},
        {"[a.]\n", "t.toml:1: no name of a table"},
        {"a = 1\nhello\n", "t.toml:2: neither a key nor a table"},
        {"agent = { config = { image = \"a\" } }\n", "t.toml:1: agent is to be a table: [agent]"},
        {"\nagent.name = \"edgeAgent\"\n", "t.toml:2: agent is to be a table: [agent]"},
        {"agent.config.image = \"a\"\n", "t.toml:1: agent is to be a table: [agent]"},
        {"'agent' . \"env\" = {}\n", "t.toml:1: agent is to be a table: [agent]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena arena = {0};
        struct edge_template t;
        assert_int_equal(edge_template_read(&arena, "t.toml", slice_str(texts[i][0]), &t),
                         ERR_INVALID);
        assert_string_equal(fail_text(), texts[i][1]);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_device_has_of_its_own_is_taken_out),
                                       cmocka_unit_test(what_is_no_toml_is_refused_with_its_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
