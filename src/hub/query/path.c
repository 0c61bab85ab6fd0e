/* path.c - the path to a property, without what is in front of it: devices.tags.a is tags.a. */
#include "hub/query/parse.h"

/* What the hub itself names in a twin and in a device's part of a job. */
static const char *const members[] = {
    "deviceId",
    "moduleId",
    "etag",
    "deviceEtag",
    "status",
    "statusReason",
    "version",
    "statusUpdateTime",
    "connectionState",
    "modelId",
    "lastActivityTime",
    "expectedActivityTime",
    "tags",
    "properties",
    "cloudToDeviceMessageCount",
    "configurations",
    "x509Thumbprint",
    "authenticationType",
    "capabilities",
    "deviceScope",
    "parentScopes",
    "jobId",
    "jobType",
    "startTimeUtc",
    "endTimeUtc",
    "outcome",
    "createdDateTimeUtc",
    "error",
    "lastUpdatedDateTimeUtc",
};

static bool is_called(const struct step *step, const char *name)
{
    return step && step->name.ptr && slice_is_nocase(step->name, name);
}

/* Without "devices.", "devices.modules." or "devices.jobs." in front. */
static struct step *without_source(const struct parser *p, struct step *path)
{
    const char *second = p->source == QUERY_MODULES ? "modules" : "jobs";
    if (!is_called(path, "devices") || path->next == NULL) return path;
    path = path->next;
    bool named = p->source != QUERY_DEVICES && is_called(path, second) && path->next;
    return named ? path->next : path;
}

/* Those count in any case: samples of Microsoft's have DeviceId and LastActivityTime. */
static void spell(struct step *first)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (is_called(first, members[i])) first->name = slice_str(members[i]);
}

enum err query_read_path(struct parser *p, struct expr **out)
{
    struct step *path;
    struct expr *e = expr_new(p, EXPR_PATH);
    struct step **end = parse_add_step(p, &path, p->lex.word.text);
    TRY(lex_next(&p->lex));
    TRY(parse_steps(p, end));
    e->path = without_source(p, path);
    spell(e->path);
    *out = e;
    return OK;
}
