/* cast.h - everybody who comes to a simulated hub: devices that send, devices and services that share
 * twins, messages to devices, direct methods, and two who are one device.
 */
#ifndef SIM_CAST_H
#define SIM_CAST_H

#include "c2d.h"
#include "device.h"
#include "method.h"
#include "reader.h"
#include "takeover.h"
#include "twin.h"

/* How many they are, and how much they do until they are done. */
struct cast_goals {
    unsigned devices, devices_amqp, devices_http; /* that send, over MQTT first; see cast_crowd() */
    uint64_t messages;                            /* of each of them */
    unsigned twin_writes;                         /* of each section */
    unsigned c2d_messages;
    unsigned method_answers; /* of each caller */
    unsigned takeovers;
    bool disk_fills;       /* messages may be refused one by one */
    int64_t arrive_us_max; /* when the last of those that send comes */
    unsigned go_percent;   /* of them leave when all their messages are acknowledged */
};

/* Few devices, each with much to say, or in brief. */
struct cast_goals cast_few(bool brief);

/* So many devices that send, over all protocols; the more they are, the less each has to say. */
void cast_crowd(struct cast_goals *g, unsigned devices);

unsigned cast_senders(const struct cast_goals *g); /* over all protocols */

struct cast {
    struct sim_hub *hub;
    struct ledger ledger;
    struct device *devices;
    struct device_amqp *devices_amqp;
    struct device_http *devices_http;
    struct cast_goals goals;
    struct twin_world twins;
    struct c2d_world c2d;
    struct method_world methods;
    struct takeover_world takeover;
    struct reader_world readers;
};

/* Their names are those of no other cast: what the hub keeps of them is found if it grows. */
void cast_init(struct cast *c, struct sim_hub *hub, const struct cast_goals *goals);
void cast_fini(struct cast *c);

/* Makes or deletes all their identities, while the hub is alive and nobody crashes it. */
void cast_create(struct cast *c);
void cast_delete(struct cast *c);

void cast_start(struct cast *c);
bool cast_done(const struct cast *c);

#endif
