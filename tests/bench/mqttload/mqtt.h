/* mqtt.h - packets of MQTT 3.1.1: those that a client sends, and what is done with those that come. */
#ifndef MQTTLOAD_MQTT_H
#define MQTTLOAD_MQTT_H

#include <stddef.h>

struct conn;

/* Whole packets, with --ws as a frame. */
void mqtt_write(struct conn *k, const char *p, size_t n);

void mqtt_connect(struct conn *k); /* with its subscriptions, once that is answered */
void mqtt_ping(struct conn *k);
void mqtt_disconnect(struct conn *k);

/* Writes the length of a packet behind its first byte; how many bytes that is, at most four. */
size_t mqtt_put_len(char *p, size_t n);

/* Takes whole packets; returns the bytes taken. */
size_t mqtt_take(struct conn *k, const char *p, size_t n);

#endif
