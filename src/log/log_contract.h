/* log_contract.h - what every log promises, as tests; a second implementation runs the same rows.
 *
 * For test programs: log_contract_run() runs all rows on what `make` gives.
 */
#ifndef LOG_LOG_CONTRACT_H
#define LOG_LOG_CONTRACT_H

#include "log/log_rig.h"

struct log_contract {
    const char *name;

    /* Storage with nothing in it, for a log with that many partitions; its limits are small, so that
     * the rows reach memory, files and recycling.  Retention is left off. */
    struct log_config (*make)(unsigned partitions);
    void (*drop)(struct log_config *cfg);
};

int log_contract_run(const struct log_contract *c); /* how many rows failed */

#endif
