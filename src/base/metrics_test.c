/* metrics_test.c - metrics that are made later, by name and labels. */
#include <pthread.h>
#include <stdio.h>

#include "base/limit.h"
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
    assert_int_equal(limit_reached("metrics"), 0);
    struct metric *others = number(METRICS_LATER_MAX);
    assert_string_equal(others->labels, METRIC_OTHERS);
    assert_int_equal(limit_reached("metrics"), 1);
    assert_ptr_equal(number(METRICS_LATER_MAX + 1), others);
    assert_int_equal(limit_reached("metrics"), 2);
    assert_ptr_not_equal(number(METRICS_LATER_MAX - 1), others);
}

/* ---- sums */

COUNTER(alpha, "azimuth_alpha_total", "Alpha")
METRIC(beta_red, METRIC_COUNTER, "azimuth_beta_total", "color=\"red\",size=\"1\"", "Beta")
METRIC(beta_blue, METRIC_COUNTER, "azimuth_beta_total", "color=\"blue\",size=\"1\"", "Beta")
METRIC(mine, METRIC_COUNTER, "azimuth_sum_total", "of=\"itself\"", "Sums")

#define SUM(labels_, of_, with_, per_)                                                             \
    {                                                                                              \
        .name = "azimuth_sum_total", .help = "Sums", .labels = labels_, .kind = METRIC_COUNTER,    \
        .of = of_, .with = with_, .per = per_                                                      \
    }

static const struct metric_sum sums[] = {
    {.name = "azimuth_zeta", .help = "Last", .kind = METRIC_GAUGE, .of = "azimuth_alpha_total"},
    SUM("of=\"two\"", "azimuth_beta_total", "color=\"red\"", 0),
    SUM("of=\"two\"", "azimuth_alpha_total", NULL, 0),
    SUM("of=\"all\"", "azimuth_beta_total", NULL, 0),
    SUM("of=\"parts\"", "azimuth_beta_total", "color=\"blue\",size=\"1\"", 1000),
    SUM("of=\"nothing\"", "azimuth_never_total", NULL, 0),
    {.name = "azimuth_aardvark", .help = "First", .kind = METRIC_GAUGE, .of = "azimuth_beta_total"},
};

static void sums_are_written_among_the_metrics(void **state)
{
    struct buf text = {0};
    (void)state;
    metrics_set_sums(sums, sizeof sums / sizeof *sums);
    metric_add(&alpha, 5);
    metric_add(&beta_red, 70);
    metric_add(&beta_blue, 2999);
    metric_add(&mine, 1);
    metrics_write(&text);
    metrics_set_sums(NULL, 0);
    const char *all = buf_cstr(&text);
    assert_memory_equal(all, "# HELP azimuth_aardvark First\n", 30);
    static const char *const lines[] = {
        "# HELP azimuth_sum_total Sums\n# TYPE azimuth_sum_total counter\n",
        "\nazimuth_aardvark 3069\n",
        "\nazimuth_sum_total{of=\"itself\"} 1\nazimuth_sum_total{of=\"two\"} 75\n",
        "\nazimuth_sum_total{of=\"all\"} 3069\nazimuth_sum_total{of=\"parts\"} 2\n",
        "\nazimuth_sum_total{of=\"nothing\"} 0\n",
        "\nazimuth_zeta 5\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *once = strstr(all, lines[i]);
        assert_non_null(once);
        assert_null(strstr(once + 1, lines[i]));
    }
    buf_free(&text);
}

static void a_table_may_have_so_many_rows(void **state)
{
    static struct metric_sum table[METRIC_SUMS_MAX];
    struct buf text = {0};
    (void)state;
    for (unsigned i = 0; i < METRIC_SUMS_MAX; i++) table[i] = sums[0];
    metrics_set_sums(table, METRIC_SUMS_MAX);
    metric_add(&alpha, 1 - metric_value(&alpha));
    metrics_write(&text);
    metrics_set_sums(NULL, 0);
    assert_non_null(strstr(buf_cstr(&text), "\nazimuth_zeta 256\n"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_name_the_same_get_the_same),
        cmocka_unit_test(they_are_written_under_one_head),
        cmocka_unit_test(sums_are_written_among_the_metrics),
        cmocka_unit_test(a_table_may_have_so_many_rows),
        cmocka_unit_test(beyond_the_limit_new_ones_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
