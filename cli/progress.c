/* progress.c - see progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum { BAR = 30 }; /* characters */

enum err progress_init(struct progress *p, const char *format, bool quiet)
{
    bool by_itself = format == NULL || strcmp(format, "auto") == 0;
    *p = (struct progress){0};
    if (by_itself)
        p->how = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_NONE;
    else if (strcmp(format, "json") == 0)
        p->how = PROGRESS_JSON;
    else if (strcmp(format, "none") != 0)
        return fail(ERR_INVALID, "--progress %s: auto, json and none are known", format);
    if (quiet) p->how = PROGRESS_NONE;
    return OK;
}

static double part_of(const struct progress_at *at)
{
    double part = at->total ? (double)at->done / (double)at->total : at->part;
    return part > 1 ? 1 : part;
}

/* ---- a line of JSON */

static void put_json(struct buf *out, const struct progress_at *at)
{
    buf_printf(out, "{\"step\":\"%s\",\"done\":%" PRIu64, at->step, at->done);
    if (at->total) buf_printf(out, ",\"total\":%" PRIu64, at->total);
    buf_printf(out, ",\"unit\":\"%s\"", at->unit);
    if (at->total || at->part > 0) buf_printf(out, ",\"percent\":%d", (int)(part_of(at) * 100));
    if (at->failed) buf_printf(out, ",\"failed\":%" PRIu64, at->failed);
    if (at->status.len) {
        buf_put_str(out, ",\"status\":");
        text_json_untrusted(out, at->status);
    }
    buf_put_str(out, at->ended ? ",\"ended\":true}\n" : "}\n");
}

/* ---- a bar */

/* "3 of 10 MiB", "30 %", "12 devices" */
static void put_amount(struct buf *out, const struct progress_at *at)
{
    bool bytes = strcmp(at->unit, "bytes") == 0;
    if (strcmp(at->unit, "percent") == 0) {
        buf_printf(out, "%" PRIu64 " %%", at->done);
        return;
    }
    buf_printf(out, "%" PRIu64, bytes ? at->done >> 20 : at->done);
    if (at->total) buf_printf(out, " of %" PRIu64, bytes ? at->total >> 20 : at->total);
    buf_printf(out, " %s", bytes ? "MiB" : at->unit);
}

static void put_bar(struct buf *out, const struct progress_at *at)
{
    buf_put_u8(out, '\r');
    if (at->total) {
        buf_put_u8(out, '[');
        for (int i = 0; i < BAR; i++) buf_put_u8(out, i < part_of(at) * BAR ? '#' : '.');
        buf_put_str(out, "] ");
    }
    buf_printf(out, "%s: ", at->step);
    put_amount(out, at);
    if (at->failed) buf_printf(out, ", %" PRIu64 " failed", at->failed);
    if (at->status.len) buf_printf(out, ", %.*s", SLICE_ARG(at->status));
    buf_put_str(out, "\033[K");
}

void progress_show(struct progress *p, const struct progress_at *at)
{
    struct buf line = {0};
    int64_t now_us = clock_mono_us();
    bool begins = p->step == NULL || strcmp(p->step, at->step) != 0;
    bool wanted = begins || at->ended || now_us >= p->shown_us + PROGRESS_EVERY_US;
    if (p->how == PROGRESS_NONE || !wanted) return;
    p->step = at->ended ? NULL : at->step;
    p->shown_us = now_us;
    if (p->how == PROGRESS_JSON)
        put_json(&line, at);
    else if (at->ended)
        buf_put_str(&line, "\r\033[K");
    else
        put_bar(&line, at);
    fputs(buf_cstr(&line), stderr);
    fflush(stderr);
    buf_free(&line);
}

void progress_clear(struct progress *p)
{
    if (p->how == PROGRESS_BAR && p->step) fputs("\r\033[K", stderr);
    p->step = NULL;
}
