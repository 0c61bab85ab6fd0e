/* scope.c - where a device stands in a hierarchy of edge devices.
 *
 * An edge device has a scope of its own, made by us; its parent is named in parentScopes.  A leaf
 * has its parent's scope in deviceScope, and parentScopes mirrors it.  Observed on a real hub:
 *
 *   before   after   deviceScope                          parentScopes
 *   -        edge    made, with a suffix; given: ignored  as given
 *   -, leaf  leaf    as given                             mirrors deviceScope; given: ignored
 *   leaf     edge    made, without suffix                 as given
 *   edge     edge    must be repeated, never changes      as given; left out: detached
 *   edge     leaf    gone                                 gone
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "hub/registry/identity.h"

#define SCOPE_PREFIX "ms-azure-iot-edge://"

enum { SCOPE_MAX = sizeof SCOPE_PREFIX - 1 + HUB_ID_LEN_MAX + 1 + 20 };

static enum err check(const struct json *text, struct slice *out)
{
    if (text == NULL || text->type == JSON_NULL) return OK;
    if (text->type != JSON_STRING) return fail(ERR_INVALID, "a scope must be a string");
    *out = text->text;
    if (out->len == 0) return OK;
    bool well_formed = out->len <= SCOPE_MAX && slice_starts(*out, SLICE_LIT(SCOPE_PREFIX)) &&
                       slice_find(*out, '\0') == out->len;
    return well_formed ? OK : fail(ERR_INVALID, "a scope must be that of an edge device");
}

static enum err read_given(const struct json *doc, struct slice *scope, struct slice *parent)
{
    const struct json *parents = json_get(doc, "parentScopes");
    *scope = *parent = SLICE_NONE;
    TRY(check(json_get(doc, "deviceScope"), scope));
    if (parents == NULL || parents->type == JSON_NULL) return OK;
    if (parents->type != JSON_ARRAY) return fail(ERR_INVALID, "parentScopes must be an array");
    if (parents->child && parents->child->next)
        return fail(ERR_INVALID, "a device has at most one parent");
    return check(parents->child, parent);
}

static struct slice make_scope(struct arena *a, struct slice device_id, bool with_suffix)
{
    char text[SCOPE_MAX + 1];
    int len = snprintf(text, sizeof text, SCOPE_PREFIX "%.*s", SLICE_ARG(device_id));
    if (with_suffix)
        snprintf(text + len, sizeof text - (size_t)len, "-%lld", (long long)clock_wall_us() * 10);
    return arena_copy(a, slice_str(text));
}

enum err scope_read(struct arena *a, const struct json *doc, const struct identity *old,
                    struct identity *out)
{
    bool was_edge = old && old->iot_edge;
    struct slice scope, parent;
    TRY(read_given(doc, &scope, &parent));
    if (!out->iot_edge) {
        if (!was_edge) out->device_scope = out->parent_scope = scope;
        return OK;
    }
    if (was_edge && !slice_eq(scope, old->device_scope))
        return fail(ERR_INVALID, "Device scope is immutable");
    out->device_scope = was_edge ? old->device_scope : make_scope(a, out->device_id, old == NULL);
    out->parent_scope = parent;
    return OK;
}
