/* apply_devices.c - the devices of a file. */
#include "base/json.h"
#include "cli/apply.h"
#include "cli/identity.h"

/* Device of the service API, as far as there is something to set. */
static const char *const members[] = {"deviceId",
                                      "status",
                                      "statusReason",
                                      "deviceScope",
                                      "authentication",
                                      "authentication.type",
                                      "authentication.symmetricKey",
                                      "authentication.symmetricKey.primaryKey",
                                      "authentication.symmetricKey.secondaryKey",
                                      "authentication.x509Thumbprint",
                                      "authentication.x509Thumbprint.primaryThumbprint",
                                      "authentication.x509Thumbprint.secondaryThumbprint",
                                      "capabilities",
                                      "capabilities.iotEdge",
                                      "tags.*",
                                      "properties",
                                      "properties.desired.*",
                                      NULL};

static enum err want_of(struct apply *a, const struct yaml *item, struct slice id,
                        struct json **out)
{
    if (item->kind == YAML_MAP) {
        TRY(apply_json(a, item, out));
        json_remove(*out, json_get(*out, "tags")); /* the twin's; so is the next */
        json_remove(*out, json_get(*out, "properties"));
        return OK;
    }
    *out = json_new(&a->cli->arena, JSON_OBJECT);
    cli_set_text(a->cli, *out, "deviceId", id);
    return OK;
}

/* Without a type the hub goes by the proofs that are given: those of another kind, and its name, are left out. */
static void leave_other_kind(const struct json *have, const struct json *want)
{
    static const char *const proofs[] = {"symmetricKey", "x509Thumbprint"};
    struct buf where = {0};
    struct json *h = json_given(have, "authentication");
    const struct json *w = json_given(want, "authentication");
    bool same = h == NULL || w == NULL || apply_covers(h, w, &where);
    buf_free(&where);
    if (same || json_given(w, "type")) return;
    json_remove(h, json_get(h, "type"));
    for (size_t i = 0; i < 2; i++)
        if (json_given(w, proofs[i]) == NULL) json_remove(h, json_get(h, proofs[i]));
}

static enum err change(struct apply *a, struct json *have, const struct json *want)
{
    struct json *done;
    struct slice tag = arena_copy(&a->cli->arena, json_str(have, "etag"));
    leave_other_kind(have, want);
    apply_merge(&a->cli->arena, have, want);
    return identity_put(&a->target, have, (const char *)tag.ptr, &done);
}

static bool is_as(const struct json *have, struct json *want, struct buf *where)
{
    apply_word(have, want, "status");
    apply_word(json_get(have, "authentication"), json_get(want, "authentication"), "type");
    return apply_covers(have, want, where);
}

static enum err add(struct apply *a, struct json *want, const struct json *twin, struct slice id)
{
    struct json *done;
    if (!a->dry) TRY(identity_put(&a->target, want, NULL, &done));
    apply_note(a, "added", "device", id, SLICE_NONE);
    return twin && !a->dry ? apply_twin_put(a, id, twin) : OK;
}

/* One row, with what differs first: of the identity, then of the twin. */
static enum err compare(struct apply *a, struct slice id, struct json *have, struct json *want,
                        const struct json *twin)
{
    struct buf where = {0}, tag = {0};
    bool same = is_as(have, want, &where);
    enum err e = twin ? apply_twin_compare(a, id, twin, &tag) : OK;
    if (e == OK && !same && !a->dry) e = change(a, have, want);
    if (e == OK && !same) apply_note(a, "changed", "device", id, buf_slice(&where));
    if (e == OK && tag.len && !a->dry) e = apply_twin_put(a, id, twin);
    if (e == OK && tag.len && same) apply_note(a, "changed", "device", id, buf_slice(&tag));
    buf_free(&where);
    buf_free(&tag);
    return e;
}

static enum err apply_device(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                             struct slice id)
{
    struct json *want, *have, *twin;
    (void)k;
    TRY(want_of(a, item, id, &want));
    TRY(apply_twin_of(a, item, &twin));
    enum err e = identity_get(&a->target, id, SLICE_NONE, &have);
    if (e == ERR_NOT_FOUND) return add(a, want, twin, id);
    return e == OK ? compare(a, id, have, want, twin) : e;
}

static enum err check(struct apply *a, const struct apply_kind *k, const struct yaml *item,
                      struct slice id)
{
    (void)k;
    (void)id;
    return apply_twin_check(a, item);
}

static const struct apply_kind devices = {.id = "deviceId",
                                          .row = "device",
                                          .what = "device",
                                          .of = "a device",
                                          .many = "devices",
                                          .max = APPLY_DEVICES_MAX,
                                          .members = members,
                                          .check = check,
                                          .apply = apply_device};

enum err apply_check_devices(struct apply *a, const struct yaml *list)
{
    return apply_list_check(a, &devices, list);
}

enum err apply_devices(struct apply *a, const struct yaml *list)
{
    return apply_list(a, &devices, list);
}
