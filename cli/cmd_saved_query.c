/* cmd_saved_query.c - azimuth hub saved-query ... */
#include "cli/cmd.h"
#include "cli/named.h"

#define NAME_OPTION                                                                                \
    {                                                                                              \
        "name n", "NAME", "the saved query"                                                        \
    }
const struct cli_option saved_query_options[] = {NAME_OPTION, {"", NULL, NULL}};
const struct cli_option saved_query_create_options[] = {
    NAME_OPTION,
    {"query-condition q", "CONDITION", "which devices, as behind WHERE [all]"},
    {"columns", "PATHS", "what to show, blanks between: tags.line properties.reported.fw"},
    {"", NULL, NULL}};

static const struct named saved_queries = {"saved query", "list of saved queries",
                                           "/admin/v1/saved-queries", NULL};

static void put_columns(struct cli *c, struct json *columns)
{
    struct slice rest = slice_str(cli_value(c, "columns")), word;
    while (slice_split(&rest, ' ', &word))
        if (word.len) json_append(columns, json_new_string(&c->arena, word));
}

enum err saved_query_create(struct cli *c)
{
    struct json *query = json_new(&c->arena, JSON_OBJECT);
    struct buf body = {0};
    cli_set_text(c, query, "condition", slice_str(cli_value(c, "query-condition")));
    put_columns(c,
                json_set(&c->arena, query, SLICE_LIT("columns"), json_new(&c->arena, JSON_ARRAY)));
    json_write(&body, query);
    enum err e = named_show(c, &saved_queries, "PUT", buf_slice(&body));
    buf_free(&body);
    return e;
}

enum err saved_query_remove(struct cli *c)
{
    return named_delete(c, &saved_queries);
}

enum err saved_query_show_all(struct cli *c)
{
    return named_list(c, &saved_queries);
}
