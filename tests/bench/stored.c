/* stored.c - is what a server acknowledged in its log, once, in order and unchanged?
 *
 * usage: stored DATA PARTITIONS ACKED.csv
 *
 * DATA is the directory of a server that is gone; opening its log recovers it as the next start
 * would.  ACKED.csv has `client,index,sent,acked` of each publisher, as `mqttload --acked-log` writes
 * it: the publisher's messages are numbered from 0, and the first `acked` of them were acknowledged.
 * One line of JSON tells what was found; status 0 when nothing is wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/amqp.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "log/log.h"

enum { PUBLISHERS_MAX = 100000, READ_BYTES = 1 << 20 };

struct publisher {
    char client[64];
    uint64_t sent, acked;
    uint8_t *seen; /* one bit for each message sent */
    uint64_t next; /* behind the highest number seen */
};

struct findings {
    uint64_t records;
    uint64_t lost;     /* acknowledged and not there */
    uint64_t repeated; /* there twice */
    uint64_t disordered;
    uint64_t foreign; /* nobody sent it, or somebody else did */
    uint64_t damaged; /* CRC or numbers of the record are wrong */
};

struct reader {
    struct office office;
    struct lane lane, log_lane, log_read_lane;
    struct log *log;
    struct log_read_done answer; /* of the read under way */
    bool answered;
    uint64_t ordinal; /* of the next record */
    int64_t sequence;
};

static struct publisher *publishers; /* by index */
static uint32_t publisher_count;
static struct findings found;

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "stored: %s: %s\n", what, fail_text());
    exit(2);
}

/* ---- who sent how much */

static void load_publishers(const char *path)
{
    FILE *f = fopen(path, "re");
    struct publisher p = {0};
    uint32_t index;
    if (f == NULL) stop(path);
    publishers = mem_zero(PUBLISHERS_MAX * sizeof *publishers);
    while (fscanf(f, "%63[^,],%" SCNu32 ",%" SCNu64 ",%" SCNu64 " ", p.client, &index, &p.sent,
                  &p.acked) == 4) {
        if (index >= PUBLISHERS_MAX) stop("too many publishers");
        p.seen = mem_zero(p.sent / 8 + 1);
        publishers[index] = p;
        publisher_count = MAX(publisher_count, index + 1);
    }
    fclose(f);
}

/* ---- one record */

/* mqttload's payload begins {"ts":<19 digits>,"dev":"<7 digits>","seq":"<10 digits>". */
static bool read_payload(struct slice body, uint64_t *index, uint64_t *number)
{
    return body.len > 59 && num_u64(slice_of(body.ptr + 33, 7), index) == OK &&
           num_u64(slice_of(body.ptr + 49, 10), number) == OK;
}

static bool was_sent_by(struct slice pairs, const char *client)
{
    struct cur c = cur_of(pairs);
    struct amqp_value key, value;
    while (amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK)
        if (slice_is(key.bytes, "iothub-connection-device-id"))
            return slice_is(value.bytes, client);
    return false;
}

static void check_message(const struct record *r)
{
    struct amqp_message m;
    uint64_t index, number;
    if (amqp_message_parse(r->sections, &m) != OK || !read_payload(m.data, &index, &number) ||
        index >= publisher_count || number >= publishers[index].sent ||
        !was_sent_by(r->pairs, publishers[index].client)) {
        found.foreign++;
        return;
    }
    struct publisher *p = &publishers[index];
    uint8_t bit = (uint8_t)(1 << number % 8);
    if (p->seen[number / 8] & bit)
        found.repeated++;
    else if (number < p->next)
        found.disordered++;
    p->seen[number / 8] |= bit;
    p->next = MAX(p->next, number + 1);
}

static void check_record(struct reader *reader, const struct record *r)
{
    found.records++;
    if (!record_check(r->frame) || r->ordinal != reader->ordinal || r->sequence != reader->sequence)
        found.damaged++;
    reader->ordinal = r->ordinal + 1;
    reader->sequence = r->sequence + 1;
    check_message(r);
}

/* ---- the log */

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct reader *r = ctx;
    (void)lane;
    memcpy(&r->answer, m->body, sizeof r->answer);
    r->answered = true;
}

static void read_from(struct reader *r, uint16_t partition)
{
    struct log_read_msg ask = {
        .partition = partition, .max_bytes = READ_BYTES, .from_ordinal = r->ordinal};
    struct msg *m = msg_new(LOG_READ, sizeof ask);
    memcpy(m->body, &ask, sizeof ask);
    r->answered = false;
    post(&r->lane, lane_addr(&r->lane), log_addr(r->log), m);
    while (!r->answered) {
        lane_run_once(&r->log_lane, clock_mono_us());
        lane_run_once(&r->log_read_lane, clock_mono_us());
        lane_run_once(&r->lane, clock_mono_us());
    }
}

static void check_partition(struct reader *r, uint16_t partition)
{
    r->ordinal = 0;
    r->sequence = 0;
    for (read_from(r, partition); r->answer.err == OK; read_from(r, partition)) {
        struct slice frames = slice_of(r->answer.blob->bytes + r->answer.offset, r->answer.len);
        struct record record;
        while (record_parse(frames, &record) == OK) {
            check_record(r, &record);
            frames = slice_from(frames, record.frame.len);
        }
        blob_drop(r->answer.blob);
    }
    if (r->answer.err != ERR_AGAIN) found.damaged++;
}

static void open_log(struct reader *r, const char *data, uint64_t partitions)
{
    struct log_config config = {.partitions = (unsigned)partitions};
    lane_init(&r->lane, &r->office, "reader");
    lane_init(&r->log_lane, &r->office, "log");
    lane_init(&r->log_read_lane, &r->office, "logread");
    lane_on(&r->lane, LOG_READ_DONE, on_read, r);
    if (io_posix_new(data, &config.io) != OK) stop(data);
    if (log_open(&config, &r->log_lane, &r->log_read_lane, &r->log) != OK) stop(data);
}

/* ---- the verdict */

static void count_lost(void)
{
    for (uint32_t i = 0; i < publisher_count; i++)
        for (uint64_t n = 0; n < publishers[i].acked; n++)
            found.lost += !(publishers[i].seen[n / 8] & 1 << n % 8);
}

int main(int argc, char **argv)
{
    static struct reader reader;
    uint64_t partitions, acked = 0;
    if (argc != 4 || num_u64(slice_str(argv[2]), &partitions) != OK) {
        fputs("usage: stored DATA PARTITIONS ACKED.csv\n", stderr);
        return 2;
    }
    load_publishers(argv[3]);
    open_log(&reader, argv[1], partitions);
    for (uint16_t p = 0; p < partitions; p++) check_partition(&reader, p);
    count_lost();
    for (uint32_t i = 0; i < publisher_count; i++) acked += publishers[i].acked;
    uint64_t wrong = found.lost + found.repeated + found.disordered + found.foreign + found.damaged;
    printf("{\"acknowledged\":%" PRIu64 ",\"records\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"repeated\":%" PRIu64 ",\"disordered\":%" PRIu64 ",\"foreign\":%" PRIu64
           ",\"damaged\":%" PRIu64 ",\"wrong\":%" PRIu64 "}\n",
           acked, found.records, found.lost, found.repeated, found.disordered, found.foreign,
           found.damaged, wrong);
    return wrong ? 1 : 0;
}
