/* jwt.c - parts, header, key, signature, claims; in that order. */
#include "auth/jwt.h"

#include "auth/jwk.h"
#include "base/text.h"

/* ---- base64url */

void jwt_base64url(struct buf *out, struct slice bytes)
{
    size_t from = buf_size(out);
    if (bytes.len == 0) return;
    text_base64(out, bytes);
    uint8_t *text = out->ptr + out->len - (buf_size(out) - from);
    size_t len = buf_size(out) - from;
    while (len && text[len - 1] == '=') len--;
    for (size_t i = 0; i < len; i++)
        text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    out->len -= buf_size(out) - from - len;
}

/* What encodes to something else than it was decoded from is no encoding (unused bits, padding). */
static enum err decode(struct buf *out, struct slice text)
{
    struct buf plain = {0}, again = {0};
    buf_put_slice(&plain, text);
    for (size_t i = 0; i < plain.len; i++) {
        uint8_t *c = &plain.ptr[i];
        if (*c == '+' || *c == '/' || *c == '=') *c = ' '; /* refused */
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    while (buf_size(&plain) % 4) buf_put_u8(&plain, '=');
    enum err e = text_unbase64(out, buf_slice(&plain));
    if (e == OK) jwt_base64url(&again, buf_slice(out));
    if (e == OK && !slice_eq(buf_slice(&again), text)) e = ERR_INVALID;
    buf_free(&plain);
    buf_free(&again);
    return e == OK ? OK : fail(ERR_INVALID, "a part of the token is no base64url");
}

static enum err decode_json(struct arena *a, struct slice text, struct json **out)
{
    struct buf bytes = {0};
    enum err e = decode(&bytes, text);
    if (e == OK) e = json_parse(a, arena_copy(a, buf_slice(&bytes)), out);
    if (e == OK && (*out)->type != JSON_OBJECT) e = ERR_INVALID;
    buf_free(&bytes);
    return e == OK ? OK : fail(ERR_INVALID, "a part of the token is no JSON object");
}

/* ---- the header and the key */

static bool fits(const struct json *key, enum jwk_alg alg, struct slice kid)
{
    struct slice use = json_str(key, "use"), own = json_str(key, "alg");
    const char *kty = alg == JWK_RS256 ? "RSA" : "EC";
    if (!slice_is(json_str(key, "kty"), kty)) return false;
    if (use.ptr && !slice_is(use, "sig")) return false;
    if (own.ptr && !slice_is(own, jwk_alg_name(alg))) return false;
    return kid.ptr == NULL || slice_eq(json_str(key, "kid"), kid);
}

/* Without a kid there must be one key alone that it can be. */
static const struct json *find_key(const struct json *keys, enum jwk_alg alg, struct slice kid)
{
    const struct json *list = json_get(keys, "keys"), *found = NULL;
    if (list == NULL || list->type != JSON_ARRAY) return NULL;
    for (const struct json *key = list->child; key; key = key->next) {
        if (!fits(key, alg, kid)) continue;
        if (found) return NULL;
        found = key;
    }
    return found;
}

static enum err read_header(const struct json *header, enum jwk_alg *alg, struct slice *kid)
{
    struct slice name = json_str(header, "alg");
    *kid = json_str(header, "kid");
    if (json_get(header, "crit")) return fail(ERR_DENIED, "the token has critical extensions");
    for (*alg = 0; *alg < JWK_ALGS; ++*alg)
        if (slice_is(name, jwk_alg_name(*alg))) return OK;
    return fail(ERR_DENIED, "the token is signed neither by RS256 nor by ES256");
}

/* ---- claims */

static bool is_for(const struct json *claims, struct slice client)
{
    const struct json *aud = json_get(claims, "aud");
    struct slice azp = json_str(claims, "azp");
    bool named = aud && aud->type == JSON_STRING && slice_eq(aud->text, client);
    unsigned count = 0;
    if (aud && aud->type == JSON_ARRAY)
        for (const struct json *one = aud->child; one; one = one->next, count++)
            named = named || (one->type == JSON_STRING && slice_eq(one->text, client));
    if (azp.ptr && !slice_eq(azp, client)) return false;
    return named && (count < 2 || azp.ptr);
}

/* A time that is not there is 0; one that is no whole number is none. */
static bool read_time(const struct json *claims, const char *name, int64_t *out)
{
    const struct json *j = json_given(claims, name);
    *out = 0;
    return j == NULL || (j->type == JSON_NUMBER && json_i64(j, out) == OK);
}

static enum err check_times(const struct json *claims, int64_t now_s)
{
    int64_t exp, nbf, iat;
    if (!read_time(claims, "exp", &exp) || !read_time(claims, "nbf", &nbf) ||
        !read_time(claims, "iat", &iat) || exp == 0 || iat == 0)
        return fail(ERR_DENIED, "the token has no times");
    if (now_s - JWT_SKEW_S >= exp) return fail(ERR_DENIED, "the token has ended");
    if (nbf - JWT_SKEW_S > now_s || iat - JWT_SKEW_S > now_s)
        return fail(ERR_DENIED, "the token is not good yet: do the clocks differ?");
    return OK;
}

static enum err check_claims(const struct json *claims, const struct jwt_ask *ask)
{
    if (!slice_eq(json_str(claims, "iss"), ask->issuer))
        return fail(ERR_DENIED, "the token is another issuer's");
    if (!is_for(claims, ask->audience)) return fail(ERR_DENIED, "the token is for another client");
    TRY(check_times(claims, ask->now_s));
    if (!slice_eq_secret(json_str(claims, "nonce"), ask->nonce))
        return fail(ERR_DENIED, "the token answers another sign-in");
    if (json_str(claims, "sub").len == 0) return fail(ERR_DENIED, "the token has no subject");
    return OK;
}

enum err jwt_verify(struct arena *a, const struct jwt_ask *ask, struct json **claims)
{
    struct slice rest = ask->token, parts[3] = {{0}}, kid;
    struct buf signature = {0};
    struct json *header;
    enum jwk_alg alg = JWK_ALGS;
    if (rest.len > JWT_MAX) return fail(ERR_INVALID, "the token is too long");
    for (int i = 0; i < 3; i++)
        if (!slice_split(&rest, '.', &parts[i])) return fail(ERR_INVALID, "the token is no JWS");
    if (rest.ptr) return fail(ERR_INVALID, "the token is no JWS");
    TRY(decode_json(a, parts[0], &header));
    TRY(read_header(header, &alg, &kid));
    const struct json *key = find_key(ask->keys, alg, kid);
    if (key == NULL) return fail(ERR_NOT_FOUND, "the issuer has no key that the token names");
    size_t signed_len = parts[0].len + 1 + parts[1].len;
    enum err e = decode(&signature, parts[2]);
    if (e == OK)
        e = jwk_verify(key, alg, slice_head(ask->token, signed_len), buf_slice(&signature));
    buf_free(&signature);
    TRY(e);
    TRY(decode_json(a, parts[1], claims));
    return check_claims(*claims, ask);
}
