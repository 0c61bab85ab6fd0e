/* stored.c - is what a server acknowledged in its log, as the five promises of judge.h want it?
 *
 * usage: stored DATA PARTITIONS LEDGER [among-others | stream N]
 *
 * DATA is the directory of a server that is gone; opening its log recovers it as the next start
 * would.  LEDGER is a file of ledger_save(), or what `mqttload --acked-log` writes.  One line of JSON
 * tells what was found, stderr the first violations; status 0 when nothing is wrong.  among-others:
 * what devices sent that are not in LEDGER is let be.  stream: that of an event hub to which a route leads;
 * there messages may be more than once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "judge.h"

enum { VIOLATIONS_SHOWN = 20 };

struct reader {
    struct office office;
    struct lane lane, log_lane, log_read_lane;
    unsigned shown;
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "stored: %s: %s\n", what, fail_text());
    exit(2);
}

static bool step(void *ctx)
{
    struct reader *r = ctx;
    lane_run_once(&r->log_lane, clock_mono_us());
    lane_run_once(&r->log_read_lane, clock_mono_us());
    lane_run_once(&r->lane, clock_mono_us());
    return true;
}

static void show(void *ctx, enum judge_kind kind, const char *what)
{
    struct reader *r = ctx;
    if (r->shown++ < VIOLATIONS_SHOWN)
        fprintf(stderr, "stored: %s: %s\n", judge_kind_name(kind), what);
}

static struct log *open_log(struct reader *r, const char *data, uint64_t partitions)
{
    struct log_config config = {.partitions = (unsigned)partitions};
    struct log *log;
    lane_init(&r->lane, &r->office, "reader");
    lane_init(&r->log_lane, &r->office, "log");
    lane_init(&r->log_read_lane, &r->office, "logread");
    if (io_posix_new(data, &config.io) != OK) stop(data);
    if (log_open(&config, &r->log_lane, &r->log_read_lane, &log) != OK) stop(data);
    return log;
}

static void report(const struct judge *j, uint64_t wrong)
{
    uint64_t acked = 0;
    for (unsigned i = 0; i < j->ledger->count; i++) acked += j->ledger->accounts[i].acked;
    printf("{\"acknowledged\":%" PRIu64 ",\"records\":%" PRIu64, acked, j->records);
    for (int kind = 0; kind < JUDGE_KINDS; kind++)
        printf(",\"%s\":%" PRIu64, judge_kind_name((enum judge_kind)kind), j->found[kind]);
    printf(",\"wrong\":%" PRIu64 "}\n", wrong);
}

int main(int argc, char **argv)
{
    static struct reader reader;
    static struct ledger ledger;
    uint64_t partitions, stream = 0;
    bool among_others = argc == 5 && strcmp(argv[4], "among-others") == 0;
    bool of_stream =
        argc == 6 && strcmp(argv[4], "stream") == 0 && num_u64(slice_str(argv[5]), &stream) == OK;
    if (argc != 4 + among_others + 2 * of_stream ||
        num_u64(slice_str(argv[2]), &partitions) != OK) {
        fputs("usage: stored DATA PARTITIONS LEDGER [among-others | stream N]\n", stderr);
        return 2;
    }
    if (ledger_load(&ledger, argv[3]) != OK) stop("the ledger");
    struct judge judge = {.ledger = &ledger,
                          .among_others = among_others,
                          .stream = (unsigned)stream,
                          .may_repeat = of_stream,
                          .reader = &reader.lane,
                          .log = open_log(&reader, argv[1], partitions),
                          .step = step,
                          .ctx = &reader,
                          .violated = show};
    uint64_t wrong = judge_log(&judge);
    report(&judge, wrong);
    ledger_fini(&ledger);
    return wrong ? 1 : 0;
}
