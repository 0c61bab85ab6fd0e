/* ws.h - MQTT inside WebSocket (RFC 6455), with --ws: what is written at once is one masked binary frame. */
#ifndef MQTTLOAD_WS_H
#define MQTTLOAD_WS_H

#include <stddef.h>
#include <sys/types.h>

struct conn;

void ws_ask(struct conn *k); /* for the upgrade */

/* The answer to that; how many of the bytes were used.  Then MQTT begins. */
size_t ws_take_answer(struct conn *k, const char *p, size_t n);

void ws_write(struct conn *k, const char *p, size_t n);

/* Takes the heads of frames out of what was read; returns what is left, or -1 on a frame that is not binary. */
ssize_t ws_strip(struct conn *k, char *p, size_t n);

#endif
