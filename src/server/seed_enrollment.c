/* seed_enrollment.c - enrollments and enrollment groups of the file, in the words of DPS's service API. */
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"
#include "server/seed.h"
#include "server/seed_fields.h"

/* ---- what may be said of them */

static const struct seed_field keys[] = {
    {"primaryKey", SEED_TEXT, NULL}, {"secondaryKey", SEED_TEXT, NULL}, {0}};
static const struct seed_field tpm[] = {
    {"endorsementKey", SEED_TEXT, NULL}, {"storageRootKey", SEED_TEXT, NULL}, {0}};
static const struct seed_field certificate[] = {{"certificate", SEED_TEXT, NULL}, {0}};
static const struct seed_field certificates[] = {
    {"primary", SEED_OBJECT, certificate}, {"secondary", SEED_OBJECT, certificate}, {0}};
static const struct seed_field references[] = {
    {"primary", SEED_TEXT, NULL}, {"secondary", SEED_TEXT, NULL}, {0}};
static const struct seed_field own_x509[] = {{"clientCertificates", SEED_OBJECT, certificates},
                                             {"signingCertificates", SEED_OBJECT, certificates},
                                             {0}};
static const struct seed_field group_x509[] = {{"signingCertificates", SEED_OBJECT, certificates},
                                               {"caReferences", SEED_OBJECT, references},
                                               {0}};
static const struct seed_field own_attestation[] = {{"type", SEED_TEXT, NULL},
                                                    {"symmetricKey", SEED_OBJECT, keys},
                                                    {"x509", SEED_OBJECT, own_x509},
                                                    {"tpm", SEED_OBJECT, tpm},
                                                    {0}};
static const struct seed_field group_attestation[] = {{"type", SEED_TEXT, NULL},
                                                      {"symmetricKey", SEED_OBJECT, keys},
                                                      {"x509", SEED_OBJECT, group_x509},
                                                      {0}};
static const struct seed_field capabilities[] = {{"iotEdge", SEED_SWITCH, NULL}, {0}};
static const struct seed_field reprovisioning[] = {
    {"updateHubAssignment", SEED_SWITCH, NULL}, {"migrateDeviceData", SEED_SWITCH, NULL}, {0}};
static const struct seed_field webhook[] = {
    {"webhookUrl", SEED_TEXT, NULL}, {"apiVersion", SEED_TEXT, NULL}, {0}};

#define SHARED                                                                                     \
    {"capabilities", SEED_OBJECT, capabilities}, {"iotHubHostName", SEED_TEXT, NULL},              \
        {"iotHubs", SEED_FREE, NULL}, {"initialTwin", SEED_FREE, NULL},                            \
        {"modelTwins", SEED_FREE, NULL}, {"provisioningStatus", SEED_TEXT, NULL},                  \
        {"reprovisionPolicy", SEED_OBJECT, reprovisioning}, {"allocationPolicy", SEED_TEXT, NULL}, \
        {"customAllocationDefinition", SEED_OBJECT, webhook},                                      \
    {                                                                                              \
        "credentialPolicyName", SEED_TEXT, NULL                                                    \
    }

static const struct seed_field own_fields[] = {{"registrationId", SEED_TEXT, NULL},
                                               {"deviceId", SEED_TEXT, NULL},
                                               {"attestation", SEED_OBJECT, own_attestation},
                                               {"optionalDeviceInformation", SEED_FREE, NULL},
                                               SHARED,
                                               {0}};
static const struct seed_field group_fields[] = {{"enrollmentGroupId", SEED_TEXT, NULL},
                                                 {"attestation", SEED_OBJECT, group_attestation},
                                                 SHARED,
                                                 {0}};

static const struct kind {
    const char *id, *what;
    const struct seed_field *fields;
    unsigned max;
} kinds[] = {
    [DPS_INDIVIDUAL] = {"registrationId", "enrollment", own_fields, SEED_ENROLLMENTS_MAX},
    [DPS_GROUP] = {"enrollmentGroupId", "enrollment group", group_fields, DPS_GROUPS_MAX},
};

/* ---- the file as documents */

static enum err find_id(const struct seed *s, const struct yaml *item, const struct kind *k,
                        struct slice *out)
{
    const struct yaml *id = item->kind == YAML_MAP ? yaml_get(item, k->id) : item;
    if (id == NULL || id->kind != YAML_TEXT || id->text.len == 0 || yaml_is_null(id))
        return fail(ERR_INVALID, "%s:%zu: %s is missing", s->path, item->line, k->id);
    *out = id->text;
    return OK;
}

/* Without an attestation it has symmetric keys of the server's making. */
static enum err put_document(const struct seed *s, struct buf *out, const struct yaml *item,
                             const struct kind *k)
{
    static const char by_key[] = "\"attestation\":{\"type\":\"symmetricKey\"}}";
    if (item->kind == YAML_TEXT) {
        buf_printf(out, "{\"%s\":", k->id);
        text_json_string(out, item->text);
        buf_printf(out, ",%s", by_key);
        return OK;
    }
    TRY(seed_put_object(s, out, item, k->fields));
    const struct yaml *attestation = yaml_get(item, "attestation");
    if (attestation && !yaml_is_null(attestation)) return OK;
    out->len--;
    buf_printf(out, ",%s", by_key);
    return OK;
}

static enum err read_one(struct seed *s, const struct yaml *item, enum dps_kind kind,
                         struct seed_enrollment *e)
{
    struct buf json = BUF_SECRET;
    *e = (struct seed_enrollment){.seed = s, .kind = kind, .line = item->line};
    TRY(find_id(s, item, &kinds[kind], &e->id));
    enum err err = put_document(s, &json, item, &kinds[kind]);
    e->json = arena_copy(&s->arena, buf_slice(&json));
    buf_wipe(&json);
    return err;
}

static enum err read_list(struct seed *s, const struct yaml *list, enum dps_kind kind,
                          struct map *ids)
{
    unsigned count = 0;
    if (list->kind != YAML_LIST) return seed_bad(s, list, "a list was expected");
    for (const struct yaml *item = list->child; item; item = item->next) {
        if (count++ == kinds[kind].max)
            return fail(ERR_INVALID, "%s:%zu: more than %u %ss", s->path, item->line,
                        kinds[kind].max, kinds[kind].what);
        struct seed_enrollment *e = arena_zero(&s->arena, sizeof *e);
        TRY(read_one(s, item, kind, e));
        const struct seed_enrollment *same = map_put(ids, dps_id_lower(&s->arena, e->id), e);
        if (same)
            return fail(ERR_INVALID, "%s:%zu: %s '%.*s' is there already on line %zu", s->path,
                        e->line, kinds[kind].what, SLICE_ARG(slice_head(e->id, DPS_ID_MAX)),
                        same->line);
        *s->enrollments_end = e;
        s->enrollments_end = &e->next;
    }
    return OK;
}

static enum err read_kind(struct seed *s, const struct yaml *list, enum dps_kind kind)
{
    struct map ids = {0};
    enum err e = read_list(s, list, kind, &ids);
    map_free(&ids);
    return e;
}

enum err seed_read_enrollments(struct seed *s, const struct yaml *list)
{
    return read_kind(s, list, DPS_INDIVIDUAL);
}

enum err seed_read_enrollment_groups(struct seed *s, const struct yaml *list)
{
    return read_kind(s, list, DPS_GROUP);
}

/* ---- making them */

static void refuse(const struct seed_enrollment *e, const struct dps_answer *a)
{
    struct seed *s = e->seed;
    struct arena arena = {0};
    struct json *error = NULL;
    struct slice text = SLICE_LIT("the server refused it");
    if (json_parse(&arena, a->body, &error) == OK && json_str(error, "message").len)
        text = json_str(error, "message");
    if (s->why[0] == '\0')
        snprintf(s->why, sizeof s->why, "%s:%zu: %s '%.*s': %.*s", s->path, e->line,
                 kinds[e->kind].what, SLICE_ARG(slice_head(e->id, DPS_ID_MAX)), SLICE_ARG(text));
    arena_free(&arena);
}

static void on_answer(struct dps_wait *w, const struct dps_answer *a)
{
    struct seed_enrollment *e = CONTAINER_OF(w, struct seed_enrollment, wait);
    if (a->code != DPS_OK && a->code != DPS_ENROLLMENT_CONFLICT && a->code != DPS_GROUP_CONFLICT)
        refuse(e, a);
    e->seed->under_way--;
    seed_plant_enrollments(e->seed);
}

void seed_plant_enrollments(struct seed *s)
{
    if (s->why[0]) s->enrollments = NULL;
    while (s->enrollments && s->under_way < SEED_WINDOW) {
        struct seed_enrollment *e = s->enrollments;
        s->enrollments = e->next;
        s->under_way++;
        e->wait.fn = on_answer;
        dps_enrollment_put(s->doors.dps, e->kind, e->id, SLICE_NONE, e->json, &e->wait);
    }
    if (s->under_way == 0) seed_plant_configurations(s);
}
