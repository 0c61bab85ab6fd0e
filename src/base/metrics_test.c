/* metrics_test.c - metrics that are made later, by name and labels. */
#include <pthread.h>
#include <stdio.h>

#include "base/metrics.h"
#include "base/test.h"

static struct metric *of(const char *labels)
{
    return metric_of(METRIC_COUNTER, "azimuth_test_total", labels, "Of tests");
}

static struct metric *number(unsigned n)
{
    char labels[32];
    snprintf(labels, sizeof labels, "n=\"%u\"", n);
    return of(labels);
}

static void *make_many(void *ctx)
{
    struct metric **made = ctx;
    for (unsigned i = 0; i < 100; i++) made[i] = number(i);
    return NULL;
}

static void threads_that_name_the_same_get_the_same(void **state)
{
    static struct metric *made[2][100];
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, make_many, made[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 100; i++) assert_ptr_equal(made[0][i], made[1][i]);
    assert_ptr_not_equal(made[0][0], made[0][1]);
}

static void they_are_written_under_one_head(void **state)
{
    struct buf text = {0};
    (void)state;
    metric_add(number(1), 7);
    metrics_write(&text);
    const char *head = strstr(buf_cstr(&text), "# HELP azimuth_test_total Of tests\n");
    assert_non_null(head);
    assert_null(strstr(head + 1, "# HELP azimuth_test_total"));
    assert_non_null(strstr(head, "azimuth_test_total{n=\"1\"} 7\n"));
    buf_free(&text);
}

static void beyond_the_limit_new_ones_are_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRICS_LATER_MAX; i++)
        assert_string_not_equal(number(i)->labels, METRIC_OTHERS);
    struct metric *others = number(METRICS_LATER_MAX);
    assert_string_equal(others->labels, METRIC_OTHERS);
    assert_ptr_equal(number(METRICS_LATER_MAX + 1), others);
    assert_ptr_not_equal(number(METRICS_LATER_MAX - 1), others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_name_the_same_get_the_same),
        cmocka_unit_test(they_are_written_under_one_head),
        cmocka_unit_test(beyond_the_limit_new_ones_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
