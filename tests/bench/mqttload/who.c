/* who.c - see who.h. */
#include "who.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "options.h"
#include "sas.h"
#include "util.h"

/* ---- templates */

static unsigned number_of(const struct conn *k)
{
    return k->idx + opt.index_base;
}

/* What is at `p`, behind a percent sign; how many characters of the template it took. */
static size_t put_field(FILE *f, const char *p, const struct conn *k)
{
    if (*p == 'd') {
        fprintf(f, "%u", number_of(k));
    } else if (*p == '0' && p[1] >= '1' && p[1] <= '9' && p[2] == 'd') {
        fprintf(f, "%0*u", p[1] - '0', number_of(k));
        return 3;
    } else if (*p == 'c' && k->client) {
        fputs(k->client, f);
    } else if (*p == 'h' && opt.azure_host) {
        fputs(opt.azure_host, f);
    } else {
        fputc('%', f);
        return *p == '%';
    }
    return 1;
}

char *who_expand(const struct conn *k, const char *template)
{
    char *text;
    size_t len;
    if (!template) return NULL;
    FILE *f = open_memstream(&text, &len);
    if (!f) die("out of memory");
    for (const char *p = template; *p;) {
        if (*p == '%')
            p += 1 + put_field(f, p + 1, k);
        else
            fputc(*p++, f);
    }
    if (fclose(f)) die("out of memory");
    return text;
}

/* ---- --sas-csv */

struct device {
    char *id, *key;
};

static struct device *devices;
static unsigned device_count;

static void add_device(const char *id, const char *key)
{
    static unsigned cap;
    if (device_count == cap)
        devices = xrealloc(devices, (cap = cap ? cap * 2 : 1024) * sizeof *devices);
    devices[device_count++] = (struct device){xprintf("%s", id), xprintf("%s", key)};
}

static void load_devices(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    if (!f) die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        char *comma = strchr(line, ',');
        if (!comma || line[0] == '#') continue;
        *comma = 0;
        add_device(line, comma + 1);
    }
    fclose(f);
    if (!device_count) die("%s: no id,key rows", path);
}

/* NULL: there is no --sas-csv. */
static const struct device *device_of(const struct conn *k)
{
    if (!devices) return NULL;
    if (number_of(k) >= device_count) die("%s holds only %u devices", opt.sas_csv, device_count);
    return &devices[number_of(k)];
}

/* ---- connections */

static void name_subscriber(struct conn *k)
{
    k->client = who_expand(k, opt.sub_client_id);
    k->user = who_expand(k, opt.sub_username);
    k->pass = who_expand(k, opt.sub_password);
    k->topic = who_expand(k, opt.sub_topic);
}

/* Its row goes to `emit`, unless that is NULL. */
static void name_publisher(struct conn *k, FILE *emit)
{
    char derived[SAS_KEY_MAX];
    const struct device *device = device_of(k);
    const char *key = device ? device->key : NULL;
    k->client = device ? xprintf("%s", device->id) : who_expand(k, opt.client_id);
    if (opt.sas_key && !key) {
        sas_derive(opt.sas_key, k->client, derived);
        key = derived;
    }
    k->user = who_expand(k, opt.username);
    k->topic = who_expand(k, opt.topic);
    if (key && !opt.password)
        k->pass =
            sas_token(opt.azure_host ? opt.azure_host : opt.host, k->client, key, opt.sas_ttl);
    else
        k->pass = who_expand(k, opt.password);
    if (emit && key) fprintf(emit, "%s,%s\n", k->client, key);
}

void who_init(void)
{
    FILE *emit = NULL;
    if (opt.sas_csv) load_devices(opt.sas_csv);
    if (opt.sas_emit && !(emit = fopen(opt.sas_emit, "w")))
        die("%s: %s", opt.sas_emit, strerror(errno));
    for (unsigned i = 0; i < conn_count; i++) {
        if (conns[i].is_sub)
            name_subscriber(&conns[i]);
        else
            name_publisher(&conns[i], emit);
        conns[i].topic_len = strlen(conns[i].topic);
    }
    if (emit) fclose(emit);
}
