/* cmd_job.c - azimuth hub job ... */
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/http.h"

enum {
    TTL_S = 3600, /* as az has it */
    TTL_S_MAX = INT32_MAX,
    TOP_MAX = 1000,
    AHEAD_DAYS_MAX = 7, /* of a start time; the hub has the same */
};

#define POLL_US              (10 * 1000000ll)
#define POLL_US_MIN          100000ll
#define POLL_US_MAX          (3600 * 1000000ll)
#define DAY_US               (86400 * 1000000ll)
#define POLL_DURATION_US_MAX (30 * DAY_US)

static const char columns[] = "job=jobId type=type status=status created=createdTime "
                              "devices=deviceJobStatistics.deviceCount "
                              "failed=deviceJobStatistics.failedCount";

const struct cli_option job_create_options[] = {
    {"job-id", "ID", "the job: A-Z a-z 0-9 - '"},
    {"job-type jt", "TYPE", "scheduleUpdateTwin or scheduleDeviceMethod"},
    {"query-condition q", "CONDITION", "which devices, as behind WHERE, or * for all"},
    {"start-time start", "TIME", "when, as 2026-11-23T04:05:06Z [at once]"},
    {"ttl", CLI_DURATION, "how long it may take [1h]"},
    {"twin-patch patch", "JSON", "merged into the twins, or a file with that"},
    {"method-name mn", "NAME", "the method"},
    {"method-payload mp", "JSON", "what it gets, or a file with that [null]"},
    {"method-connect-timeout mct", CLI_DURATION, "for a device to connect, up to 300 s [0s]"},
    {"method-response-timeout mrt", CLI_DURATION, "for its answer, 5 s to 1 h [30s]"},
    {"wait w", NULL, "until the job has ended, with its progress"},
    {"poll-interval interval", CLI_DURATION, "how often it is looked at with --wait [10s]"},
    {"poll-duration duration", CLI_DURATION, "how long with --wait, then 5 [as long as it takes]"},
    {"", NULL, NULL}};
const struct cli_option job_options[] = {{"job-id", "ID", "the job"}, {"", NULL, NULL}};
const struct cli_option job_list_options[] = {
    {"job-type jt", "TYPE", "only those: scheduleUpdateTwin, scheduleDeviceMethod"},
    {"job-status js", "STATUS",
     "only those: scheduled, queued, running, completed, failed, cancelled"},
    {"top", "NUMBER", "at most so many, the newest [1000]"},
    {"", NULL, NULL}};

const char job_create_help[] =
    "What became of each device: SELECT * FROM devices.jobs WHERE jobId = 'j1'\n\n"
    "    azimuth hub job create --job-id j1 --jt scheduleUpdateTwin -q \"tags.floor = 3\" \\\n"
    "        --patch '{\"properties\": {\"desired\": {\"interval\": 30}}}' --wait\n"
    "    azimuth hub job create --job-id j2 --jt scheduleDeviceMethod -q '*' --mn reboot --mct 60";

/* ---- what is to be done */

static void set_number(struct cli *c, struct json *object, const char *name, int64_t number)
{
    json_set(&c->arena, object, slice_str(name), json_new_i64(&c->arena, number));
}

static enum err put_method(struct cli *c, struct json *job)
{
    struct json *method = json_new(&c->arena, JSON_OBJECT), *payload;
    struct slice name;
    struct method_times times;
    if (!cli_given(c, "method-name"))
        return fail(ERR_INVALID, "--method-name is needed for scheduleDeviceMethod");
    TRY(cli_need(c, "method-name", &name));
    TRY(file_json_option(c, "method-payload", &payload));
    if (payload == NULL) payload = json_new(&c->arena, JSON_NULL);
    TRY(method_read_times(c, "method-response-timeout", "method-connect-timeout", &times));
    cli_set_text(c, method, "methodName", name);
    json_set(&c->arena, method, SLICE_LIT("payload"), payload);
    set_number(c, method, "responseTimeoutInSeconds", times.response_s);
    set_number(c, method, "connectTimeoutInSeconds", times.connect_s);
    json_set(&c->arena, job, SLICE_LIT("cloudToDeviceMethod"), method);
    return OK;
}

static enum err put_twin(struct cli *c, struct json *job)
{
    struct json *twin;
    TRY(file_json_option(c, "twin-patch", &twin));
    if (twin == NULL) return fail(ERR_INVALID, "--twin-patch is needed for scheduleUpdateTwin");
    if (twin->type != JSON_OBJECT)
        return fail(ERR_INVALID,
                    "--twin-patch must be a JSON object with tags, properties or both");
    if (json_get(twin, "etag") == NULL) cli_set_text(c, twin, "etag", SLICE_LIT("*"));
    json_set(&c->arena, job, SLICE_LIT("updateTwin"), twin);
    return OK;
}

static enum err put_start(struct cli *c, struct json *job)
{
    const char *text = cli_value(c, "start-time");
    int64_t us;
    if (text == NULL) return OK;
    if (clock_parse_iso(slice_str(text), &us) != OK)
        return fail(ERR_INVALID, "--start-time %s: a time such as 2026-11-23T04:05:06Z", text);
    if (us - clock_wall_us() > AHEAD_DAYS_MAX * DAY_US)
        return fail(ERR_INVALID, "--start-time %s: at most %d days ahead", text, AHEAD_DAYS_MAX);
    cli_set_text(c, job, "startTime", slice_str(text));
    return OK;
}

static enum err make_job(struct cli *c, struct slice id, struct json *job)
{
    struct slice type, condition;
    int64_t ttl_s;
    TRY(cli_need(c, "job-type", &type));
    TRY(cli_need(c, "query-condition", &condition));
    TRY(cli_seconds(c, "ttl", 0, TTL_S_MAX, TTL_S, &ttl_s));
    cli_set_text(c, job, "jobId", id);
    cli_set_text(c, job, "queryCondition", condition);
    TRY(put_start(c, job));
    set_number(c, job, "maxExecutionTimeInSeconds", ttl_s);
    bool method = slice_is_nocase(type, "scheduleDeviceMethod");
    if (!method && !slice_is_nocase(type, "scheduleUpdateTwin"))
        return fail(ERR_INVALID,
                    "--job-type %.*s: it is scheduleUpdateTwin or scheduleDeviceMethod",
                    SLICE_ARG(type));
    cli_set_text(c, job, "type", type);
    return method ? put_method(c, job) : put_twin(c, job);
}

/* ---- calls */

static enum err call_job(struct cli *c, struct target *t, const char *method, const char *after,
                         struct slice body, struct json **answer)
{
    struct slice id;
    struct buf path = {0}, what = {0};
    TRY(cli_need(c, "job-id", &id));
    buf_printf(&path, "%s%s", http_path(c, "/jobs/v2/", id), after);
    buf_printf(&what, "job '%.*s'", SLICE_ARG(id));
    const struct http_call call = {.method = method, .path = buf_cstr(&path), .body = body};
    enum err e = http_json(t, &call, buf_cstr(&what), answer);
    if (e == OK && slice_is(json_str(*answer, "status"), "unknown"))
        e = fail(ERR_NOT_FOUND,
                 "there is no job '%.*s'; '%s hub job list' shows those that are there",
                 SLICE_ARG(id), c->program);
    buf_free(&path);
    buf_free(&what);
    return e;
}

/* ---- waiting */

static int64_t number(const struct json *job, const char *name)
{
    const struct json *j = json_get(json_get(job, "deviceJobStatistics"), name);
    int64_t n = 0;
    return j && json_i64(j, &n) == OK ? n : 0;
}

static bool has_ended(const struct json *job)
{
    struct slice s = json_str(job, "status");
    return slice_is(s, "completed") || slice_is(s, "failed") || slice_is(s, "cancelled");
}

static void show_progress(struct cli *c, const struct json *job, bool last)
{
    int64_t all = number(job, "deviceCount"), failed = number(job, "failedCount");
    int64_t done = number(job, "succeededCount") + failed;
    progress_show(&c->progress, &(struct progress_at){.step = "job",
                                                      .unit = "devices",
                                                      .done = (uint64_t)done,
                                                      .total = (uint64_t)all,
                                                      .failed = (uint64_t)failed,
                                                      .status = json_str(job, "status"),
                                                      .ended = last});
}

struct polls {
    int64_t interval_us, duration_us;
};

static enum err read_polls(const struct cli *c, struct polls *out)
{
    TRY(cli_duration(c, "poll-interval", POLL_US_MIN, POLL_US_MAX, POLL_US, &out->interval_us));
    return cli_duration(c, "poll-duration", POLL_US_MIN, POLL_DURATION_US_MAX, POLL_DURATION_US_MAX,
                        &out->duration_us);
}

static void pause_us(int64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

static enum err wait_for_end(struct cli *c, struct target *t, const struct polls *polls,
                             struct json **job)
{
    int64_t end_us = clock_mono_us() + polls->duration_us;
    while (!has_ended(*job)) {
        show_progress(c, *job, false);
        int64_t left_us = end_us - clock_mono_us();
        if (left_us <= 0)
            return fail(ERR_TIMEOUT, "the job has not ended within %.10g s; it goes on",
                        (double)polls->duration_us / 1e6);
        pause_us(MIN(polls->interval_us, left_us));
        TRY(call_job(c, t, "GET", "", SLICE_NONE, job));
    }
    show_progress(c, *job, true);
    return OK;
}

/* ---- verbs */

enum err jobs_create(struct cli *c)
{
    struct target t;
    struct slice id;
    struct json *job = json_new(&c->arena, JSON_OBJECT);
    struct buf text = {0};
    struct polls polls;
    TRY(cli_need(c, "job-id", &id));
    TRY(make_job(c, id, job));
    TRY(read_polls(c, &polls));
    TRY(target_find(c, &t));
    json_write(&text, job);
    enum err e = call_job(c, &t, "PUT", "", buf_slice(&text), &job);
    if (e == OK && cli_given(c, "wait")) e = wait_for_end(c, &t, &polls, &job);
    if (e == OK) e = output_value(&c->output, &c->arena, job, columns);
    buf_free(&text);
    return e;
}

static enum err one(struct cli *c, const char *method, const char *after)
{
    struct target t;
    struct json *job;
    TRY(target_find(c, &t));
    TRY(call_job(c, &t, method, after, SLICE_NONE, &job));
    return output_value(&c->output, &c->arena, job, columns);
}

enum err jobs_show(struct cli *c)
{
    return one(c, "GET", "");
}

enum err jobs_cancel(struct cli *c)
{
    return one(c, "POST", "/cancel");
}

static const char *path_of_list(struct cli *c, int64_t max)
{
    const char *type = cli_value(c, "job-type"), *status = cli_value(c, "job-status");
    struct buf path = {0};
    buf_printf(&path, "/jobs/v2/query?pageSize=%lld", (long long)max);
    if (type) buf_put_str(&path, http_path(c, "&jobType=", slice_str(type)));
    if (status) buf_put_str(&path, http_path(c, "&jobStatus=", slice_str(status)));
    return cli_keep(c, &path);
}

enum err jobs_list(struct cli *c)
{
    struct target t;
    struct json *list;
    int64_t top;
    TRY(cli_number(c, "top", 1, TOP_MAX, TOP_MAX, &top));
    TRY(target_find(c, &t));
    const struct http_call call = {.method = "GET", .path = path_of_list(c, top)};
    TRY(http_json(&t, &call, "list of jobs", &list));
    return output_value(&c->output, &c->arena, list, columns);
}
