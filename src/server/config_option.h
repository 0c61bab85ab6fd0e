/* config_option.h - the table of options and how a value of each is read.  Private to config. */
#ifndef SERVER_CONFIG_OPTION_H
#define SERVER_CONFIG_OPTION_H

#include "server/config.h"

enum option_kind {
    OPTION_TEXT,
    OPTION_SWITCH,
    OPTION_HOST, /* list: `count` is the offset of its count */
    OPTION_HUB_NAME,
    OPTION_CONTAINER,
    OPTION_BIND, /* list */
    OPTION_LIST, /* of texts */
    OPTION_PORT,
    OPTION_OPTIONAL_PORT, /* "off" or a port; `count` is the offset of the switch */
    OPTION_ENDPOINT,      /* ADDR:PORT or "off" (NULL); `count` is the offset of the port */
    OPTION_NUMBER,        /* 1 to `max` */
    OPTION_SIZE,          /* bytes: "256MiB" */
    OPTION_DURATION,      /* at least a second: "15m" */
    OPTION_RETENTION,     /* a time, a size, or one of each */
    OPTION_LEVEL,
    OPTION_EVENTS, /* a list of event_source_of() */
    OPTION_TIER,
    OPTION_THROTTLES, /* a list of throttle_override() */
    OPTION_FIXED,     /* only `initial` is possible in this release */
};

struct option {
    const char *name;    /* "mqtt-port" */
    const char *value;   /* "PORT"; NULL for a switch */
    size_t at, count;    /* offsets in struct config */
    const char *initial; /* shown as the default; OPTION_FIXED: the one possible value */
    const char *help;
    enum option_kind kind;
    unsigned max; /* OPTION_NUMBER */
};

extern const struct option config_options[];
extern const size_t config_option_count;

const struct option *config_option_find(struct slice name); /* or NULL */

/* Gives the option that value; a list grows.  ERR_INVALID with the reason only. */
enum err config_option_set(struct config *c, const struct option *o, struct slice value) MUST_USE;

/* Forgets the values of a list and the parts of a retention. */
void config_option_clear(struct config *c, const struct option *o);

/* Do both have the same value?  `a` and `b` come from config_load(). */
bool config_option_same(const struct config *a, const struct config *b, const struct option *o);

/* May the option have more than one value? */
bool config_option_is_list(const struct option *o);

#endif
