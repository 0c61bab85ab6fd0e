/* who.h - as whom each connection connects: client ids, user names, passwords and topics, from templates.
 *
 * In a template %d is the index, %06d the padded index, %c the client id, %h the --azure host, %% a percent sign.
 * Devices of Azure get the key that follows from --sas-key, or that of their row of --sas-csv, and a token.
 */
#ifndef MQTTLOAD_WHO_H
#define MQTTLOAD_WHO_H

struct conn;

/* Of all connections; writes --sas-emit. */
void who_init(void);

/* NULL for NULL; the caller frees it. */
char *who_expand(const struct conn *k, const char *template);

#endif
