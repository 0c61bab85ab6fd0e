/* cmd_scope.c - azimuth hub device-identity parent ..., children ...: hierarchies of edge devices.
 *
 * A leaf has its parent's scope as its deviceScope; an edge device names it in parentScopes.
 */
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/identity.h"

#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define CHILD_LIST                                                                                 \
    {                                                                                              \
        "child-list cl", "ID...", "the children"                                                   \
    }

const struct cli_option parent_show_options[] = {{"device-id d", "ID", "the child"}, END};
const struct cli_option parent_set_options[] = {
    {"device-id d", "ID", "the child"},
    {"parent-device-id pd", "ID", "the edge device that is to be its parent"},
    {"force f", NULL, "also if it has another parent"},
    END};
const struct cli_option children_list_options[] = {{"device-id d", "ID", "the edge device"}, END};
const struct cli_option children_add_options[] = {
    {"device-id d", "ID", "the edge device"},
    CHILD_LIST,
    {"force f", NULL, "also those that have another parent"},
    END};
const struct cli_option children_remove_options[] = {{"device-id d", "ID", "the edge device"},
                                                     CHILD_LIST,
                                                     {"remove-all a", NULL, "all of them"},
                                                     END};

static const char *const columns =
    "id=deviceId status connection=connectionState edge=capabilities.iotEdge";

static bool is_edge(const struct json *device)
{
    const struct json *edge = json_get(json_get(device, "capabilities"), "iotEdge");
    return edge && edge->truth;
}

static struct slice parent_scope(const struct json *device)
{
    const struct json *parents = json_get(device, "parentScopes");
    return parents && parents->child ? parents->child->text : SLICE_NONE;
}

/* The scope of an edge device; another device has none to give. */
static enum err scope_of(const struct json *device, struct slice *scope)
{
    struct slice id = json_str(device, "deviceId");
    if (!is_edge(device))
        return fail(ERR_INVALID,
                    "device '%.*s' is no edge device: update it with --edge-enabled true",
                    SLICE_ARG(id));
    *scope = json_str(device, "deviceScope");
    return OK;
}

static enum err get(struct cli *c, const char *option, struct target *t, struct json **device)
{
    struct slice id;
    TRY(cli_need(c, option, &id));
    return identity_get(t, id, SLICE_NONE, device);
}

/* `scope` empty: it has no parent any more. */
static enum err set_parent(struct cli *c, struct target *t, struct json *child, struct slice scope,
                           struct json **updated)
{
    struct json *parents = json_new(&c->arena, JSON_ARRAY);
    const char *etag = (const char *)arena_copy(&c->arena, json_str(child, "etag")).ptr;
    if (scope.len) json_append(parents, json_new_string(&c->arena, scope));
    json_set(&c->arena, child, SLICE_LIT("parentScopes"), parents);
    if (!is_edge(child))
        json_set(&c->arena, child, SLICE_LIT("deviceScope"), json_new_string(&c->arena, scope));
    return identity_put(t, child, etag, updated);
}

static enum err adopt(struct cli *c, struct target *t, struct json *child, struct slice scope,
                      struct json **updated)
{
    struct slice has = parent_scope(child);
    if (has.len && !slice_eq(has, scope) && !cli_given(c, "force"))
        return fail(ERR_CONFLICT, "device '%.*s' has another parent; --force gives it this one",
                    SLICE_ARG(json_str(child, "deviceId")));
    return set_parent(c, t, child, scope, updated);
}

/* ---- queries */

/* The twins that a condition finds: the scope between `before` and `after`. */
static enum err find(struct cli *c, struct target *t, const char *before, struct slice scope,
                     const char *after, struct json **found)
{
    struct buf query = {0};
    buf_printf(&query, "SELECT * FROM devices WHERE %s'%.*s'%s", before, SLICE_ARG(scope), after);
    enum err e = query_rows(c, t, buf_slice(&query), found);
    buf_free(&query);
    return e;
}

static enum err find_children(struct cli *c, struct target *t, struct slice scope,
                              struct json **children)
{
    return find(c, t, "array_contains(parentScopes, ", scope, ")", children);
}

/* ---- verbs */

enum err parent_show(struct cli *c)
{
    struct target t;
    struct json *child, *found;
    TRY(target_find(c, &t));
    TRY(get(c, "device-id", &t, &child));
    struct slice scope = parent_scope(child);
    if (scope.len == 0)
        return fail(ERR_NOT_FOUND, "device '%.*s' has no parent",
                    SLICE_ARG(json_str(child, "deviceId")));
    TRY(find(c, &t, "deviceScope = ", scope, " AND capabilities.iotEdge = true", &found));
    if (found->child == NULL)
        return fail(ERR_NOT_FOUND, "there is no edge device with the scope '%.*s'",
                    SLICE_ARG(scope));
    TRY(identity_get(&t, json_str(found->child, "deviceId"), SLICE_NONE, &found));
    return output_value(&c->output, &c->arena, found, columns);
}

enum err parent_set(struct cli *c)
{
    struct target t;
    struct json *child, *parent, *updated;
    struct slice scope;
    TRY(target_find(c, &t));
    TRY(get(c, "device-id", &t, &child));
    TRY(get(c, "parent-device-id", &t, &parent));
    TRY(scope_of(parent, &scope));
    TRY(adopt(c, &t, child, scope, &updated));
    return output_value(&c->output, &c->arena, updated, columns);
}

enum err children_list(struct cli *c)
{
    struct target t;
    struct json *parent, *children;
    struct slice scope;
    TRY(target_find(c, &t));
    TRY(get(c, "device-id", &t, &parent));
    TRY(scope_of(parent, &scope));
    TRY(find_children(c, &t, scope, &children));
    return output_value(&c->output, &c->arena, children, columns);
}

enum err children_add(struct cli *c)
{
    struct target t;
    struct json *parent, *child, *updated;
    struct slice scope, ids, id;
    TRY(target_find(c, &t));
    TRY(cli_need(c, "child-list", &ids));
    TRY(get(c, "device-id", &t, &parent));
    TRY(scope_of(parent, &scope));
    while (cli_next_name(&ids, &id)) {
        TRY(identity_get(&t, id, SLICE_NONE, &child));
        TRY(adopt(c, &t, child, scope, &updated));
    }
    return OK;
}

static enum err leave(struct cli *c, struct target *t, struct slice id, struct slice scope)
{
    struct json *child, *updated;
    TRY(identity_get(t, id, SLICE_NONE, &child));
    if (!slice_eq(parent_scope(child), scope))
        return fail(ERR_NOT_FOUND, "device '%.*s' is not a child of it", SLICE_ARG(id));
    return set_parent(c, t, child, SLICE_LIT(""), &updated);
}

enum err children_remove(struct cli *c)
{
    struct target t;
    struct json *parent, *children;
    struct slice scope, ids, id;
    TRY(target_find(c, &t));
    TRY(get(c, "device-id", &t, &parent));
    TRY(scope_of(parent, &scope));
    if (cli_given(c, "remove-all")) {
        TRY(find_children(c, &t, scope, &children));
        for (const struct json *j = children->child; j; j = j->next)
            TRY(leave(c, &t, json_str(j, "deviceId"), scope));
        return OK;
    }
    TRY(cli_need(c, "child-list", &ids));
    while (cli_next_name(&ids, &id)) TRY(leave(c, &t, id, scope));
    return OK;
}
