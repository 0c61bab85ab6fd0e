/* cosmos.h - endpoints of the kind "cosmosDBSqlContainers": a document per message.  Private to deliver. */
#ifndef DELIVER_COSMOS_COSMOS_H
#define DELIVER_COSMOS_COSMOS_H

#include "deliver/kind.h"

enum {
    COSMOS_BATCH_MAX = 8,               /* documents of different devices under way together */
    COSMOS_DOCUMENT_MAX = OUT_BODY_MAX, /* bytes, with its key; Cosmos DB takes 2 MiB */
    COSMOS_NAME_MAX = 255,     /* bytes of a database's or a container's name (Cosmos DB) */
    COSMOS_URI_MAX = 512,      /* bytes of an account's address */
    COSMOS_KEY_MAX = 256,      /* of its key in base64; Cosmos DB has 88 */
    COSMOS_MEMBER_MAX = 128,   /* of partitionKeyName */
    COSMOS_TEMPLATE_MAX = 256, /* of partitionKeyTemplate */
    COSMOS_ANSWER_MAX =
        1 << 20, /* bytes; Cosmos DB answers with the document if it does not listen */
    COSMOS_TIMEOUT_MS = 30000, /* of a request */
    COSMOS_THROTTLED_MAX =
        9, /* answers 429 to a document before the batch pauses (@azure/cosmos) */
    COSMOS_THROTTLED_MS = 30000, /* for that long at most (likewise) */
};

extern const struct deliver_kind cosmos_kind;

#endif
