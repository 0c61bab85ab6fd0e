/* fleet_report.c - see fleet_report.h. */
#include "cli/fleet_report.h"

#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/output.h"

enum { BAR = 20, TOLD_MAX = 200 /* bytes of a payload that are shown */ };

void fleet_complain(struct fleet *f, const char *fmt, ...)
{
    struct buf line = {0}, out = {0};
    va_list ap;
    if (f->complaints++ >= FLEET_COMPLAINTS_MAX || f->plan->quiet) return;
    fleet_clear_progress(f);
    va_start(ap, fmt);
    buf_vprintf(&line, fmt, ap);
    va_end(ap);
    output_put_line(&out, &line);
    fputs(buf_cstr(&out), stderr);
    if (f->complaints == FLEET_COMPLAINTS_MAX)
        fprintf(stderr, "more of this is counted and not shown\n");
    buf_free(&out);
}

/* What devices are told may be anything, and this is a terminal. */
void fleet_tell(const struct fleet *f, struct slice device, const char *what, struct slice name,
                struct slice payload)
{
    struct buf line = {0};
    if (f->plan->quiet || f->plan->count > 1) return;
    fleet_clear_progress(f);
    buf_printf(&line, "device '%.*s' got %s ", SLICE_ARG(device), what);
    if (name.ptr) text_json_untrusted(&line, name);
    if (name.ptr) buf_put_str(&line, " with ");
    text_json_untrusted(&line, slice_head(payload, TOLD_MAX));
    fprintf(stderr, "%s\n", buf_cstr(&line));
    buf_free(&line);
}

void fleet_give_up(struct fleet *f, enum err why)
{
    if (f->error != OK) return;
    f->error = why;
    snprintf(f->error_text, sizeof f->error_text, "%s", fail_text());
}

/* ---- progress */

bool fleet_shows_progress(const struct fleet *f)
{
    return !f->plan->quiet && isatty(STDERR_FILENO);
}

/* How much of the run is over, 0 to 1; negative: it has no end. */
static double part_done(const struct fleet *f, int64_t elapsed_us)
{
    const struct fleet_plan *plan = f->plan;
    double part = -1, total = (double)payload_row_count(plan->payload);
    double most = (double)plan->messages * (double)plan->count;
    if (most > 0 && (total == 0 || most < total)) total = most;
    if (total > 0) part = (double)f->result->acknowledged / total;
    if (plan->duration_us) part = MAX(part, (double)elapsed_us / (double)plan->duration_us);
    return MIN(part, 1);
}

void fleet_put_bar(struct buf *out, double part, int64_t elapsed_us)
{
    buf_put_str(out, "  [");
    for (int i = 0; i < BAR; i++) buf_put_u8(out, (double)i < part * BAR ? '#' : ' ');
    buf_printf(out, "] %d %%", (int)(part * 100));
    double left_s = part > 0 ? (double)elapsed_us / 1e6 * (1 - part) / part : 0;
    if (part > 0 && left_s < 1e6) buf_printf(out, ", %.0f s left", left_s);
}

void fleet_progress_line(struct buf *out, const struct fleet *f, int64_t elapsed_us)
{
    const struct fleet_result *r = f->result;
    double seconds = (double)(f->last_us - f->first_us) / 1e6;
    double part = part_done(f, elapsed_us);
    buf_printf(out, "%zu of %zu up, %llu sent, %llu acknowledged", f->up, f->plan->count,
               (unsigned long long)r->sent, (unsigned long long)r->acknowledged);
    if (seconds > 0) buf_printf(out, ", %.0f/s", (double)r->acknowledged / seconds);
    if (r->refused) buf_printf(out, ", %zu refused", r->refused);
    if (part >= 0) fleet_put_bar(out, part, elapsed_us);
}

void fleet_show_progress(const struct fleet *f, int64_t since_us, int64_t now_us)
{
    struct buf line = {0};
    buf_put_str(&line, "\r");
    fleet_progress_line(&line, f, now_us - since_us);
    fprintf(stderr, "%s\033[K", buf_cstr(&line));
    buf_free(&line);
}

void fleet_clear_progress(const struct fleet *f)
{
    if (fleet_shows_progress(f)) fputs("\r\033[K", stderr);
}
