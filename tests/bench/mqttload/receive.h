/* receive.h - messages that a subscriber gets: counted, timed, acknowledged and with --check looked at for gaps. */
#ifndef MQTTLOAD_RECEIVE_H
#define MQTTLOAD_RECEIVE_H

#include <stddef.h>

struct conn;

void receive_init(void);

/* A PUBLISH, behind its length. */
void receive(struct conn *k, const char *p, size_t n, int qos);

#endif
