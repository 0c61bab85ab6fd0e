/* fake_log.h - a log lane that the test plays. */
#ifndef FRONT_AMQP_TESTING_FAKE_LOG_H
#define FRONT_AMQP_TESTING_FAKE_LOG_H

#include "front/amqp/testing/testing.h"

void fake_log_init(struct log *log, struct office *office);
void fake_log_fini(struct log *log);

#endif
