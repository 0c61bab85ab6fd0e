/* main.c - the one program: the server's verbs beside those of the command line. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "server/dev.h"
#include "server/serve.h"

static int complain(int status)
{
    fprintf(stderr, "azimuth: %s\n", fail_text());
    return status;
}

static int print_help(enum config_verb verb)
{
    struct buf help = {0};
    config_help(&help, verb);
    fputs(buf_cstr(&help), stdout);
    buf_free(&help);
    return CLI_DONE;
}

static int run_server(enum config_verb verb, int argc, char **argv)
{
    struct config cfg;
    struct server *server;
    enum err e = config_load(&cfg, verb, argc, argv, environ);
    if (e != OK) {
        config_free(&cfg);
        return complain(e == ERR_INVALID ? CLI_USAGE : CLI_FAILED);
    }
    if (cfg.help) {
        config_free(&cfg);
        return print_help(verb);
    }
    e = server_start(&cfg, verb == CONFIG_DEV, &server);
    if (e != OK) {
        config_free(&cfg);
        return complain(CLI_FAILED);
    }
    if (verb == CONFIG_DEV) dev_start(server_data(server));
    server_run(server);
    if (verb == CONFIG_DEV) dev_stop();
    server_stop(server);
    config_free(&cfg);
    return CLI_DONE;
}

static int serve(int argc, char **argv)
{
    return run_server(CONFIG_SERVE, argc, argv);
}

static int dev(int argc, char **argv)
{
    return run_server(CONFIG_DEV, argc, argv);
}

int main(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {.words = "serve", .summary = "Run the hub in the foreground.", .main = serve},
        {.words = "dev", .summary = "Run a hub with sample devices, to try it out.", .main = dev},
        {0}};
    return cli_main(argc, argv, verbs);
}
