/* amqp_line_test.h - saying lines (proto/amqp/testing) to the hub of a test, and hearing them. */
#ifndef SERVER_AMQP_LINE_TEST_H
#define SERVER_AMQP_LINE_TEST_H

#include "base/test.h"
#include "proto/amqp/testing/testing.h"
#include "server/rig.h"

static inline void say(struct rig_conn *c, const char *fmt, ...) PRINTF(2, 3);
static inline void say(struct rig_conn *c, const char *fmt, ...)
{
    struct buf text = {0}, bytes = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    wire_put(&bytes, buf_cstr(&text));
    rig_say(c, buf_slice(&bytes));
    buf_free(&text);
    buf_free(&bytes);
}

/* What the hub said since the last time; borrowed until the next call. */
static inline const char *heard(struct rig_conn *c)
{
    static struct buf lines;
    buf_clear(&lines);
    wire_text(&lines, buf_slice(&c->heard));
    buf_clear(&c->heard);
    return buf_cstr(&lines);
}

static inline bool hears(struct rig_conn *c, const char *words)
{
    const char *lines = heard(c);
    bool found = strstr(lines, words) != NULL;
    if (!found) print_message("'%s' is not in:\n%s\n", words, lines);
    return found;
}

#endif
