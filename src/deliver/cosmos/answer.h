/* answer.h - what an answer of Cosmos DB means.  Private to deliver. */
#ifndef DELIVER_COSMOS_ANSWER_H
#define DELIVER_COSMOS_ANSWER_H

#include "deliver/kind.h"

enum { COSMOS_TEXT_MAX = 256 };

struct cosmos_verdict {
    enum deliver_outcome outcome;
    int64_t pause_us; /* asked for (x-ms-retry-after-ms); 0: it was not */
    bool throttled;   /* 429 */
    bool denied;      /* 401: perhaps another key is right */
    char text[COSMOS_TEXT_MAX];
};

void cosmos_judge(const struct out_answer *a, struct cosmos_verdict *out);

/* Which of two counts for a batch: what time mends comes before what is refused, for that is seen again. */
bool cosmos_is_worse(enum deliver_outcome a, enum deliver_outcome b);

#endif
