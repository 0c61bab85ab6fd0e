/* health.c - for those who watch over the server: is it alive, does it serve, how much. */
#include "base/metrics.h"
#include "base/text.h"
#include "front/rest/call.h"

void rest_health_alive(struct call *c)
{
    rest_answer_json(c, SLICE_LIT("{\"status\":\"alive\"}"));
}

/* Ready: what is sent now will be acknowledged.  The answer also says why not. */
void rest_health_ready(struct call *c)
{
    const struct rest_config *config = c->service->config;
    const char *why = config->unready(config->unready_ctx);
    if (why == NULL) {
        rest_answer_json(c, SLICE_LIT("{\"status\":\"ready\"}"));
        return;
    }
    struct buf body = {0};
    buf_put_str(&body, "{\"status\":\"unready\",\"reason\":");
    text_json_string(&body, slice_str(why));
    buf_put_u8(&body, '}');
    rest_answer_text(c, 503, "application/json; charset=utf-8", buf_slice(&body));
    buf_free(&body);
}

void rest_health_metrics(struct call *c)
{
    struct buf body = {0};
    metrics_write(&body);
    rest_answer_text(c, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&body));
    buf_free(&body);
}
