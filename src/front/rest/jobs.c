/* jobs.c - jobs over many devices: IoT Hub service REST API, "Jobs". */
#include "base/json.h"
#include "base/metrics.h"
#include "base/num.h"
#include "front/rest/call.h"

/* IoT Hub's jobs.{createTwinUpdateJob,createDirectMethodJob,cancelJob,listJobs,queryJobs}.{success,failure}. */
enum op { CREATE_TWIN_UPDATE, CREATE_METHOD, CANCEL, LIST, QUERY, OPS };

#define CALL(op, what)                                                                             \
    {                                                                                              \
        .name = "azimuth_jobs_calls_total", .help = "Calls of services about jobs",                \
        .labels = "op=\"" op "\",result=\"" what "\"", .kind = METRIC_COUNTER                      \
    }
#define CALLS(op)                                                                                  \
    {                                                                                              \
        CALL(op, "success"), CALL(op, "failure")                                                   \
    }

static struct metric calls[OPS][2] = {[CREATE_TWIN_UPDATE] = CALLS("createTwinUpdateJob"),
                                      [CREATE_METHOD] = CALLS("createDirectMethodJob"),
                                      [CANCEL] = CALLS("cancelJob"),
                                      [LIST] = CALLS("listJobs"),
                                      [QUERY] = CALLS("queryJobs")};

__attribute__((constructor)) static void register_calls(void)
{
    for (int op = 0; op < OPS; op++)
        for (int failed = 0; failed < 2; failed++) metric_register(&calls[op][failed]);
}

static bool is_of_methods(const struct call *c)
{
    struct arena arena = {0};
    struct json *doc;
    bool is = json_parse(&arena, buf_slice(&c->body), &doc) == OK &&
              slice_is_nocase(json_str(doc, "type"), "scheduleDeviceMethod");
    arena_free(&arena);
    return is;
}

/* One job is `listJobs`, as in Azure's own names; a page of them is `queryJobs`. */
static enum op op_of(const struct call *c)
{
    struct slice method = slice_str(c->route->method);
    if (slice_is(method, "PUT")) return is_of_methods(c) ? CREATE_METHOD : CREATE_TWIN_UPDATE;
    if (slice_is(method, "POST")) return CANCEL;
    return rest_route_optional(c, "job").len ? LIST : QUERY;
}

static void count(const struct call *c, enum status s)
{
    metric_inc(&calls[op_of(c)][s != STATUS_OK]);
}

static void answer(struct call *c, const struct job_answer *a)
{
    struct buf text = {0};
    buf_put_slice(&text, a->text);
    if (a->status == STATUS_OK)
        rest_answer_json(c, a->body);
    else
        rest_answer_status(c, a->status, buf_cstr(&text));
    buf_free(&text);
}

static void on_answer(struct job_wait *w, const struct job_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, job_wait);
    rest_call_resume(c);
    count(c, a->status);
    answer(c, a);
    rest_call_end(c);
}

static struct job_wait *wait(struct call *c,
                             void (*fn)(struct job_wait *w, const struct job_answer *a))
{
    c->job_wait.fn = fn;
    rest_call_wait(c, WAITING_JOBS);
    return &c->job_wait;
}

void rest_job_put(struct call *c)
{
    job_create(c->service->doors.jobs, rest_route_param(c, "job"), buf_slice(&c->body),
               wait(c, on_answer));
}

void rest_job_cancel(struct call *c)
{
    job_cancel(c->service->doors.jobs, rest_route_param(c, "job"), wait(c, on_answer));
}

/* Of a job that is not there a real hub says that it is unknown, and 200. */
static void on_job(struct job_wait *w, const struct job_answer *a)
{
    static const struct job_answer unknown = {
        .body = SLICE_LIT("{\"type\":\"unknown\",\"status\":\"unknown\"}")};
    on_answer(w, a->status == STATUS_JOB_NOT_FOUND ? &unknown : a);
}

void rest_job_get(struct call *c)
{
    job_get(c->service->doors.jobs, rest_route_param(c, "job"), wait(c, on_job));
}

/* ---- lists */

static void on_list(struct job_wait *w, const struct job_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, job_wait);
    rest_call_resume(c);
    count(c, a->status);
    if (a->status == STATUS_OK)
        rest_answer_page(c, "JobResponse", a->next, a->body);
    else
        answer(c, a);
    rest_call_end(c);
}

/* The SDKs name the page in headers, Microsoft's reference in the query. */
static bool read_page(const struct call *c, struct job_ask *ask, struct buf *after)
{
    struct buf size = {0};
    uint64_t max = rest_page_max(c);
    if (rest_query_get(c, "pageSize", &size) && num_u64(buf_slice(&size), &max) != OK) max = 0;
    buf_free(&size);
    if (rest_query_get(c, "continuationToken", after))
        ask->after = buf_slice(after);
    else
        ask->after = http1_header(c->request, "x-ms-continuation");
    ask->max = max <= JOB_PAGE_MAX ? (unsigned)max : 0;
    return ask->max > 0;
}

/* `*none`: it asks for jobs of a kind that this list does not have. */
static bool read_words(const struct call *c, struct job_ask *ask, bool *none)
{
    struct buf type = {0}, status = {0};
    enum job_type t = JOB_TYPES;
    enum job_status s = JOB_STATUSES;
    bool fine = true;
    if (rest_query_get(c, "jobType", &type) && buf_size(&type))
        fine = job_type_of(buf_slice(&type), &t) || job_is_other_type(buf_slice(&type));
    if (rest_query_get(c, "jobStatus", &status) && buf_size(&status))
        fine = fine &&
               (job_status_of(buf_slice(&status), &s) || job_is_other_status(buf_slice(&status)));
    *none = (t == JOB_TYPES && job_is_other_type(buf_slice(&type))) ||
            (s == JOB_STATUSES && job_is_other_status(buf_slice(&status)));
    buf_free(&type);
    buf_free(&status);
    ask->type = (int)t;
    ask->status = (int)s;
    return fine;
}

void rest_job_query(struct call *c)
{
    struct job_ask ask;
    struct buf after = {0};
    bool none;
    if (!read_words(c, &ask, &none))
        rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                           "jobType is scheduleDeviceMethod or scheduleUpdateTwin; jobStatus is "
                           "scheduled, queued, running, completed, failed or cancelled");
    else if (!read_page(c, &ask, &after))
        rest_answer_status(c, STATUS_ARGUMENT_INVALID, "a page has 1 to 1000 jobs");
    else if (none)
        rest_answer_page(c, "JobResponse", SLICE_NONE, SLICE_LIT("[]"));
    else
        job_list(c->service->doors.jobs, &ask, wait(c, on_list));
    buf_free(&after);
}
