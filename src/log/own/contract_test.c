/* contract_test.c - our own files keep the log's contract, in memory and on a real disk. */
#include "base/test.h"

#include <unistd.h>

#include "base/io_mem.h"
#include "log/log_contract.h"

static struct log_config small(struct io *io, unsigned partitions)
{
    return (struct log_config){.io = io,
                               .partitions = partitions,
                               .journal_bytes = LOG_JOURNAL_MIN,
                               .segment_bytes = 100 << 10,
                               .tail_bytes = 64 << 10};
}

static struct log_config make_in_memory(unsigned partitions)
{
    return small(io_mem_new(), partitions);
}

static void drop_memory(struct log_config *cfg)
{
    io_free(cfg->io);
}

static char scratch[64];

static struct log_config make_on_disk(unsigned partitions)
{
    struct io *io;
    snprintf(scratch, sizeof scratch, "/tmp/azimuth-log-XXXXXX");
    assert_non_null(mkdtemp(scratch));
    assert_int_equal(io_posix_new(scratch, &io), OK);
    return small(io, partitions);
}

static void drop_disk(struct log_config *cfg)
{
    char command[128];
    io_free(cfg->io);
    snprintf(command, sizeof command, "rm -r %s", scratch);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    static const struct log_contract memory = {"contract on memory", make_in_memory, drop_memory};
    static const struct log_contract disk = {"contract on disk", make_on_disk, drop_disk};
    return log_contract_run(&memory) + log_contract_run(&disk);
}
