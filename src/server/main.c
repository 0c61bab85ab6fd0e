/* main.c - the one program: the server's verbs beside those of the command line. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/rand.h"
#include "cli/cli.h"
#include "server/config_option.h"
#include "server/dev.h"
#include "server/serve.h"
#include "server/tls_renewal.h"

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

/* What the configuration is read from, at the start and again. */
struct asked {
    enum config_verb verb;
    int argc;
    char **argv;
};

static enum err load(void *ctx, struct config *out)
{
    const struct asked *a = ctx;
    return config_load(out, a->verb, a->argc, a->argv, environ);
}

static int run_hub(const struct config *cfg, struct seed *seed, struct asked *asked)
{
    struct server *server;
    bool dev = asked->verb == CONFIG_DEV;
    if (server_start(cfg, seed, dev, &server) != OK) return complain(CLI_FAILED);
    if (dev) dev_start(server_data(server), server_console(server), server_ports(server));
    server_run(server, load, asked);
    if (dev) dev_stop();
    return server_stop(server) == OK ? CLI_DONE : complain(CLI_FAILED);
}

static int run_server(enum config_verb verb, int argc, char **argv)
{
    struct config cfg;
    struct seed seed = {0};
    struct asked asked = {verb, argc, argv};
    int status = CLI_DONE;
    enum err e = load(&asked, &cfg);
    if (e == OK && !cfg.help) e = config_check_files(&cfg);
    if (e == OK && !cfg.help && cfg.seed) e = seed_load(&seed, cfg.seed);
    if (e != OK)
        status = complain(e == ERR_INVALID || e == ERR_NOT_FOUND ? CLI_USAGE : CLI_FAILED);
    else if (cfg.help)
        status = print_help(verb);
    else
        status = run_hub(&cfg, cfg.seed ? &seed : NULL, &asked);
    seed_free(&seed);
    config_free(&cfg);
    return status;
}

/* ---- config: what a server would have */

/* As a start, or a SIGHUP, would read it. */
static enum err check(const struct config *cfg)
{
    struct seed seed = {0};
    TRY(config_check_files(cfg));
    TRY(tls_renewal_check(cfg));
    enum err e = cfg->seed ? seed_load(&seed, cfg->seed) : OK;
    seed_free(&seed);
    return e;
}

static void show(const struct config *cfg, enum config_verb verb)
{
    struct buf out = {0};
    if (verb == CONFIG_SHOW)
        config_show(&out, cfg);
    else
        buf_printf(&out, "%s %s fine\n", cfg->file ? cfg->file : "the options",
                   cfg->file ? "is" : "are");
    fputs(buf_cstr(&out), stdout);
    buf_free(&out);
}

static int run_config(enum config_verb verb, int argc, char **argv)
{
    struct config cfg;
    struct asked asked = {verb, argc, argv};
    int status = CLI_DONE;
    enum err e = load(&asked, &cfg);
    if (e == OK && !cfg.help && verb == CONFIG_CHECK) e = check(&cfg);
    if (e != OK)
        status = complain(CLI_USAGE);
    else if (cfg.help)
        status = print_help(verb);
    else
        show(&cfg, verb);
    config_free(&cfg);
    return status;
}

static int config_check_main(int argc, char **argv)
{
    return run_config(CONFIG_CHECK, argc, argv);
}

static int config_show_main(int argc, char **argv)
{
    return run_config(CONFIG_SHOW, argc, argv);
}

/* ---- verbs */

static int serve(int argc, char **argv)
{
    return run_server(CONFIG_SERVE, argc, argv);
}

static int dev(int argc, char **argv)
{
    return run_server(CONFIG_DEV, argc, argv);
}

static_assert((int)CONFIG_OPTIONS_MAX <= (int)CLI_OPTIONS_MAX, "completion reads them as a verb's");

/* For completion; the options are read by config.c. */
static const struct cli_option *list_options(void)
{
    static struct cli_option list[CONFIG_OPTIONS_MAX + 1];
    for (size_t i = 0; i < config_option_count; i++)
        list[i] = (struct cli_option){config_options[i].name, config_options[i].value,
                                      config_options[i].help};
    list[config_option_count].names = "";
    return list;
}

/* Where one is closed the next file that is opened would be it, and a database get what is printed.  Reading
 * and writing fail as before: each is opened for the other. */
static void fill_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool closed = fcntl(fd, F_GETFD) < 0;
        if (closed && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(CLI_FAILED);
    }
}

int main(int argc, char **argv)
{
    fill_standard_streams();
    map_seed(rand_u64());
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("azimuth " AZIMUTH_VERSION) < 0;
    const struct cli_option *options = list_options();
    const struct cli_verb verbs[] = {{.words = "serve",
                                      .summary = "Run the hub in the foreground.",
                                      .options = options,
                                      .main = serve},
                                     {.words = "dev",
                                      .summary = "Run a hub with sample devices, to try it out.",
                                      .options = options,
                                      .main = dev},
                                     {.words = "config check",
                                      .summary = "Says whether a server could have these options.",
                                      .options = options,
                                      .main = config_check_main},
                                     {.words = "config show",
                                      .summary = "Shows a server's options and where each is from.",
                                      .options = options,
                                      .main = config_show_main},
                                     {0}};
    return cli_main(argc, argv, verbs);
}
