/* template.c - a template with its fields filled in. */
#include "archive/template.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct template_field *add(struct template_fields *f, const char *name)
{
    assert(f->count < TEMPLATE_FIELDS_MAX);
    struct template_field *field = &f->all[f->count++];
    *field = (struct template_field){.name = name};
    return field;
}

void template_text(struct template_fields *f, const char *name, const char *value)
{
    add(f, name)->value = value;
}

void template_number(struct template_fields *f, const char *name, int width, int number)
{
    struct template_field *field = add(f, name);
    snprintf(field->text, sizeof field->text, "%0*d", width, number);
}

void template_time(struct template_fields *f, const char *const names[6], int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    const int numbers[] = {t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                           t.tm_hour,        t.tm_min,     t.tm_sec};
    for (int i = 0; i < 6 && names[i]; i++)
        template_number(f, names[i], i == 0 ? 4 : 2, numbers[i]);
}

static bool begins(const struct template_fields *f, const char *text, const char *name)
{
    size_t len = strlen(name);
    return (f->exact ? strncmp(text, name, len) : strncasecmp(text, name, len)) == 0;
}

static const struct template_field *field_at(const struct template_fields *f, const char *text)
{
    for (unsigned i = 0; i < f->count; i++)
        if (begins(f, text, f->all[i].name)) return &f->all[i];
    return NULL;
}

const char *template_missing(const struct template_fields *f, const char *text)
{
    for (unsigned i = 0; i < f->count; i++) {
        const char *at = text;
        while (*at && !begins(f, at, f->all[i].name)) at++;
        if (*at == '\0') return f->all[i].name;
    }
    return NULL;
}

struct slice template_unknown(const struct template_fields *f, const char *text)
{
    const struct template_field *field;
    while (*text && ((field = field_at(f, text)) != NULL || !strchr("{}", *text)))
        text += field ? strlen(field->name) : 1;
    size_t end = *text == '{' ? strcspn(text + 1, "{}") : 0;
    bool closed = *text == '{' && text[1 + end] == '}';
    return slice_of(text, *text == '\0' ? 0 : closed ? end + 2 : 1);
}

enum err template_write(const struct template_fields *f, const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (const char *at = text; *at;) {
        const struct template_field *field = field_at(f, at);
        const char *value = field && field->value ? field->value : field ? field->text : NULL;
        size_t more = value ? strlen(value) : 1;
        if (len + more + 1 > size) return ERR_FULL;
        memcpy(out + len, value ? value : at, more);
        len += more;
        at += field ? strlen(field->name) : 1;
    }
    out[len] = '\0';
    return OK;
}
