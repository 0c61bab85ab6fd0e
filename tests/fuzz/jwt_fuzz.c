/* jwt_fuzz.c - auth/jwt.h: any text is a token or is none, any JSON a set of keys; nobody guesses a signature.  What
 * has a newline in it is keys and a token of theirs, too. */
#include <string.h>

#include "auth/jwt.h"
#include "fuzz.h"

#define KEYS                                                                                       \
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":"                            \
    "\"uJ83RwTWdNajsevU1oDpaZjQaHGpgM"                                                             \
    "eRRjdENmc0ybQ\",\"y\":\"KfJBDrjsMFizwM7_roeY5i_RZMOG5CxFmkZGaBJDZsU\"}]}"
#define SIGNED                                                                                     \
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUifQ.eyJpc3MiOiJodHRwczovL2EiLCJhdWQiOiJodWIiLCJzd"             \
    "WIiOiI3Iiwibm9uY2UiOiJuIiwiaWF0IjoxNzk5OTk5OTkwLCJleHAiOjE4MDAwMDAzMDB9"
#define TOKEN                                                                                      \
    SIGNED "."                                                                                     \
           "Wcdma25EN3Jh9wd_JZxZbd1YS1LuJJofIWUnChefI4Rd425fygwaocmiQROGsdI3cQ6JZt-Q1dPRnVFF"      \
           "9T-JCQ"

static enum err judge(struct slice keys, struct slice token)
{
    struct arena a = {0};
    struct json *set, *claims = NULL;
    enum err e = json_parse(&a, keys, &set);
    const struct jwt_ask ask = {.token = token,
                                .keys = set,
                                .issuer = SLICE_LIT("https://a"),
                                .audience = SLICE_LIT("hub"),
                                .nonce = SLICE_LIT("n"),
                                .now_s = 1800000000};
    if (e == OK) e = jwt_verify(&a, &ask, &claims);
    if (e == OK) assert(json_str(claims, "sub").len > 0);
    arena_free(&a);
    return e;
}

static void check_base64url(struct slice input)
{
    struct buf text = {0};
    jwt_base64url(&text, input);
    assert(buf_size(&text) == (input.len * 4 + 2) / 3);
    for (size_t i = 0; i < buf_size(&text); i++) assert(!strchr("+/=", buf_slice(&text).ptr[i]));
    buf_free(&text);
}

void fuzz_one(struct slice input)
{
    bool ours = slice_starts(input, SLICE_LIT(SIGNED "."));
    assert(judge(SLICE_LIT(KEYS), input) != OK || ours);
    if (judge(input, SLICE_LIT(TOKEN)) == OK) assert(slice_find(input, '{') < input.len);
    struct slice keys, token = input;
    if (slice_split(&token, '\n', &keys) && token.ptr) (void)!judge(keys, token);
    check_base64url(input);
}
