/* apply_devices.c - the devices of a file. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "cli/apply.h"
#include "cli/file.h"
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
                                      "capabilities.iotEdge"};

static bool is_member(const char *path)
{
    bool known = false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        known = known || strcmp(members[i], path) == 0;
    return known;
}

/* A word that the hub would not look at is a mistake. */
static enum err check_members(const struct apply *a, const struct yaml *map, const char *before)
{
    struct buf path = {0};
    enum err e = OK;
    const struct yaml *m = map->kind == YAML_MAP ? map->child : NULL;
    for (; m && e == OK; m = m->next) {
        buf_clear(&path);
        buf_printf(&path, "%s%s%.*s", before, *before ? "." : "", SLICE_ARG(m->name));
        e = is_member(buf_cstr(&path)) ? check_members(a, m, buf_cstr(&path))
                                       : apply_bad(a, m, "there is no such setting of a device");
    }
    buf_free(&path);
    return e;
}

static enum err want_of(struct apply *a, const struct yaml *item, struct slice id,
                        struct json **out)
{
    TRY(check_members(a, item, ""));
    if (item->kind == YAML_MAP) return apply_json(a, item, out);
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

static enum err apply_device(struct apply *a, const struct yaml *item, struct slice id)
{
    struct json *want, *have, *done;
    struct buf where = {0};
    TRY(want_of(a, item, id, &want));
    enum err e = identity_get(&a->target, id, SLICE_NONE, &have);
    if (e == ERR_NOT_FOUND) {
        if (!a->dry) TRY(identity_put(&a->target, want, NULL, &done));
        apply_note(a, "added", "device", id, SLICE_NONE);
        return OK;
    }
    if (e == OK && !is_as(have, want, &where)) {
        if (!a->dry) e = change(a, have, want);
        if (e == OK) apply_note(a, "changed", "device", id, buf_slice(&where));
    }
    buf_free(&where);
    return e;
}

static enum err one(struct apply *a, const struct yaml *item, struct map *ids)
{
    struct slice id;
    TRY(apply_name(a, item, "deviceId", &id));
    if (map_put(ids, id, (void *)(uintptr_t)item))
        return apply_bad(a, item, "this device is there already");
    return apply_blame(a, item, apply_device(a, item, id));
}

static enum err too_many(const struct apply *a, const struct yaml *at)
{
    char why[64];
    snprintf(why, sizeof why, "there are more than %d devices", APPLY_DEVICES_MAX);
    return apply_bad(a, at, why);
}

enum err apply_devices(struct apply *a, const struct yaml *list)
{
    struct map ids = {0};
    enum err e = OK;
    uint64_t done = 0, all = 0;
    if (list->kind != YAML_LIST) return apply_bad(a, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next)
        if (all++ == APPLY_DEVICES_MAX) return too_many(a, item);
    for (const struct yaml *item = list->child; item && e == OK; item = item->next) {
        e = one(a, item, &ids);
        progress_show(&a->cli->progress, &(struct progress_at){.step = "devices",
                                                               .unit = "devices",
                                                               .done = ++done,
                                                               .total = all,
                                                               .ended = e == OK && !item->next});
    }
    map_free(&ids);
    return e;
}
