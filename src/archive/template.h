/* template.h - names of files that are made of a template: text with fields in braces.
 *
 * Runs on: any thread; no I/O.
 * Limits:  TEMPLATE_FIELDS_MAX fields; the caller's length of a name. */
#ifndef ARCHIVE_TEMPLATE_H
#define ARCHIVE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { TEMPLATE_FIELDS_MAX = 10, TEMPLATE_VALUE_MAX = 256 };

struct template_field {
    const char *name;  /* "{Year}" */
    const char *value; /* of its own text, or ... */
    char text[8];      /* ... a number, if that is NULL */
};

struct template_fields {
    struct template_field all[TEMPLATE_FIELDS_MAX];
    unsigned count;
    bool exact; /* {mm} and {MM} are two fields */
};

void template_text(struct template_fields *f, const char *name, const char *value); /* borrowed */
void template_number(struct template_fields *f, const char *name, int width, int number);

/* Year, month, day, hour and minute in UTC, and the second if there is a name for it (not NULL). */
void template_time(struct template_fields *f, const char *const names[6], int64_t wall_us);

/* The first field that the template does not have, or NULL. */
const char *template_missing(const struct template_fields *f, const char *text);

/* What it has in braces that is no field, or a brace alone; empty: nothing. */
struct slice template_unknown(const struct template_fields *f, const char *text);

/* At most `size` - 1 bytes.  ERR_FULL: it would be longer. */
enum err template_write(const struct template_fields *f, const char *text, char *out,
                        size_t size) MUST_USE;

#endif
