/* options.c - see options.h.  A row says what an option is called and how it is read. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

struct options opt = {
    .mode = MODE_PUB,
    .label = "",
    .host = "127.0.0.1",
    .port = 1883,
    .src_ips = 1,
    .pubs = 1,
    .size = 256,
    .window = 16,
    .batch = 1,
    .warmup = 1,
    .duration = 5,
    .keepalive = 120,
    .sub_client_id = "sub-%d",
    .sub_topic = "load/+/events",
    .sub_wait = 10,
    .parallel = 64,
    .conn_timeout = 60,
    .hold = 5,
    .api_version = "2021-04-12",
    .topic_props = "$.ct=application%2Fjson&$.ce=utf-8",
    .sas_ttl = 86400,
    .pin = -1,
};

static void print_usage(void)
{
    puts("usage: mqttload [options]                      (see README.md)\n"
         "  --mode pub|connect|idle   --label TEXT   --json FILE (append)   --quiet\n"
         "  --host ADDR  --port N  --src-ips N  --pin CPU  --server-pid PID[,PID...]\n"
         "publishers: -c N  --index-base N  --qos 0|1  --size BYTES  --window N  --batch N  --rate "
         "MSG/S\n"
         "  --warmup S  --duration S  --messages N  --retain  --acked-log FILE\n"
         "  --client-id T  --username T  --password T  --topic T  (templates: %d %0Nd %c %h)\n"
         "  --subscriptions N\n"
         "subscribers: -s N  --sub-topic T  --sub-qos Q  --sub-client-id T  --sub-username T\n"
         "  --sub-password T  --sub-wait S  --check\n"
         "connecting: --parallel N  --conn-rate N/S  --conn-timeout S  --hold S (idle: after "
         "--messages N)  --keepalive S  "
         "--persistent\n"
         "TLS: --tls  --ws  --ca FILE  --cert T --key T  --sni NAME  --tls-version 1.2|1.3  "
         "--ciphers L  "
         "--groups L  --resume\n"
         "Azure: --azure HOST  --sas-key BASE64 | --sas-csv FILE  --sas-emit FILE  --sas-ttl S\n"
         "  --api-version V  --topic-props TEXT");
}

/* ---- how an option is read: `value` is NULL where it takes none */

static void set(void *to, char *value)
{
    (void)value;
    *(bool *)to = true;
}

static void read_text(void *to, char *value)
{
    *(const char **)to = value;
}

static void read_int(void *to, char *value)
{
    *(int *)to = atoi(value);
}

static void read_unsigned(void *to, char *value)
{
    *(unsigned *)to = (unsigned)atoi(value);
}

static void read_long(void *to, char *value)
{
    *(long *)to = atol(value);
}

static void read_u64(void *to, char *value)
{
    *(uint64_t *)to = strtoull(value, NULL, 10);
}

static void read_real(void *to, char *value)
{
    *(double *)to = atof(value);
}

static void read_mode(void *to, char *value)
{
    static const char *const names[] = {
        [MODE_PUB] = "pub", [MODE_CONNECT] = "connect", [MODE_IDLE] = "idle"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) != 0) continue;
        *(enum mode *)to = (enum mode)i;
        return;
    }
    die("unknown mode %s", value);
}

static void read_pids(void *to, char *value)
{
    int *pids = to;
    for (char *p = strtok(value, ","); p && opt.pid_count < PIDS_MAX; p = strtok(NULL, ","))
        pids[opt.pid_count++] = atoi(p);
}

static _Noreturn void help(void *to, char *value)
{
    (void)to, (void)value;
    print_usage();
    exit(0);
}

struct row {
    const char *name;
    void (*read)(void *to, char *value);
    void *to;
    char letter; /* 0: none */
};

static const struct row rows[] = {
    {"mode", read_mode, &opt.mode, 0},
    {"label", read_text, &opt.label, 0},
    {"host", read_text, &opt.host, 0},
    {"port", read_int, &opt.port, 0},
    {"src-ips", read_unsigned, &opt.src_ips, 0},
    {"pin", read_int, &opt.pin, 0},
    {"server-pid", read_pids, opt.pids, 0},
    {"conns", read_unsigned, &opt.pubs, 'c'},
    {"index-base", read_unsigned, &opt.index_base, 0},
    {"qos", read_int, &opt.qos, 0},
    {"size", read_unsigned, &opt.size, 0},
    {"window", read_unsigned, &opt.window, 0},
    {"batch", read_unsigned, &opt.batch, 0},
    {"rate", read_real, &opt.rate, 0},
    {"warmup", read_real, &opt.warmup, 0},
    {"duration", read_real, &opt.duration, 0},
    {"messages", read_u64, &opt.messages, 0},
    {"retain", set, &opt.retain, 0},
    {"acked-log", read_text, &opt.acked_log, 0},
    {"client-id", read_text, &opt.client_id, 0},
    {"username", read_text, &opt.username, 0},
    {"password", read_text, &opt.password, 0},
    {"topic", read_text, &opt.topic, 0},
    {"subscriptions", read_unsigned, &opt.subscriptions, 0},
    {"subs", read_unsigned, &opt.subs, 's'},
    {"sub-topic", read_text, &opt.sub_topic, 0},
    {"sub-qos", read_int, &opt.sub_qos, 0},
    {"sub-client-id", read_text, &opt.sub_client_id, 0},
    {"sub-username", read_text, &opt.sub_username, 0},
    {"sub-password", read_text, &opt.sub_password, 0},
    {"sub-wait", read_real, &opt.sub_wait, 0},
    {"check", set, &opt.check, 0},
    {"parallel", read_unsigned, &opt.parallel, 0},
    {"conn-rate", read_real, &opt.conn_rate, 0},
    {"conn-timeout", read_real, &opt.conn_timeout, 0},
    {"hold", read_real, &opt.hold, 0},
    {"keepalive", read_unsigned, &opt.keepalive, 0},
    {"persistent", set, &opt.persistent, 0},
    {"tls", set, &opt.tls, 0},
    {"ws", set, &opt.ws, 0},
    {"ca", read_text, &opt.ca, 0},
    {"cert", read_text, &opt.cert, 0},
    {"key", read_text, &opt.key, 0},
    {"sni", read_text, &opt.sni, 0},
    {"tls-version", read_text, &opt.tls_version, 0},
    {"ciphers", read_text, &opt.ciphers, 0},
    {"groups", read_text, &opt.groups, 0},
    {"resume", set, &opt.resume, 0},
    {"azure", read_text, &opt.azure_host, 0},
    {"sas-key", read_text, &opt.sas_key, 0},
    {"sas-csv", read_text, &opt.sas_csv, 0},
    {"sas-emit", read_text, &opt.sas_emit, 0},
    {"sas-ttl", read_long, &opt.sas_ttl, 0},
    {"api-version", read_text, &opt.api_version, 0},
    {"topic-props", read_text, &opt.topic_props, 0},
    {"json", read_text, &opt.json_out, 0},
    {"quiet", set, &opt.quiet, 0},
    {"help", help, NULL, 'h'},
};

enum { ROWS = sizeof rows / sizeof *rows, LONG = 256 };

static bool takes_value(const struct row *r)
{
    return r->read != set && r->read != help;
}

/* What getopt_long() gives for a long name is LONG and the row's number, for a letter that letter. */
static const struct row *row_of(int found)
{
    if (found >= LONG) return &rows[found - LONG];
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].letter == found) return &rows[i];
    return NULL;
}

static void read_rows(int argc, char **argv)
{
    struct option longs[ROWS + 1] = {0};
    int found;
    for (int i = 0; i < ROWS; i++)
        longs[i] = (struct option){rows[i].name, takes_value(&rows[i]), NULL, LONG + i};
    while ((found = getopt_long(argc, argv, "c:s:h", longs, NULL)) != -1) {
        const struct row *r = row_of(found);
        if (r == NULL) {
            print_usage();
            exit(2);
        }
        r->read(r->to, optarg);
    }
    if (optind < argc) die("unexpected argument %s", argv[optind]);
}

static void check(void)
{
    if (opt.qos < 0 || opt.qos > 1 || opt.sub_qos < 0 || opt.sub_qos > 1) die("QoS 0 and 1 only");
    if (!opt.window || opt.window > WINDOW_MAX || !opt.batch || opt.keepalive > 65535)
        die("bad window, batch or keepalive");
    if (opt.subscriptions > SUBSCRIPTIONS_MAX)
        die("--subscriptions takes at most %d", SUBSCRIPTIONS_MAX);
    if (opt.pubs + opt.subs == 0 || (opt.mode != MODE_IDLE && !opt.pubs)) die("no connections");
}

/* The template of a topic of Azure's; percent signs of the properties stand for themselves. */
static const char *azure_topic(void)
{
    char *props = xcalloc(strlen(opt.topic_props) * 2 + 1, 1), *end = props;
    for (const char *p = opt.topic_props; *p; p++) {
        *end++ = *p;
        if (*p == '%') *end++ = '%';
    }
    char *topic = xprintf("devices/%%c/messages/events/%s", props);
    free(props);
    return topic;
}

/* What nobody said. */
static void fill_in(void)
{
    bool azure = opt.azure_host != NULL;
    if (!opt.client_id) opt.client_id = azure ? "dev%06d" : "load-%d";
    if (!opt.topic) opt.topic = azure ? azure_topic() : "load/%c/events";
    if (!opt.username && azure) opt.username = xprintf("%%h/%%c/?api-version=%s", opt.api_version);
    if (!opt.sni) opt.sni = opt.azure_host;
}

void options_read(int argc, char **argv)
{
    read_rows(argc, argv);
    check();
    fill_in();
}
