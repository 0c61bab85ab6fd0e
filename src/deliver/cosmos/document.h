/* document.h - a message as a document of Cosmos DB.  Private to deliver.
 *
 *   {"id": GUID, "<partitionKeyName>": "pump-2026-11", "Properties": {..}, "SystemProperties": {..},
 *    "iothub-name": "plant", "Body": {..}}
 *
 * As IoT Hub writes it, but for the id: Azure's is a new one each time, ours is made of the record's place
 * in the log, so that a message that is written again is the same document. */
#ifndef DELIVER_COSMOS_DOCUMENT_H
#define DELIVER_COSMOS_DOCUMENT_H

#include "deliver/message.h"
#include "hub/hub.h"

/* At least one of {iothub} {deviceid} {DD} {MM} {YYYY}, each once at most; ERR_INVALID. */
enum err cosmos_template_check(struct slice text) MUST_USE;

/* What it comes to for a message: times are those of its enqueuing, UTC. */
void cosmos_put_key(const struct hub *hub, struct slice text, const struct message *m,
                    struct buf *out);

/* `key_name` empty: no member for the key. */
void cosmos_put_document(const struct hub *hub, const struct message *m, struct slice key_name,
                         struct slice key, struct buf *out);

#endif
