/* jobs_test.c - jobs over HTTP. */
#include "front/rest/fakes_test.h"

#define V "api-version=2021-04-12"

static void requests_become_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *body, *asked;
    } rows[] = {
        {"PUT /jobs/v2/j1?" V, "{\"a\":1}", "create j1 {\"a\":1}"},
        {"GET /jobs/v2/j-2?" V, NULL, "get j-2"},
        {"POST /jobs/v2/j1/cancel?" V, "", "cancel j1"},
        {"GET /jobs/v2/query?" V, NULL, "list type=2 status=6 after=none max=100"},
        {"GET /jobs/v2/query?jobType=&jobStatus=&" V, NULL,
         "list type=2 status=6 after=none max=100"},
        {"GET /jobs/v2/query?jobType=ScheduleUpdateTwin&jobStatus=Completed&" V, NULL,
         "list type=1 status=3 after=none max=100"},
        {"GET /jobs/v2/query?pageSize=7&continuationToken=1.j&" V, NULL,
         "list type=2 status=6 after=1.j max=7"},
        {"GET /jobs/v2/query?pageSize=1000&" V, NULL, "list type=2 status=6 after=none max=1000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), rows[i].body);
        assert_string_equal(world.jobs.asked, rows[i].asked);
        jobs_say(&(struct job_answer){.body = SLICE_LIT("[]")});
        assert_int_equal(answered(), 200);
        assert_string_equal(said_body(), "[]");
    }
}

static void a_list_names_its_type_and_its_next_page(void **state)
{
    (void)state;
    request("GET /jobs/v2/query?" V, token("service", ""), NULL);
    jobs_say(&(struct job_answer){.body = SLICE_LIT("[]"), .next = SLICE_LIT("1.j")});
    assert_int_equal(answered(), 200);
    assert_true(said_line("x-ms-item-type: JobResponse\r\n"));
    assert_true(said_line("x-ms-continuation: 1.j\r\n"));
}

/* Every word of Azure's JobType and JobStatus is one, also of jobs that are elsewhere, or nowhere. */
static void there_are_no_jobs_of_other_kinds(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "GET /jobs/v2/query?jobStatus=Enqueued&" V,
        "GET /jobs/v2/query?jobType=unknown&jobStatus=completed&" V,
        "GET /jobs/v2/query?jobType=scheduleUpdateTwin&jobStatus=unknown&" V,
        "GET /jobs/v2/query?jobType=export&" V,
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        request(lines[i], token("service", ""), NULL);
        assert_int_equal(answered(), 200);
        assert_true(said_line("x-ms-item-type: JobResponse\r\n"));
        assert_string_equal(said_body(), "[]");
    }
    request("GET /jobs/v2/query?jobType=unknown&jobStatus=odd&" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
}

static void a_request_has_a_limit(void **state)
{
    (void)state;
    char *body = malloc(JOB_BODY_MAX + 2);
    for (int over = 0; over < 2; over++) {
        memset(body, ' ', JOB_BODY_MAX + 1);
        body[JOB_BODY_MAX + over] = '\0';
        request("PUT /jobs/v2/j?" V, token("service", ""), body);
        if (!over) jobs_say(&(struct job_answer){.body = SLICE_LIT("{}")});
        assert_int_equal(answered(), over ? 413 : 200);
    }
    free(body);
}

static void errors_have_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum status status;
        int http;
        const char *name;
    } rows[] = {
        {"PUT /jobs/v2/j?" V, STATUS_JOB_ALREADY_EXISTS, 409, "JobAlreadyExists"},
        {"PUT /jobs/v2/j?" V, STATUS_THROTTLING_MAX_ACTIVE_JOBS, 429,
         "ThrottlingMaxActiveJobCountExceeded"},
        {"POST /jobs/v2/j/cancel?" V, STATUS_JOB_NOT_FOUND, 404, "JobNotFound"},
        {"POST /jobs/v2/j/cancel?" V, STATUS_OPERATION_NOT_ALLOWED, 405,
         "OperationNotAllowedInCurrentState"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request(rows[i].line, token("service", ""), "{}");
        jobs_say(&(struct job_answer){.status = rows[i].status, .text = SLICE_LIT("no")});
        expect_error(rows[i].http, rows[i].name);
    }
    request("GET /jobs/v2/query?jobType=dance&" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
    request("GET /jobs/v2/query?jobStatus=odd&" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
    request("GET /jobs/v2/query?pageSize=1001&" V, token("service", ""), NULL);
    expect_error(400, "ArgumentInvalid");
    request("GET /jobs/v2/j?" V, token("registryReadWrite", ""), NULL);
    assert_int_equal(answered(), 401);
}

static void a_job_of_nobody_is_unknown(void **state)
{
    (void)state;
    request("GET /jobs/v2/j?" V, token("service", ""), NULL);
    jobs_say(&(struct job_answer){.status = STATUS_JOB_NOT_FOUND});
    assert_int_equal(answered(), 200);
    assert_string_equal(said_body(), "{\"type\":\"unknown\",\"status\":\"unknown\"}");
}

static void who_hangs_up_is_forgotten(void **state)
{
    (void)state;
    request("GET /jobs/v2/j?" V, token("service", ""), NULL);
    assert_non_null(world.jobs.wait);
    rest_front.closed(world.rest, ERR_CLOSED, mono_us);
    assert_null(world.jobs.wait);
    world.rest = rest_front.open(&world.conn, world.service, mono_us);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_become_verbs),
        TEST(a_list_names_its_type_and_its_next_page),
        TEST(there_are_no_jobs_of_other_kinds),
        TEST(a_job_of_nobody_is_unknown),
        TEST(a_request_has_a_limit),
        TEST(errors_have_their_names),
        TEST(a_job_of_nobody_is_unknown),
        TEST(who_hangs_up_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
