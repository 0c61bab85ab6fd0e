/* sas.h - keys and tokens of Azure's devices. */
#ifndef MQTTLOAD_SAS_H
#define MQTTLOAD_SAS_H

enum { SAS_KEY_MAX = 64 }; /* bytes of a derived key in base64, with its end */

/* The key of a device as a DPS enrollment group derives it: base64(HMAC-SHA256(base64dec(master), id)). */
void sas_derive(const char *master, const char *id, char key[SAS_KEY_MAX]);

/* A token for "HOST/devices/ID"; all of a run end at the same time.  The caller frees it. */
char *sas_token(const char *host, const char *id, const char *key, long ttl_s);

#endif
