/* doctor.c - findings and how they are shown. */
#include "cli/doctor.h"

static const char *const state_names[] = {"ok", "warn", "fail", "skipped"};

void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *fix,
                const char *fmt, ...)
{
    assert(d->count < DOCTOR_FINDINGS_MAX);
    struct buf seen = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&seen, fmt, ap);
    va_end(ap);
    struct arena *a = &d->cli->arena;
    d->findings[d->count++] = (struct doctor_finding){
        .state = state,
        .check = (const char *)arena_copy(a, slice_str(check)).ptr,
        .seen = (const char *)arena_copy(a, buf_slice(&seen)).ptr,
        .fix = (const char *)arena_copy(a, slice_str(fix)).ptr,
    };
    buf_free(&seen);
}

size_t doctor_count(const struct doctor *d, enum doctor_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++) count += d->findings[i].state == state;
    return count;
}

static enum err print_lines(const struct doctor *d)
{
    static const char *const colours[] = {"\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m"};
    bool colour = output_has_colours();
    struct buf out = {0};
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_finding *f = &d->findings[i];
        struct buf seen = {0}, fix = {0};
        buf_printf(&out, "%s%-8s%s", colour ? colours[f->state] : "", state_names[f->state],
                   colour ? "\x1b[0m" : "");
        buf_printf(&seen, "%-18s %s", f->check, f->seen);
        output_put_line(&out, &seen);
        if (*f->fix == '\0') continue;
        buf_printf(&fix, "%26s -> %s", "", f->fix);
        output_put_line(&out, &fix);
    }
    enum err e = output_text(buf_slice(&out));
    buf_free(&out);
    return e;
}

static void set(struct arena *a, struct json *o, const char *name, const char *value)
{
    json_set(a, o, slice_str(name), json_new_string(a, slice_str(value)));
}

enum err doctor_print(struct doctor *d)
{
    struct arena *a = &d->cli->arena;
    struct json *list = json_new(a, JSON_ARRAY);
    if (d->cli->output.format == OUTPUT_TABLE && d->cli->output.query == NULL)
        return print_lines(d);
    for (size_t i = 0; i < d->count; i++) {
        struct json *o = json_append(list, json_new(a, JSON_OBJECT));
        set(a, o, "check", d->findings[i].check);
        set(a, o, "state", state_names[d->findings[i].state]);
        set(a, o, "seen", d->findings[i].seen);
        set(a, o, "fix", d->findings[i].fix);
    }
    return output_value(&d->cli->output, a, list, NULL);
}
