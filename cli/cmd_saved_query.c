/* cmd_saved_query.c - azimuth hub saved-query ... */
#include "cli/cmd.h"
#include "cli/http.h"

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

static enum err call_query(struct cli *c, const char *method, struct slice body,
                           struct json **answer)
{
    struct target t;
    struct slice name;
    struct buf what = {0};
    TRY(cli_need(c, "name", &name));
    TRY(target_find(c, &t));
    buf_printf(&what, "saved query '%.*s'", SLICE_ARG(name));
    const struct http_call call = {
        .method = method, .path = http_path(c, "/admin/v1/saved-queries/", name), .body = body};
    enum err e = http_json(&t, &call, buf_cstr(&what), answer);
    buf_free(&what);
    return e;
}

static void put_columns(struct cli *c, struct json *columns)
{
    struct slice rest = slice_str(cli_value(c, "columns")), word;
    while (slice_split(&rest, ' ', &word))
        if (word.len) json_append(columns, json_new_string(&c->arena, word));
}

enum err saved_query_create(struct cli *c)
{
    struct json *made, *query = json_new(&c->arena, JSON_OBJECT);
    struct buf body = {0};
    cli_set_text(c, query, "condition", slice_str(cli_value(c, "query-condition")));
    put_columns(c,
                json_set(&c->arena, query, SLICE_LIT("columns"), json_new(&c->arena, JSON_ARRAY)));
    json_write(&body, query);
    enum err e = call_query(c, "PUT", buf_slice(&body), &made);
    buf_free(&body);
    TRY(e);
    return made ? output_value(&c->output, &c->arena, made, NULL) : OK;
}

enum err saved_query_remove(struct cli *c)
{
    struct json *nothing;
    return call_query(c, "DELETE", SLICE_NONE, &nothing);
}

enum err saved_query_show_all(struct cli *c)
{
    struct target t;
    struct json *list;
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = "/admin/v1/saved-queries"};
    TRY(http_json(&t, &call, "list of saved queries", &list));
    return output_value(&c->output, &c->arena, list, NULL);
}
