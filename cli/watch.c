/* watch.c - azimuth why --watch: what is refused, as it comes. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/why.h"

enum { POLL_MS = 500, PAGE = 256 };

struct watch {
    struct cli *cli;
    struct target target;
    struct buf path; /* without `since` */
    struct buf last; /* the time of the newest record that was shown */
    struct buf seen; /* those of that time, a line each */
    struct buf told; /* alerts, likewise */
    int64_t count, shown;
    bool began;
};

/* A record that happened again has another time: it is shown again. */
static void put_mark(struct buf *out, const struct json *r)
{
    buf_printf(out, "%.*s %.*s %.*s %.*s\n", SLICE_ARG(json_str(r, "time")),
               SLICE_ARG(json_str(r, "cause")), SLICE_ARG(json_str(r, "peer")),
               SLICE_ARG(json_str(r, "id")));
}

static bool is_in(struct buf *lines, const struct buf *line)
{
    return buf_size(lines) && strstr(buf_cstr(lines), (const char *)line->ptr) != NULL;
}

static bool is_new(struct watch *w, const struct json *r)
{
    int order = slice_cmp(json_str(r, "time"), buf_slice(&w->last));
    struct buf mark = {0};
    put_mark(&mark, r);
    (void)buf_cstr(&mark);
    bool fresh = order > 0 || (order == 0 && !is_in(&w->seen, &mark));
    if (order > 0) {
        buf_clear(&w->last);
        buf_put_slice(&w->last, json_str(r, "time"));
        buf_clear(&w->seen);
    }
    if (fresh) buf_put_slice(&w->seen, buf_slice(&mark));
    buf_free(&mark);
    return fresh;
}

static enum err print(struct watch *w, const struct json *r)
{
    const struct output *o = &w->cli->output;
    w->shown++;
    if (o->format != OUTPUT_TABLE || o->query) return output_value(o, &w->cli->arena, r, NULL);
    struct buf line = {0};
    why_put_line(&line, r);
    enum err e = output_text(buf_slice(&line));
    buf_free(&line);
    return e;
}

static bool is_done(const struct watch *w)
{
    return w->count && w->shown >= w->count;
}

/* The answer begins with the newest; the oldest is shown first. */
static enum err show_news(struct watch *w, const struct json *r, bool print_them)
{
    if (r == NULL) return OK;
    TRY(show_news(w, r->next, print_them));
    return is_new(w, r) && print_them && !is_done(w) ? print(w, r) : OK;
}

static void tell_alerts(struct watch *w, const struct json *answer)
{
    const struct json *alerts = json_get(answer, "alerts");
    for (const struct json *a = alerts ? alerts->child : NULL; a; a = a->next) {
        struct buf mark = {0};
        buf_printf(&mark, "%.*s %.*s\n", SLICE_ARG(json_str(a, "cause")),
                   SLICE_ARG(json_str(a, "since")));
        (void)buf_cstr(&mark);
        if (!is_in(&w->told, &mark)) {
            why_tell_alert(a);
            buf_put_slice(&w->told, buf_slice(&mark));
        }
        buf_free(&mark);
    }
}

/* What was there before is not shown, unless --since asks for it. */
static enum err look(struct watch *w)
{
    struct buf path = {0};
    struct json *answer;
    const char *since = cli_value(w->cli, "since");
    buf_put_slice(&path, buf_slice(&w->path));
    if (buf_size(&w->last) || since) {
        buf_put_str(&path, "&since=");
        text_percent(&path, buf_size(&w->last) ? buf_slice(&w->last) : slice_str(since));
    }
    enum err e = http_get(&w->target, buf_cstr(&path), "list of refusals", &answer);
    buf_free(&path);
    if (e != OK) return e;
    tell_alerts(w, answer);
    if (json_str(answer, "continuationToken").len && w->began)
        fprintf(stderr, "more than %d at once: some are left out\n", PAGE);
    const struct json *list = json_get(answer, "value");
    e = show_news(w, list ? list->child : NULL, w->began || since);
    w->began = true;
    return e;
}

/* Each look has memory of its own. */
static enum err look_apart(struct watch *w)
{
    struct arena kept = w->cli->arena;
    w->cli->arena = (struct arena){0};
    enum err e = look(w);
    arena_free(&w->cli->arena);
    w->cli->arena = kept;
    return e;
}

static enum err run(struct watch *w, int64_t timeout_us)
{
    int64_t heard_us = clock_mono_us(), shown = 0;
    for (;;) {
        if (timeout_us) w->cli->wait_ms = http_left_ms(heard_us + timeout_us);
        TRY(look_apart(w));
        if (is_done(w)) return OK;
        if (w->shown > shown) heard_us = clock_mono_us();
        shown = w->shown;
        if (timeout_us && clock_mono_us() - heard_us >= timeout_us) return OK;
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000l}, NULL);
    }
}

enum err why_watch(struct cli *c)
{
    struct watch w = {.cli = c};
    int64_t timeout_us;
    TRY(cli_number(c, "count", 1, INT64_MAX, 0, &w.count));
    TRY(cli_duration(c, "timeout", 0, CLI_LONG_US, 0, &timeout_us));
    if (timeout_us) c->wait_ms = http_left_ms(clock_mono_us() + timeout_us);
    TRY(target_find(c, &w.target));
    buf_printf(&w.path, "/admin/v1/refusals?top=%d", PAGE);
    why_put_parameter(&w.path, c, "cause", "cause");
    why_put_parameter(&w.path, c, "device-id", "id");
    enum err e = run(&w, timeout_us);
    buf_free(&w.path);
    buf_free(&w.last);
    buf_free(&w.seen);
    buf_free(&w.told);
    if (e == OK && w.shown < w.count)
        return fail(ERR_TIMEOUT, "%lld of %lld were refused within %.10g s", (long long)w.shown,
                    (long long)w.count, (double)timeout_us / 1e6);
    return e;
}
