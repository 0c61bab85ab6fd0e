/* sign.c - see sign.h. */
#include "deliver/cosmos/sign.h"

#include <openssl/evp.h>
#include <time.h>

#include "base/text.h"

void cosmos_date(int64_t wall_us, char out[COSMOS_DATE_MAX])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(out, COSMOS_DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    assert(len);
}

static void put_lower(struct buf *out, const char *text)
{
    slice_lower(slice_str(text), (char *)buf_reserve(out, strlen(text) + 1));
    buf_commit(out, strlen(text));
}

/* verb, type and date in small letters; the empty line stands for the header Date, which is not sent. */
static void put_payload(struct buf *out, const char *method, const char *type, struct slice link,
                        const char *date)
{
    put_lower(out, method);
    buf_printf(out, "\n%s\n%.*s\n", type, SLICE_ARG(link));
    put_lower(out, date);
    buf_put_str(out, "\n\n");
}

void cosmos_sign(struct slice key, const char *method, const char *type, struct slice link,
                 const char *date, struct buf *out)
{
    struct buf payload = {0}, plain = {0};
    uint8_t mac[32];
    size_t len = 0;
    put_payload(&payload, method, type, link, date);
    struct slice p = buf_slice(&payload);
    bool done = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.ptr, key.len, p.ptr, p.len, mac,
                          sizeof mac, &len) != NULL;
    assert(done && len == sizeof mac);
    buf_put_str(&plain, "type=master&ver=1.0&sig=");
    text_base64(&plain, slice_of(mac, len));
    text_percent(out, buf_slice(&plain));
    buf_free(&plain);
    buf_free(&payload);
}
