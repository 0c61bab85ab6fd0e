/* config_test.c - which value wins, and what is said of a bad one. */
#include "base/test.h"

#include <unistd.h>

#include "proto/tls/tls.h"
#include "server/config.h"

enum { WORDS_MAX = 48 };

/* Loads from words ("--a b"), variables and, if not NULL, a file with that text. */
static enum err load(struct config *c, const char *words, char *const env[], const char *yaml)
{
    static char text[512], path[64];
    char *argv[WORDS_MAX];
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    if (yaml) {
        snprintf(path, sizeof path, "/tmp/config-test-XXXXXX");
        int fd = mkstemp(path);
        assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
        close(fd);
        argv[argc++] = "--config";
        argv[argc++] = path;
    }
    enum err e = config_load(c, CONFIG_SERVE, argc, argv, env);
    if (yaml) unlink(path);
    return e;
}

static char *const no_env[] = {NULL};

static void defaults_are_those_of_the_manual(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(load(&c, "", no_env, NULL), OK);
    assert_string_equal(c.data, "./azimuth-data");
    assert_null(c.file);
    assert_int_equal(c.host_count, 1);
    assert_string_equal(c.hosts[0], "localhost");
    assert_string_equal(c.hub_name, "azimuth");
    assert_int_equal(c.bind_count, 0);
    assert_int_equal(c.mqtt_port, 8883);
    assert_int_equal(c.amqp_port, 5671);
    assert_int_equal(c.https_port, 443);
    assert_false(c.plain_mqtt || c.plain_amqp || c.ephemeral || c.help || c.fault_injection);
    assert_int_equal(c.console_port, 8443);
    assert_int_equal(c.partitions, 4);
    assert_true(c.retention_us == CONFIG_RETENTION_US && c.retention_bytes == 0);
    assert_true(c.disk_reserve == CONFIG_DISK_RESERVE);
    assert_int_equal(c.workers, 0);
    assert_int_equal(c.max_connections, 0);
    assert_int_equal(c.log_level, SAY_INFO);
    config_free(&c);
}

static void flags_win_over_environment_over_file(void **state)
{
    (void)state;
    char *const env[] = {"AZIMUTH_MQTT_PORT=2", "AZIMUTH_AMQP_PORT=2", "AZIMUTH_HTTPS_PORT=", NULL};
    struct config c;
    assert_int_equal(
        load(&c, "--mqtt-port 3", env, "mqtt-port: 1\namqp-port: 1\nhttps-port: 1 # a comment\n"),
        OK);
    assert_int_equal(c.mqtt_port, 3);
    assert_int_equal(c.amqp_port, 2);
    assert_int_equal(c.https_port, 1);
    assert_non_null(c.file);
    config_free(&c);
}

static void a_stronger_place_replaces_a_whole_list(void **state)
{
    (void)state;
    const char *yaml = "hostname: [a.test, b.test]\nbind:\n  - 127.0.0.1\n  - ::1\n";
    char *const env[] = {"AZIMUTH_HOSTNAME=c.test, d.test", NULL};
    struct config c;
    assert_int_equal(load(&c, "", no_env, yaml), OK);
    assert_int_equal(c.host_count, 2);
    assert_string_equal(c.hosts[1], "b.test");
    assert_int_equal(c.bind_count, 2);
    assert_string_equal(c.hub_name, "azimuth"); /* "a" is too short for a hub's name */
    config_free(&c);
    assert_int_equal(load(&c, "", env, yaml), OK);
    assert_int_equal(c.host_count, 2);
    assert_string_equal(c.hosts[1], "d.test");
    config_free(&c);
    assert_int_equal(load(&c, "--hostname plant.example --hostname=e.test", env, yaml), OK);
    assert_int_equal(c.host_count, 2);
    assert_string_equal(c.hosts[1], "e.test");
    assert_string_equal(c.hub_name, "plant");
    config_free(&c);
}

static void every_option_reads_its_values(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(load(&c,
                          "--data /d --hub-name my-hub --bind 127.0.0.1 --bind ::1 --mqtt-port 0 "
                          "--plain-mqtt-port 1883 --plain-amqp-port 5672 --console [::1]:9000 "
                          "--partitions 8 --retention 7d,10GiB --tls-cert a --tls-key b "
                          "--tls-cert c --tls-key d --workers 2 --max-connections 500 "
                          "--disk-reserve 64MiB --seed s.yaml "
                          "--log-level debug --store sqlite --log own",
                          no_env, NULL),
                     OK);
    assert_string_equal(c.data, "/d");
    assert_string_equal(c.hub_name, "my-hub");
    assert_int_equal(c.mqtt_port, 0);
    assert_true(c.plain_mqtt && c.plain_mqtt_port == 1883);
    assert_true(c.plain_amqp && c.plain_amqp_port == 5672);
    assert_string_equal(c.console_address, "::1");
    assert_int_equal(c.console_port, 9000);
    assert_string_equal(c.seed, "s.yaml");
    assert_int_equal(c.partitions, 8);
    assert_true(c.retention_us == 7 * CONFIG_RETENTION_US && c.retention_bytes == 10ull << 30);
    assert_int_equal(c.tls_key_count, 2);
    assert_string_equal(c.tls_keys[1], "d");
    assert_int_equal(c.workers, 2);
    assert_int_equal(c.max_connections, 500);
    assert_true(c.disk_reserve == 64 << 20);
    assert_int_equal(c.log_level, SAY_DEBUG);
    config_free(&c);
}

static void a_provider_has_a_name_and_roles(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "--oidc-issuer https://a",
        "--oidc-client-id b",
        "--oidc-issuer http://a --oidc-client-id b",
        "--oidc-issuer https://a --oidc-client-id b --oidc-role reader",
        "--oidc-issuer https://a --oidc-client-id b --oidc-role =reader",
        "--oidc-issuer https://a --oidc-client-id b --oidc-role x=king",
    };
    struct config c;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(load(&c, wrong[i], no_env, NULL), ERR_INVALID);
        config_free(&c);
    }
    assert_int_equal(
        load(&c, "--oidc-issuer https://a --oidc-client-id b --oidc-role a=b=Reader", no_env, NULL),
        OK);
    assert_string_equal(c.oidc_role_claim, "roles");
    assert_int_equal(c.oidc_role_count, 1);
    config_free(&c);
}

static void throttles_are_a_tier_s_and_what_is_said_otherwise(void **state)
{
    (void)state;
    char *const env[] = {"AZIMUTH_THROTTLE=registry=3/min, methods=off", NULL};
    struct throttle_config t;
    struct config c;
    assert_int_equal(load(&c, "--tier s2 --units 200", env, "throttle: [queries=1/s]\n"), OK);
    config_throttles(&c, &t);
    assert_int_equal(t.rates[THROTTLES_REGISTRY].amount, 3);
    assert_int_equal(t.rates[THROTTLES_METHODS].amount, 0);
    assert_int_equal(t.rates[THROTTLES_QUERIES].amount, 4000);
    assert_int_equal(t.quota.messages, 1200000000);
    config_free(&c);
    assert_int_equal(
        load(&c, "", no_env, "tier: F1\nthrottle:\n  - twin-reads=1/s\n  - quota=9/d\n"), OK);
    config_throttles(&c, &t);
    assert_int_equal(t.rates[THROTTLES_TWIN_READS].amount, 1);
    assert_int_equal(t.rates[THROTTLES_QUERIES].amount, 20);
    assert_int_equal(t.quota.messages, 9);
    assert_int_equal(t.quota.meter, QUOTA_METER_FREE);
    config_free(&c);
    assert_int_equal(load(&c, "", no_env, NULL), OK);
    config_throttles(&c, &t);
    assert_null(throttle_new(&t));
    assert_null(quota_new(&t.quota));
    config_free(&c);
}

static void a_tier_has_so_many_units(void **state)
{
    (void)state;
    static const struct {
        const char *tier;
        unsigned max;
    } rows[] = {{"off", 1}, {"F1", 1},   {"B1", 200}, {"B2", 200},
                {"B3", 10}, {"S1", 200}, {"S2", 200}, {"S3", 10}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned over = 0; over < 2; over++) {
            struct config c;
            char words[64];
            snprintf(words, sizeof words, "--tier %s --units %u", rows[i].tier, rows[i].max + over);
            assert_int_equal(load(&c, words, no_env, NULL), over ? ERR_INVALID : OK);
            if (!over) assert_int_equal(c.units, rows[i].max);
            config_free(&c);
        }
}

static void a_retention_by_size_alone_has_no_time(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(load(&c, "--retention 100M", no_env, NULL), OK);
    assert_true(c.retention_us == INT64_MAX && c.retention_bytes == 100 << 20);
    config_free(&c);
    assert_int_equal(load(&c, "--retention 10m", no_env, NULL), OK);
    assert_true(c.retention_us == 600 * 1000000ll && c.retention_bytes == 0);
    config_free(&c);
}

static void switches_have_words(void **state)
{
    (void)state;
    struct config c;
    char *const env[] = {"AZIMUTH_EPHEMERAL=yes", NULL};
    assert_int_equal(load(&c, "--ephemeral", no_env, NULL), OK);
    assert_true(c.ephemeral);
    config_free(&c);
    assert_int_equal(load(&c, "--ephemeral=false", env, NULL), OK);
    assert_false(c.ephemeral);
    config_free(&c);
    assert_int_equal(load(&c, "--fault-injection", no_env, NULL), OK);
    assert_true(c.fault_injection);
    config_free(&c);
    assert_int_equal(load(&c, "--fault-injection=false", no_env, "fault-injection: true\n"), OK);
    assert_false(c.fault_injection);
    config_free(&c);
    assert_int_equal(load(&c, "--data /d", env, "plain-mqtt-port: off\n"), OK);
    assert_true(c.ephemeral && !c.plain_mqtt);
    config_free(&c);
}

#define PAIR "--tls-cert a --tls-key b "

static void so_many_certificates_may_be_given(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(load(&c, PAIR PAIR PAIR PAIR, no_env, NULL), OK);
    assert_int_equal(c.tls_cert_count, TLS_IDENTITIES_MAX);
    config_free(&c);
}

static void bad_options_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *words, *yaml, *why;
    } rows[] = {
        {"serve", NULL, "'serve' is not an option"},
        {"--mqtt", NULL, "no option '--mqtt'"},
        {"--mqtt-port", NULL, "--mqtt-port needs a value: --mqtt-port PORT"},
        {"--mqtt-port=", NULL, "--mqtt-port: the value is empty"},
        {"--mqtt-port 65536", NULL, "--mqtt-port: '65536' is not a port"},
        {"--mqtt-port -1", NULL, "--mqtt-port: '-1' is not a port"},
        {"--hostname a_b.test/", NULL, "--hostname: 'a_b.test/' is not a host name"},
        {"--hub-name ab", NULL, "not a hub's name"},
        {"--bind localhost", NULL, "--bind: 'localhost' is not an address"},
        {"--console 8443", NULL, "ADDR:PORT"},
        {"--console off:1", NULL, "ADDR:PORT"},
        {"--console localhost:8443", NULL, "ADDR:PORT"},
        {"--tier S4", NULL, "--tier: 'S4' is not off, F1"},
        {"--tier F1 --units 2", NULL, "--units 2: a hub of this tier has one"},
        {"--tier S3 --units 11", NULL, "a hub of this tier has 10 at most"},
        {"--tier S1 --units 201", NULL, "number from 1 to 200"},
        {"--units 2", NULL, "--units 2: without a --tier there are none"},
        {"--throttle twins=1/s", NULL, "--throttle: 'twins' is not registry"},
        {"--throttle quota=1/h", NULL, "the quota is MESSAGES/d"},
        {"--throttle jobs=1/week", NULL, "a rate is AMOUNT/PERIOD"},
        {"--partitions 0", NULL, "number from 1 to 32"},
        {"--partitions 33", NULL, "number from 1 to 32"},
        {"--retention 86400", NULL, "not a time (7d, 12h) or a size"},
        {"--retention 0d", NULL, "not a time"},
        {"--retention 7x", NULL, "not a time"},
        {"--device-token-lifetime 0m", NULL, "not a time"},
        {"--log-level loud", NULL, "--log-level: 'loud' is not error, warn"},
        {"--ephemeral=maybe", NULL, "true or false"},
        {"--ephemeral --data /d", NULL, "no sense"},
        {"--upload-container uploads", NULL, "begins with azimuth-"},
        {"--upload-container Azimuth-x", NULL, "a container's name"},
        {"--upload-container azimuth--x", NULL, "a container's name"},
        {"--upload-connection-string AccountName=a", NULL, "AccountKey is not base64"},
        {"--tls-cert a", NULL, "1 certificates but 0 keys"},
        {PAIR PAIR PAIR PAIR PAIR, NULL, "5 certificates: at most 4 may be given"},
        {"--store postgres://me:secret@db", NULL, "'postgres' comes with a later release"},
        {"--log kafka://k:9092", NULL, "'kafka' comes with a later release"},
        {"--plain-mqtt-port 1883 --bind 0.0.0.0", NULL, "loopback only: take 0.0.0.0 out"},
        {"--config /nonexistent/azimuth.yaml", NULL, "no such file"},
        {"", "mqtt-port: 1\nmqtt-prot: 2\n", ":2: mqtt-prot: there is no such option"},
        {"", "# c\n\nmqtt-port: x\n", ":3: mqtt-port: 'x' is not a port"},
        {"", "config: other.yaml\n", "cannot name another"},
        {"", "- a\n", ":1: the file is not a mapping"},
        {"", "just text\n", "not a mapping"},
        {"", "mqtt-port: {a: 1}\n", ":1: mqtt-port: a value or a list"},
        {"", "bind: [[127.0.0.1]]\n", ":1: bind: a value or a list"},
        {"", "mqtt-port: \"1\n", "azimuth-test"},
        {"", "[a]: 1\n", "the name of an option"},
        {"", "mqtt-port: 1\n---\namqp-port: 2\n", "second document"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        enum err e = load(&c, rows[i].words, no_env, rows[i].yaml);
        if (e == OK) fail_msg("%s / %s: accepted", rows[i].words, rows[i].yaml);
        bool any = strcmp(rows[i].why, "azimuth-test") == 0; /* libyaml's own words */
        if (!any && !strstr(fail_text(), rows[i].why))
            fail_msg("%s: %s", rows[i].words, fail_text());
        config_free(&c);
    }
}

static void files_have_to_be_there_unless_the_start_makes_them(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        bool taken;
    } rows[] = {
        {"--data /nowhere", true},
        {"--data /nowhere --outgoing-ca /nowhere/ca.pem", true},
        {"--data /nowhere/ --outgoing-ca /nowhere/ca.pem", true},
        {"--data /nowhere --outgoing-ca /dev/null", true},
        {"--data /nowhere --outgoing-ca /nowhere.pem", false},
        {"--data /nowhere --outgoing-ca /elsewhere/ca.pem", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        assert_int_equal(load(&c, rows[i].words, no_env, NULL), OK);
        assert_int_equal(config_check_files(&c), rows[i].taken ? OK : ERR_INVALID);
        config_free(&c);
    }
}

static void note_difference(void *ctx, const char *option)
{
    char *names = ctx;
    strcat(strcat(names, option), " ");
}

static void what_differs_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *names;
    } rows[] = {
        {"", "", ""},
        {"--log-level info", "--log-level debug", "log-level "},
        {"--data a --mqtt-port 1", "--data b --mqtt-port 2", "data mqtt-port "},
        {"--bind 127.0.0.1", "--bind 127.0.0.1 --bind ::1", "bind "},
        {"--bind 127.0.0.1", "--bind 127.0.0.2", "bind "},
        {"--hostname a --hub-name one", "--hostname b --hub-name two", "hostname hub-name "},
        {"--plain-mqtt-port 1", "--plain-mqtt-port off", "plain-mqtt-port "},
        {"--console 127.0.0.1:1", "--console 127.0.0.1:2", "console "},
        {"--console 127.0.0.1:1", "--console off", "console "},
        {"--console off", "--console off", ""},
        {"--retention 1d", "--retention 1d,1GiB", "retention "},
        {"--disk-reserve 1MiB", "--disk-reserve 2MiB", "disk-reserve "},
        {"--device-token-lifetime 15m", "--device-token-lifetime 1h", "device-token-lifetime "},
        {"--events TwinChangeEvents", "", "events "},
        {"--events all", "--events off", "events "},
        {"--events TwinChangeEvents --events DeviceLifecycleEvents",
         "--events devicelifecycleevents --events twinchangeevents", ""},
        {"--tls-cert a --tls-key b", "--tls-cert a --tls-key c", "tls-key "},
        {"--ephemeral", "", "ephemeral "},
        {"", "--tier S1", "tier "},
        {"--tier s1", "--tier S1", ""},
        {"--tier S1", "--tier S1 --units 2", "units "},
        {"", "--throttle jobs=1/s", "throttle "},
        {"--throttle jobs=1/s", "--throttle jobs=2/s", "throttle "},
        {"--throttle jobs=1/s", "--throttle jobs=1/s --throttle queries=1/s", "throttle "},
        {"--fault-injection", "", "fault-injection "},
        {"", "--disable-device-sas", "disable-device-sas "},
        {"--disable-module-sas", "", "disable-module-sas "},
        {"", "--outgoing-ca a", "outgoing-ca "},
        {"--outgoing-ca a", "--outgoing-ca b", "outgoing-ca "},
        {"--outgoing-ca a", "--outgoing-ca a", ""},
        {"--workers 1", "--workers 2", "workers "},
        {"--seed a", "--seed a", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config before, after;
        char names[128] = "";
        assert_int_equal(load(&before, rows[i].before, no_env, NULL), OK);
        assert_int_equal(load(&after, rows[i].after, no_env, NULL), OK);
        config_compare(&before, &after, note_difference, names);
        if (strcmp(names, rows[i].names) != 0) fail_msg("%s: %s", rows[i].after, names);
        config_free(&before);
        config_free(&after);
    }
    assert_true(config_is_live("log-level") && config_is_live("tls-key"));
    assert_false(config_is_live("mqtt-port"));
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    char *const env[] = {"AZIMUTH_PLAIN_MQTT_PORT=many", NULL};
    struct config c;
    assert_int_equal(load(&c, "", env, NULL), ERR_INVALID);
    assert_string_equal(fail_text(), "AZIMUTH_PLAIN_MQTT_PORT: 'many' is not a port (0 to 65535)");
    config_free(&c);
}

static void an_empty_file_is_fine(void **state)
{
    (void)state;
    struct config c;
    assert_int_equal(load(&c, "", no_env, ""), OK);
    config_free(&c);
    assert_int_equal(load(&c, "", no_env, "# nothing\n"), OK);
    config_free(&c);
    assert_int_equal(load(&c, "", no_env, "{}"), OK);
    config_free(&c);
}

static void lists_are_limited(void **state)
{
    (void)state;
    static const struct {
        const char *name, *before, *behind; /* a number */
    } rows[] = {{"hostname", "h", ""}, {"throttle", "jobs=", "/s"}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int count = CONFIG_LIST_MAX; count <= CONFIG_LIST_MAX + 1; count++) {
            struct config c;
            struct buf yaml = {0};
            buf_printf(&yaml, "%s:\n", rows[r].name);
            for (int i = 1; i <= count; i++)
                buf_printf(&yaml, "- %s%d%s\n", rows[r].before, i, rows[r].behind);
            enum err want = count > CONFIG_LIST_MAX ? ERR_INVALID : OK;
            assert_int_equal(load(&c, "", no_env, buf_cstr(&yaml)), want);
            config_free(&c);
            buf_free(&yaml);
        }
}

static void help_looks_at_nothing_else_and_names_every_option(void **state)
{
    (void)state;
    struct config c;
    struct buf text = {0};
    assert_int_equal(load(&c, "--nonsense --help", no_env, NULL), OK);
    assert_true(c.help);
    config_help(&text, CONFIG_SERVE);
    assert_non_null(strstr(buf_cstr(&text), "usage: azimuth serve"));
    assert_non_null(strstr(buf_cstr(&text), "--retention TIME|SIZE"));
    buf_free(&text);
    config_free(&c);
}

static void what_is_shown_is_a_file_that_says_the_same(void **state)
{
    (void)state;
    static const char *const env[] = {"AZIMUTH_BIND=127.0.0.1,::1", NULL};
    struct config c, again;
    struct buf shown = {0};
    assert_int_equal(
        load(&c, "--ephemeral --retention 7d --retention 10GiB --oidc-role cn=ops,dc=x=reader",
             (char *const *)(const void *)env,
             "mqtt-port: 1884\nhostname: [hub.example, b.example]\n"
             "upload-connection-string: BlobEndpoint=https://h/;AccountName=a;AccountKey="
             "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\nupload-container: kept\n"),
        OK);
    config_show(&shown, &c);
    static const char *const lines[] = {"\nmqtt-port: 1884  # ",
                                        ":1\n",
                                        "\nhostname: [hub.example, b.example]  # ",
                                        "\nbind: [127.0.0.1, \"::1\"]  # AZIMUTH_BIND\n",
                                        "\nretention: [7d, 10GiB]  # --retention\n",
                                        "\nephemeral: true  # --ephemeral\n",
                                        "\n# amqp-port: 5671\n",
                                        "\noidc-role: [\"cn=ops,dc=x=reader\"]  # --oidc-role\n",
                                        "\nupload-connection-string: \"***\"  # "};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(buf_cstr(&shown), lines[i]) == NULL)
            fail_msg("%s: %s", lines[i], buf_cstr(&shown));
    assert_null(strstr(buf_cstr(&shown), "AccountKey"));
    struct buf text = {0};
    struct slice rest = buf_slice(&shown), line;
    while (slice_split(&rest, '\n', &line))
        if (!slice_starts(line, SLICE_LIT("upload-"))) buf_printf(&text, "%.*s\n", SLICE_ARG(line));
    assert_int_equal(load(&again, "", no_env, buf_cstr(&text)), OK);
    assert_int_equal(again.mqtt_port, 1884);
    assert_int_equal(again.bind_count, 2);
    assert_int_equal(again.retention_bytes, c.retention_bytes);
    assert_string_equal(again.hosts[1], "b.example");
    assert_true(again.ephemeral);
    config_free(&c);
    config_free(&again);
    buf_free(&shown);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_is_a_file_that_says_the_same),
        cmocka_unit_test(defaults_are_those_of_the_manual),
        cmocka_unit_test(flags_win_over_environment_over_file),
        cmocka_unit_test(a_stronger_place_replaces_a_whole_list),
        cmocka_unit_test(every_option_reads_its_values),
        cmocka_unit_test(a_provider_has_a_name_and_roles),
        cmocka_unit_test(throttles_are_a_tier_s_and_what_is_said_otherwise),
        cmocka_unit_test(a_tier_has_so_many_units),
        cmocka_unit_test(a_retention_by_size_alone_has_no_time),
        cmocka_unit_test(switches_have_words),
        cmocka_unit_test(so_many_certificates_may_be_given),
        cmocka_unit_test(bad_options_are_named_with_their_place),
        cmocka_unit_test(files_have_to_be_there_unless_the_start_makes_them),
        cmocka_unit_test(what_differs_is_named),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(an_empty_file_is_fine),
        cmocka_unit_test(lists_are_limited),
        cmocka_unit_test(help_looks_at_nothing_else_and_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
