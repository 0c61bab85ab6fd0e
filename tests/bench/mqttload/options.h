/* options.h - what the run was asked for; README.md says what each option means. */
#ifndef MQTTLOAD_OPTIONS_H
#define MQTTLOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { PIDS_MAX = 16, SUBSCRIPTIONS_MAX = 5, WINDOW_MAX = 16384 };

enum mode { MODE_PUB, MODE_CONNECT, MODE_IDLE };

struct options {
    enum mode mode;
    const char *label;
    const char *host;
    int port;
    unsigned src_ips;
    /* publishers */
    unsigned pubs, index_base, subscriptions;
    int qos;
    unsigned size, window, batch;
    double rate; /* messages/s, all publishers together; 0: as fast as possible */
    double warmup, duration;
    uint64_t messages;
    const char *client_id, *username, *password, *topic; /* templates: who.h */
    bool retain, persistent;
    unsigned keepalive;
    /* subscribers */
    unsigned subs;
    const char *sub_client_id, *sub_username, *sub_password, *sub_topic;
    int sub_qos;
    double sub_wait;
    /* connecting */
    unsigned parallel;
    double conn_rate, conn_timeout, hold;
    /* TLS */
    bool tls, resume, ws;
    const char *ca; /* NULL: the server's certificate is not looked at */
    const char *cert, *key, *sni, *ciphers, *tls_version, *groups;
    /* Azure style */
    const char *azure_host, *sas_key, *sas_csv, *sas_emit, *api_version, *topic_props;
    long sas_ttl;
    /* measuring */
    int pids[PIDS_MAX], pid_count;
    const char *acked_log, *json_out;
    int pin; /* below 0: to no processor */
    bool check, quiet;
};

extern struct options opt;

/* Sets `opt`; what cannot be is told of, and the program ends.  As does --help. */
void options_read(int argc, char **argv);

#endif
