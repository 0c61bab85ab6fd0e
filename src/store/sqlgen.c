/* sqlgen.c - a tool of the build: makes C out of SQL.
 *
 *   sqlgen statements x.sql x_sql.h x_sql.c    `-- :name foo` ... becomes struct store_statement
 *                                              sql_foo, registered before main()
 *   sqlgen migrations out.c NNNN_name.sql...   becomes the table store_migrations
 *
 * Comments are dropped, `$name` parameters are listed in order of first appearance.  A malformed
 * file ends the build with its name and line.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 4096, TEXT_MAX_LEN = 65536, NAME_MAX_LEN = 64, PARAMS_MAX = 32 };

static const char *input;
static unsigned line_number;

static void stop(const char *why)
{
    fprintf(stderr, "%s:%u: %s\n", input, line_number, why);
    exit(1);
}

static FILE *open_or_stop(const char *path, const char *mode)
{
    FILE *f = fopen(path, mode);
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    return f;
}

/* ---- one statement */

struct statement {
    char name[NAME_MAX_LEN];
    char text[TEXT_MAX_LEN];
    char params[PARAMS_MAX][NAME_MAX_LEN];
    unsigned param_count;
};

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void add_param(struct statement *s, const char *name, size_t len)
{
    for (unsigned i = 0; i < s->param_count; i++)
        if (strlen(s->params[i]) == len && memcmp(s->params[i], name, len) == 0) return;
    if (len == 0 || len >= NAME_MAX_LEN) stop("a parameter has 1 to 63 letters");
    if (s->param_count == PARAMS_MAX) stop("a statement has at most 32 parameters");
    memcpy(s->params[s->param_count], name, len);
    s->params[s->param_count++][len] = '\0';
}

/* Parameters outside of 'text' and "names". */
static void find_params(struct statement *s)
{
    char quote = 0;
    for (const char *at = s->text; *at; at++) {
        if (quote) {
            if (*at == quote) quote = 0;
        } else if (*at == '\'' || *at == '"') {
            quote = *at;
        } else if (*at == '$') {
            size_t len = 0;
            while (name_char(at[1 + len])) len++;
            add_param(s, at + 1, len);
        }
    }
    if (quote) stop("a quote is not closed");
}

/* Drops a comment and what is blank at the end; the line breaks stay as they are read. */
static void append_line(char *text, char *line)
{
    char *comment = strstr(line, "--");
    if (comment) *comment = '\0';
    size_t len = strlen(line);
    while (len && isspace((unsigned char)line[len - 1])) line[--len] = '\0';
    if (len == 0) return;
    size_t used = strlen(text);
    if (used + len + 2 > TEXT_MAX_LEN) stop("too long");
    snprintf(text + used, TEXT_MAX_LEN - used, "%s%s", used ? "\n" : "", line);
}

static void write_string(FILE *out, const char *text)
{
    fputs("\"", out);
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("\\n\"\n            \"", out);
            continue;
        }
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputs("\"", out);
}

static void write_statement(FILE *h, FILE *c, struct statement *s)
{
    size_t len = strlen(s->text);
    if (len && s->text[len - 1] == ';') s->text[--len] = '\0';
    if (len == 0) stop("a statement without text");
    find_params(s);
    fprintf(h, "extern struct store_statement sql_%s;\n", s->name);
    fprintf(c, "struct store_statement sql_%s = {\n    .name = \"%s\",\n    .text = ", s->name,
            s->name);
    write_string(c, s->text);
    fprintf(c, ",\n    .params = {");
    for (unsigned i = 0; i < s->param_count; i++)
        fprintf(c, "%s\"%s\"", i ? ", " : "", s->params[i]);
    fprintf(c,
            "},\n    .param_count = %u,\n};\n"
            "__attribute__((constructor)) static void register_%s(void)\n{\n"
            "    store_register(&sql_%s);\n}\n\n",
            s->param_count, s->name, s->name);
}

/* ---- files */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void start_statement(struct statement *s, const char *line)
{
    *s = (struct statement){0};
    if (sscanf(line, "-- :name %63s", s->name) != 1) stop("-- :name needs a name");
    for (const char *at = s->name; *at; at++)
        if (!name_char(*at)) stop("a name has letters, digits and _ only");
}

static void statements(const char *header, const char *source)
{
    static struct statement s;
    char line[LINE_MAX_LEN];
    FILE *in = open_or_stop(input, "r"), *h = open_or_stop(header, "w"),
         *c = open_or_stop(source, "w");
    fprintf(h, "/* Made from %s. */\n#pragma once\n#include \"store/store.h\"\n\n",
            base_name(input));
    fprintf(c, "/* Made from %s. */\n#include \"%s\"\n\n", base_name(input), base_name(header));
    while (fgets(line, sizeof line, in)) {
        line_number++;
        if (strncmp(line, "-- :name", 8) != 0) {
            append_line(s.text, line);
            if (s.text[0] && !s.name[0]) stop("text before the first -- :name");
            continue;
        }
        if (s.name[0]) write_statement(h, c, &s);
        start_statement(&s, line);
    }
    if (s.name[0]) write_statement(h, c, &s);
    if (fclose(in) || fclose(h) || fclose(c)) stop("cannot be read or written");
}

static void migration(FILE *c, unsigned expected)
{
    static char text[TEXT_MAX_LEN];
    char line[LINE_MAX_LEN], name[NAME_MAX_LEN];
    char *rest;
    unsigned long number = strtoul(base_name(input), &rest, 10);
    text[0] = '\0';
    line_number = 0;
    if (number != expected || sscanf(rest, "_%63[a-z0-9_]", name) != 1)
        stop("migrations are named 0001_name.sql and numbered without a gap");
    FILE *in = open_or_stop(input, "r");
    while (fgets(line, sizeof line, in)) {
        line_number++;
        append_line(text, line);
    }
    fprintf(c, "    {%lu, \"%s\",\n     ", number, name);
    write_string(c, text);
    fprintf(c, "},\n");
    fclose(in);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "statements") == 0) {
        input = argv[2];
        statements(argv[3], argv[4]);
        return 0;
    }
    if (argc < 4 || strcmp(argv[1], "migrations") != 0) {
        fprintf(stderr,
                "usage: sqlgen statements IN.sql OUT.h OUT.c | migrations OUT.c IN.sql...\n");
        return 2;
    }
    FILE *c = open_or_stop(argv[2], "w");
    fprintf(c, "/* Made from the files in migrations. */\n#include \"store/engine.h\"\n\n"
               "const struct store_migration store_migrations[] = {\n");
    for (int i = 3; i < argc; i++) {
        input = argv[i];
        migration(c, (unsigned)i - 2);
    }
    fprintf(c, "    {0, NULL, NULL},\n};\n");
    return fclose(c) != 0;
}
