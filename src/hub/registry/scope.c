/* scope.c - where a device stands in a hierarchy of edge devices.
 *
 * An edge device has a scope of its own, made by us; its parent is named in parentScopes.  A leaf
 * has its parent's scope in deviceScope, and parentScopes mirrors it.  Observed on a real hub:
 *
 *   before   after   deviceScope                          parentScopes
 *   -        edge    made, with a suffix; given: ignored  as given
 *   -        edge    in a bulk: as given, if it is one of that device; else made
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

/* So edge devices that come from another hub stay the parents of their leaves. */
static bool is_scope_of(struct slice scope, struct slice device_id)
{
    struct slice rest = slice_from(scope, sizeof SCOPE_PREFIX - 1);
    if (scope.len == 0 || !slice_starts(rest, device_id)) return false;
    rest = slice_from(rest, device_id.len);
    if (rest.len && rest.ptr[0] != '-') return false;
    for (size_t i = 1; i < rest.len; i++)
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9') return false;
    return true;
}

static struct slice new_scope(struct arena *a, struct slice given, bool of_bulk,
                              const struct identity *old, struct slice device_id)
{
    bool kept = of_bulk && old == NULL && is_scope_of(given, device_id);
    return kept ? given : make_scope(a, device_id, old == NULL);
}

/* An entry of a bulk call that does not speak of it (document.c). */
static bool keeps_scope(const struct json *doc, bool of_bulk, const struct identity *old,
                        const struct identity *out)
{
    return of_bulk && old && old->iot_edge == out->iot_edge &&
           json_given(doc, "deviceScope") == NULL && json_given(doc, "parentScopes") == NULL;
}

enum err scope_read(struct arena *a, const struct json *doc, bool of_bulk,
                    const struct identity *old, struct identity *out)
{
    bool was_edge = old && old->iot_edge;
    struct slice scope, parent;
    if (keeps_scope(doc, of_bulk, old, out)) {
        out->device_scope = old->device_scope;
        out->parent_scope = old->parent_scope;
        return OK;
    }
    TRY(read_given(doc, &scope, &parent));
    if (!out->iot_edge) {
        if (!was_edge) out->device_scope = out->parent_scope = scope;
        return OK;
    }
    if (was_edge && !slice_eq(scope, old->device_scope))
        return fail(ERR_INVALID, "Device scope is immutable");
    out->device_scope =
        was_edge ? old->device_scope : new_scope(a, scope, of_bulk, old, out->device_id);
    out->parent_scope = parent;
    return OK;
}
