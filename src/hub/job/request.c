/* request.c - what a JobRequest says, and what it may not say. */
#include "base/clock.h"
#include "base/json.h"
#include "hub/job/row.h"
#include "hub/method/method.h"
#include "hub/query/query.h"

/* A hub has been seen to refuse capitals; samples of Microsoft's for Java and Python have them. */
static bool id_valid(struct slice id)
{
    if (id.len == 0 || id.len > JOB_ID_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '\'') return false;
    }
    return true;
}

static bool is_there(const struct json *j)
{
    return j && j->type != JSON_NULL;
}

static enum err read_type(const struct json *doc, enum job_type *out)
{
    if (!job_type_of(json_str(doc, "type"), out))
        return fail(ERR_INVALID, "type is scheduleDeviceMethod or scheduleUpdateTwin");
    return OK;
}

/* `out` stays when it is not said. */
static enum err read_seconds(const struct json *method, const char *name, int min, int max,
                             int64_t *out)
{
    const struct json *j = json_get_nocase(method, name);
    if (!is_there(j)) return OK;
    if (j->type != JSON_NUMBER || json_i64(j, out) != OK || *out < min || *out > max)
        return fail(ERR_INVALID, "%s is a number from %d to %d", name, min, max);
    return OK;
}

/* What a call would be refused for, or all devices would fail. */
static enum err check_timeouts(const struct json *method)
{
    int64_t response_s = METHOD_RESPONSE_S, connect_s = 0;
    TRY(read_seconds(method, "responseTimeoutInSeconds", METHOD_RESPONSE_S_MIN,
                     METHOD_RESPONSE_S_MAX, &response_s));
    TRY(read_seconds(method, "connectTimeoutInSeconds", 0, METHOD_CONNECT_S_MAX, &connect_s));
    if (connect_s > response_s)
        return fail(ERR_INVALID,
                    "connectTimeoutInSeconds must not exceed responseTimeoutInSeconds");
    return OK;
}

static enum err check_method(const struct json *method)
{
    const struct json *name = json_get_nocase(method, "methodName");
    if (!is_there(name) || name->type != JSON_STRING || !method_name_valid(name->text))
        return fail(ERR_INVALID, "cloudToDeviceMethod.methodName must be a method's name");
    return check_timeouts(method);
}

/* cloudToDeviceMethod or updateTwin, as text. */
static enum err read_work(struct arena *a, const struct json *doc, struct job_row *out)
{
    const char *name = out->type == JOB_METHOD ? "cloudToDeviceMethod" : "updateTwin";
    const struct json *work = json_get_nocase(doc, name);
    struct buf text = {0};
    if (!is_there(work) || work->type != JSON_OBJECT)
        return fail(ERR_INVALID, "%s must be an object", name);
    if (out->type == JOB_METHOD) TRY(check_method(work));
    json_write(&text, work);
    out->work = arena_copy(a, buf_slice(&text));
    buf_free(&text);
    return OK;
}

static enum err read_start(const struct json *doc, int64_t wall_us, struct job_row *out)
{
    const struct json *j = json_get_nocase(doc, "startTime");
    out->start_us = wall_us;
    if (!is_there(j) || (j->type == JSON_STRING && j->text.len == 0)) return OK;
    if (j->type != JSON_STRING || clock_parse_iso(j->text, &out->start_us) != OK)
        return fail(ERR_INVALID, "startTime is a time such as 2026-11-23T04:05:06Z");
    if (out->start_us - wall_us > JOB_AHEAD_S_MAX * INT64_C(1000000))
        return fail(ERR_INVALID, "startTime is at most %d hours ahead", JOB_AHEAD_S_MAX / 3600);
    if (out->start_us < wall_us) out->start_us = wall_us;
    return OK;
}

static enum err read_max(const struct json *doc, struct job_row *out)
{
    const struct json *j = json_get_nocase(doc, "maxExecutionTimeInSeconds");
    if (!is_there(j)) return OK;
    if (j->type != JSON_NUMBER || json_i64(j, &out->max_s) != OK || out->max_s < 0 ||
        out->max_s > INT32_MAX)
        return fail(ERR_INVALID, "maxExecutionTimeInSeconds is a whole number of seconds");
    return OK;
}

/* It is not known yet whom it means, but a text that means nobody ever is not worth waiting for. */
static enum err check_condition(struct arena *a, struct slice condition)
{
    struct query *q;
    if (slice_trim(condition).len == 0)
        return fail(ERR_INVALID, "queryCondition is missing: * means all devices");
    if (query_target(a, condition, &q) == OK && query_names_whom(q) == OK) return OK;
    struct slice why = arena_copy(a, slice_str(fail_text()));
    return fail(ERR_INVALID, "queryCondition: %.*s", SLICE_ARG(why));
}

static enum err read_condition(struct arena *a, const struct json *doc, struct job_row *out)
{
    const struct json *j = json_get_nocase(doc, "queryCondition");
    if (is_there(j) && j->type != JSON_STRING)
        return fail(ERR_INVALID, "queryCondition must be a string");
    out->condition = is_there(j) ? arena_copy(a, j->text) : SLICE_LIT("");
    return check_condition(a, out->condition);
}

static enum err read_all(struct arena *a, const struct json *doc, int64_t wall_us,
                         struct job_row *out)
{
    if (doc->type != JSON_OBJECT) return fail(ERR_INVALID, "a job is a JSON object");
    TRY(read_type(doc, &out->type));
    TRY(read_work(a, doc, out));
    TRY(read_start(doc, wall_us, out));
    TRY(read_max(doc, out));
    return read_condition(a, doc, out);
}

enum err job_request_read(struct arena *a, struct slice id, struct slice json, int64_t wall_us,
                          struct job_row *out)
{
    struct json *doc;
    *out = (struct job_row){.id = arena_copy(a, id), .created_us = wall_us};
    if (!id_valid(id))
        return fail(ERR_INVALID, "a job's id has 1 to %d of the characters A-Z a-z 0-9 - and '",
                    JOB_ID_MAX);
    TRY(json_parse(a, json, &doc));
    TRY(read_all(a, doc, wall_us, out));
    out->status = out->start_us > wall_us ? JOB_SCHEDULED : JOB_QUEUED;
    return OK;
}
