/* Tests of the device verbs' options: what is refused before anything is sent. */
#include "base/test.h"

#include <string.h>

#include "cli/cli.h"

/* No request is made with --existing; a run that is allowed ends at the host name. */
#define LOGIN                                                                                      \
    "--login "                                                                                     \
    "HostName=name.invalid;SharedAccessKeyName=p;SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZg== "
#define SIMULATE "device simulate --existing " LOGIN
#define SEND     "device send-d2c-message " LOGIN

static int run(const char *line)
{
    static char copy[512];
    char *argv[40] = {"azimuth"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    return cli_main(argc, argv, NULL);
}

static void options_that_exclude_each_other_are_usage_errors(void **state)
{
    static const char *const lines[] = {
        SIMULATE "--csv f --data x",
        SIMULATE "--device-id d --count 2",
        SIMULATE "--device-id d --device-prefix p",
        SIMULATE "--devices f --device-id d",
        SIMULATE "--devices f --device-connection-string s",
        SIMULATE "--rate 1 --total-rate 1",
        SIMULATE "--rate 1 --msg-interval 1",
        SIMULATE "--real-time",
        SIMULATE "--device-column c",
        SIMULATE "--speed 2",
        SEND "-d d --data x --data-file-path f",
        SEND "-d d --certificate-file-path f",
        SEND "-d d --key-file-path f",
        SEND "-d d --symmetric-key a2V5 --passphrase x",
        SEND "-d d --symmetric-key a2V5 --certificate-file-path f --key-file-path f",
        SEND "-d d --plain --certificate-file-path f --key-file-path f",
        SIMULATE "--count 2 --symmetric-key a2V5",
        SIMULATE "-d d --protocol http --model-id dtmi:a;1",
        SIMULATE "-d d --protocol http --method-response-code 1",
        SIMULATE "-d d --receive-settle abandon",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run(lines[i]) != CLI_USAGE) fail_msg("%s", lines[i]);
}

static void values_out_of_range_are_usage_errors(void **state)
{
    static const char *const lines[] = {
        SIMULATE "--count 0",
        SIMULATE "--count 100001",
        SIMULATE "--window 0",
        SIMULATE "--window 1001",
        SIMULATE "--rate fast",
        SIMULATE "--msg-interval -1",
        SIMULATE "--messages 0",
        SIMULATE "--duration soon",
        SIMULATE "--timeout 61m",
        SIMULATE "--timeout 5x",
        SIMULATE "--msg-interval 10ms5",
        SIMULATE "--timeout 0",
        SIMULATE "--data {{wrong}}",
        SIMULATE "--csv /nowhere",
        SIMULATE "--devices /nowhere",
        SIMULATE "-p x",
        SEND "",
        SIMULATE "--protocol amqp",
        SIMULATE "--receive-settle keep",
        SIMULATE "--mrc often",
        SIMULATE "--mrp {",
        SEND "-d d --msg-count 0",
        SEND "-d d --timeout long",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run(lines[i]) != CLI_USAGE) fail_msg("%s", lines[i]);
}

static void the_largest_values_go_as_far_as_the_network(void **state)
{
    static const char *const lines[] = {
        SIMULATE "--count 100000",   SIMULATE "--window 1000 --total-rate 1/h",
        SEND "-d d --timeout 3600",  SEND "-d d --timeout 60m",
        SEND "-d d --timeout 0.001", SIMULATE "--msg-interval 0.25 --duration 1d",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (run(lines[i]) != CLI_FAILED) fail_msg("%s", lines[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_exclude_each_other_are_usage_errors),
        cmocka_unit_test(values_out_of_range_are_usage_errors),
        cmocka_unit_test(the_largest_values_go_as_far_as_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
